"""Packages of Debian and of RPM."""

from __future__ import annotations

import os
import stat
from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.model.properties import WithProperties
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.steps.package import rpm
from buildbot.steps.package.deb.lintian import DebLintian
from buildbot.steps.package.deb.pbuilder import DebCowbuilder, DebPbuilder, UbuCowbuilder, UbuPbuilder
from buildbot.steps.package.rpm.mock import Mock
from tests.stepping import NEWEST, Running, StepCase

#: A slave that can tell the age of a file.
COMMANDS = {**NEWEST, "stat": "2.16"}
NAME = WithProperties("%(buildername)s")
#: The time of the system clock in these tests, which is not that of the timers.
NOW = 1e9
COMPLAINTS = b"N: x\nW: pkg: tag\nI: y\n"


def status(mode: int, mtime: float) -> tuple[float, ...]:
    """What the slave says of a file."""
    return (mode, 0, 0, 0, 0, 0, 0, mtime, mtime, mtime)


class PbuilderTests(StepCase):
    """DebPbuilder and its kind."""

    FULL: dict[str, Any] = {
        **{"distribution": "woody", "architecture": "i386", "keyring": "/k", "components": "main"},
        **{"mirror": "http://m", "extrapackages": ["a", "b"], "basetgz": "/x/%(distribution)s.tgz"},
    }

    def looked(self, step: Any, rc: int = 0, **updates: Any) -> Running:
        """A build whose slave has been asked for the system."""
        running = self.prepare(step, commands=COMMANDS)
        running.status.ahead = NOW
        running.begin()
        self.assertEqual(running.command.name, "stat")
        running.command.end(rc, **updates)
        return running

    def test_missing(self) -> None:
        """0.8: a missing system is made, then the package is built in it."""
        running = self.looked(DebPbuilder(**self.FULL), 1)
        self.assertEqual(running.sent[0].args, {"file": "/x/woody.tgz"})
        create = (
            "sudo /usr/sbin/pbuilder --create --basetgz /x/woody.tgz --distribution woody --mirror http://m"
        )
        rest = ["--architecture", "i386", "--extrapackages", "a b", "--debootstrapopts", "--keyring=/k"]
        args = running.command.args
        self.assertEqual(args["command"], [*create.split(), *rest, "--components", "main"])
        self.assertEqual((args["workdir"], running.step.getText()), ("build", ["PBuilder", "create."]))
        running.command.end(0, stdout=b"made\n")
        build = "pdebuild --buildresult . --pbuilder /usr/sbin/pbuilder --architecture i386 --"
        rest = ["--buildresult", ".", "--basetgz", "/x/woody.tgz", "--extrapackages", "a b"]
        self.assertEqual(running.command.args["command"], [*build.split(), *rest])
        self.assertEqual(running.step.getText(), ["pdebuilding"])
        running.command.end(0, stdout=b"pkg W: x\nwarning: y\n")
        self.assertEqual((running.result, running.step.getText()), (WARNINGS, ["pdebuild", "warnings"]))
        self.assertEqual(running.log("pbuilder"), "made\nexit code 0\n")

    def test_defaults(self) -> None:
        """0.8: each kind has its program, its place and its mirror."""
        debian, ubuntu = "http://cdn.debian.net/debian/", "http://archive.ubuntu.com/ubuntu/"
        for cls, program, place, mirror, more in (
            (DebPbuilder, "pbuilder --create --basetgz", "tgz", debian, []),
            (DebCowbuilder, "cowbuilder --create --basepath", "cow/", debian, []),
            (UbuPbuilder, "pbuilder --create --basetgz", "tgz", ubuntu, ["--components", "main universe"]),
            (
                UbuCowbuilder,
                "cowbuilder --create --basepath",
                "cow/",
                ubuntu,
                ["--components", "main universe"],
            ),
        ):
            running = self.looked(cls(distribution="d"), 1)
            place = f"/var/cache/pbuilder/d-local-buildbot.{place}"
            command = f"sudo /usr/sbin/{program} {place} --distribution d --mirror {mirror}"
            self.assertEqual(running.command.args["command"], [*command.split(), *more])
        self.looked(DebPbuilder())
        for cls in (UbuPbuilder, UbuCowbuilder):
            self.assertIn("distribution", str(self.assertRaises(BadArguments, cls)))

    def test_age(self) -> None:
        """0.8: an old system is updated before the build, also one in a directory.

        The system clock tells the age: it may have been set since the master started.
        """
        for mode in (stat.S_IFREG, stat.S_IFDIR):
            for age, isUpdated in ((0.0, False), (7 * 86400.0, True)):
                running = self.looked(DebPbuilder(basetgz="/b"), stat=status(mode, NOW - age))
                if isUpdated:
                    update = ["sudo", "/usr/sbin/pbuilder", "--update", "--basetgz", "/b"]
                    self.assertEqual(running.command.args["command"], update)
                    running.command.end(0)
                self.assertEqual(running.command.args["command"][0], "pdebuild")

    def test_failures(self) -> None:
        """Without its system, a package is not built, and the step fails."""
        running = self.looked(DebPbuilder(basetgz="/b"), 1)
        running.command.end(1)
        words = ["pdebuilding", "PBuilder", "create", "failed"]
        self.assertEqual((running.result, running.step.getText()), (FAILURE, words))
        running = self.looked(DebPbuilder(basetgz="/b"), stat=status(stat.S_IFIFO, 0))
        self.assertEqual(running.result, FAILURE)
        self.assertEqual(running.log("pbuilder"), "/b is neither a file nor a directory\n")
        running = self.looked(DebPbuilder(basetgz="/b"), stat=status(stat.S_IFREG, NOW))
        running.command.end(1)
        self.assertEqual((running.result, running.step.getText()), (FAILURE, ["pdebuild", "failed"]))

    def test_oldSlave(self) -> None:
        """A slave of 0.7, which cannot tell the age of a file, looks whether it exists."""
        running = self.begin(DebPbuilder(basetgz="/b"))
        self.assertEqual(running.command.args["command"], ["test", "-e", "/b"])
        running.command.end(0)
        self.assertEqual(running.command.args["command"][0], "pdebuild")

    def test_stopped(self) -> None:
        """A stop while the system is made ends the step."""
        running = self.looked(DebPbuilder(basetgz="/b"), 1)
        running.build.stopBuild("enough")
        self.assertIsNotNone(running.command.interrupted)
        running.command.end(1)
        self.assertEqual(len(running.sent), 2)

    def test_wrong(self) -> None:
        """A place with an unknown name in it is refused, and so is a command."""
        for kwargs, words in (
            ({"basetgz": "/x/%(release)s"}, "basetgz must be a path, which may have %(distribution)s"),
            ({"command": "make"}, "take command= out"),
            ({"extrapackages": "a"}, "extrapackages must be a list of texts"),
        ):
            make: Any = DebPbuilder
            self.assertIn(words, str(self.assertRaises(BadArguments, make, **kwargs)))


class LintianTests(StepCase):
    """DebLintian."""

    def test_results(self) -> None:
        """0.8: errors are a failure, and warnings are WARNINGS."""
        for output, rc, result, logs in (
            (b"", 0, SUCCESS, []),
            (COMPLAINTS, 0, WARNINGS, ["warnings"]),
            (COMPLAINTS + b"E: pkg: tag\n", 0, FAILURE, ["warnings", "errors"]),
            (b"", 2, FAILURE, []),
        ):
            running = self.begin(DebLintian("foo.changes", suppressTags=["a", "b"]))
            running.command.end(rc, stdout=output)
            self.assertEqual((running.result, running.logs()), (result, ["stdio", *logs]))
        self.assertEqual(
            running.command.args["command"],
            ["lintian", "-v", "foo.changes", "--suppress-tags", "a", "--suppress-tags", "b"],
        )


class Revised(rpm.RpmBuild):
    """A step of a build whose source has this revision."""

    revision: Any = None

    def getProperty(self, propname: str, *default: Any) -> Any:
        """The revision; KeyError without one."""
        return self.revision or default[0]


class RpmTests(StepCase):
    """RpmBuild and RpmLint."""

    #: The command up to the options that an argument changes.
    BEGIN = " ".join(
        [
            "rpmbuild",
            *(f'--define "_{name} `pwd`"' for name in ("topdir", "builddir", "rpmdir", "sourcedir")),
            *(f'--define "_{name} `pwd`"' for name in ("specdir", "srcrpmdir")),
            '--define "dist .el5"',
        ]
    )

    def test_build(self) -> None:
        """0.8: the command, and the logs of the steps and of the errors of rpmbuild."""
        running = self.begin(rpm.RpmBuild(specfile="foo.spec"))
        self.assertEqual(running.command.args["command"], f"{self.BEGIN} -ba foo.spec")
        output = b"+ cd x\nWrote: a.rpm\nx\nerror: c\nRPM build errors:\n    Bad exit\nProcessing files: x\n"
        running.command.end(1, stdout=output)
        self.assertEqual((running.result, running.step.getText()), (FAILURE, ["RPMBUILD", "failed"]))
        self.assertEqual(running.log("RPM Command Log"), "+ cd x\nWrote: a.rpm\nProcessing files: x\n")
        self.assertEqual(running.log("RPM Errors"), "error: c\nRPM build errors:\n    Bad exit\n")

    def test_release(self) -> None:
        """0.8: builds are counted in a file of the master's directory, if they are to be."""
        for release in (0, 1, 2):
            running = self.begin(rpm.RpmBuild(specfile="rpm/foo.spec", autoRelease=True))
            command = f'{self.BEGIN} --define "_release {release}" -ba rpm/foo.spec'
            self.assertEqual(running.command.args["command"], command)
        self.assertIn("foo.release", os.listdir(self.basedir))

    def test_revision(self) -> None:
        """0.8: the revision of the source may be defined; a shell does not read it."""
        for revision, option in (
            ("abc", ' --define "_revision abc"'),
            ("a`b`", " --define '_revision a`b`'"),
            (None, ""),
            ({"": "abc", "lib": "def"}, ' --define "_revision abc"'),
        ):
            step = Revised(specfile="foo.spec", vcsRevision=True)
            Revised.revision = revision
            command = self.begin(step).command.args["command"]
            self.assertEqual(command, f"{self.BEGIN}{option} -ba foo.spec")

    def test_lint(self) -> None:
        """0.8: the exit status is the result; warnings and errors have logs."""
        running = self.begin(rpm.RpmLint())
        self.assertEqual(running.command.args["command"], ["rpmlint", "-i", "."])
        running.command.end(0, stdout=b"foo.spec: W: a\nfoo.spec: E: b\n1 packages checked\n")
        self.assertEqual(running.result, SUCCESS)
        self.assertEqual(running.step.getText(), ["Finished checking RPM/SPEC issues"])
        self.assertEqual(running.log("errors"), "foo.spec: E: b\n")
        running = self.begin(rpm.RpmLint(fileloc=NAME, config="c"))
        self.assertEqual(running.command.args["command"], ["rpmlint", "-i", "-f", "c", "full"])
        running.command.end(64)
        self.assertEqual(running.result, FAILURE)


class MockTests(StepCase):
    """Mock and its kind."""

    def cleaned(self, step: Any) -> Running:
        """A build whose old logs are removed."""
        running = self.begin(step)
        self.assertEqual(running.command.args["command"][:3], ["rm", "-f", "--"])
        running.command.end(0)
        return running

    def test_logs(self) -> None:
        """0.8: the logs of the build before are removed, and those of this one watched."""
        for resultdir, place in ((None, ""), ("RD", "RD/"), (NAME, "full/")):
            running = self.cleaned(Mock(root="r", resultdir=resultdir))
            files = {name: f"{place}{name}" for name in ("build.log", "root.log", "state.log")}
            self.assertEqual(running.sent[0].args["command"][3:], list(files.values()))
            self.assertEqual(running.command.args["logfiles"], files)
            options = ["--resultdir", place.rstrip("/")] if place else []
            self.assertEqual(running.command.args["command"], ["mock", "--root", "r", *options])

    def test_state(self) -> None:
        """0.8: the words of the running step have the state of mock."""
        running = self.cleaned(rpm.MockRebuild(root="r", srpm="a.src.rpm"))
        self.assertEqual(running.command.args["command"], ["mock", "--root", "r", "--rebuild", "a.src.rpm"])
        running.command.update(log=(b"state.log", b"t - Start: a\nt - State Changed: build\n"))
        self.assertEqual(running.step.getText(), ["mock rebuilding srpm", "[build]"])
        running.command.end(0)
        self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["mock rebuild srpm"]))

    def test_srpm(self) -> None:
        """0.8: the source package that was built is a property, for the step that rebuilds it."""
        running = self.cleaned(rpm.MockBuildSRPM(root="r", spec="foo.spec", sources="src"))
        options = "--buildsrpm --spec foo.spec --sources src"
        self.assertEqual(running.command.args["command"], ["mock", "--root", "r", *options.split()])
        wrote = b"x\nWrote: /builddir/build/SRPMS/foo-1.0-1.src.rpm\n"
        running.command.end(0, log=(b"build.log", wrote))
        self.assertEqual(running.build.getProperty("srpm"), "foo-1.0-1.src.rpm")

    def test_wrong(self) -> None:
        """0.8: what each step must be told."""
        for make, words in (
            (Mock, "lacks its argument root"),
            (rpm.MockBuildSRPM, "lacks its argument spec"),
            (rpm.MockRebuild, "lacks its argument srpm"),
            (rpm.RpmBuild, "lacks its argument specfile"),
            (DebLintian, "lacks its argument fileloc"),
        ):
            self.assertIn(words, str(self.assertRaises(BadArguments, make)))

"""Source from Subversion, on scripted slaves."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.steps.source.svn import SVN
from tests.unit.steps.source.scripted import (
    ANCIENT_SLAVE,
    OLD_SLAVE,
    OLDEST_SLAVE,
    SLAVE,
    WORKER,
    SourceCase,
    change,
)

LOGIN = "--non-interactive --no-auth-cache"
INFO = '<entry kind="dir" path="." revision="7">\n<url>http://x/trunk</url><commit revision="5">'
THERE: dict[str, Any] = {"stat build/.buildbot": 1, "stat build/.svn": 0, "svn info": INFO}


class SvnTests(SourceCase):
    """The slave's own command, and commands of the master."""

    def test_own(self) -> None:
        """The slave's command gets the URL of the branch, and only the options that are set."""
        step = SVN(baseURL="http://x/", defaultBranch="trunk", username="me", password="sekrit")
        told = self.own(step, branch="b", revision=9)
        self.assertEqual((told[""], told["svnurl"], told["revision"]), ("svn", "http://x/b", 9))
        self.assertEqual((told["username"], told["password"]), ("me", "sekrit"))
        self.assertFalse(told.keys() & {"depth", "extra_args", "directory"})
        self.assertEqual(self.own(SVN("http://x/trunk"), changes=[change(3), change(8)])["revision"], 8)
        self.assertIsNone(self.own(SVN(repourl="http://x/trunk"), branch="b")["revision"])

    def test_gates(self) -> None:
        """The master drives what a slave's command is too old for."""
        based = {"baseURL": "http://x/", "defaultBranch": "trunk"}
        for kwargs, commands, source, ways in (
            (based, ANCIENT_SLAVE, {"branch": "b"}, "driven"),
            (based, ANCIENT_SLAVE, {}, "own"),
            (based | {"mode": "clobber"}, ANCIENT_SLAVE, {"branch": "b"}, "own"),
            (based, {}, {}, "own"),
            (based | {"username": "me"}, OLDEST_SLAVE, {}, "driven"),
            (based | {"username": "me"}, OLD_SLAVE, {}, "own"),
            (based | {"depth": "files"}, OLD_SLAVE, {}, "own"),
            (based, WORKER, {}, "driven"),
        ):
            step: Any = SVN(**kwargs)  # type: ignore[arg-type]
            played = self.play(step, commands, THERE, **source)
            self.assertEqual("svn" in played.said, ways == "own", (kwargs, played.said))
        self.assertEqual(self.own(SVN("u"), {})["directory"], "build")

    def test_new(self) -> None:
        """A new working copy, with the revision that it has."""
        step = SVN("http://x/trunk", extra_args=["--trust"], depth="files", preferLastChangedRev=True)
        played = self.play(step, answers={"svn info": INFO}, revision=7)
        wanted = [
            "rmdir build",
            f"svn checkout {LOGIN} --trust --revision 7 --depth files http://x/trunk build @.",
            "svn info --xml @build",
        ]
        self.assertEqual((played.programs, played.result, played.got()), (wanted, SUCCESS, "5"))

    def test_update(self) -> None:
        """A working copy of the same URL is updated; one of another is made again."""
        played = self.play(SVN("http://x/trunk"), answers=THERE)
        self.assertEqual(played.programs[1:2], [f"svn update {LOGIN} @build"])
        self.assertEqual(played.got(), "7")
        played = self.play(SVN("http://x/other"), answers=THERE)
        self.assertIn("rmdir build", played.programs)

    def test_depth(self) -> None:
        """A working copy of another depth is made again: an update keeps the depth that it has."""
        files = {**THERE, "svn info": INFO.replace("<commit", "<depth>files</depth><commit")}
        for there, kwargs, isOurs in (
            (files, {"depth": "files"}, True),
            (files, {"extra_args": ["--depth=files"]}, True),
            (files, {"extra_args": ["-N"]}, True),
            (files, {}, False),
            (THERE, {"depth": "files"}, False),
            (THERE, {"depth": "infinity"}, True),
        ):
            step: Any = SVN("http://x/trunk", **kwargs)
            self.assertEqual("rmdir build" in self.play(step, answers=there).said, not isOurs, kwargs)

    def test_conflicts(self) -> None:
        """A working copy with a conflict or an obstacle is made again, though svn ends with status 0."""
        entry = '<entry\n   path="a&amp;b">\n<wc-status\n   {}\n   revision="7">\n'
        harmless = entry.format('props="none" item="modified"') + entry.format('item="missing" props="none"')
        for flags, isRight in (
            ('item="modified" props="normal"', True),
            ('item="conflicted" props="none"', False),
            ('item="normal" props="conflicted"', False),
            ('props="none" tree-conflicted="true" item="normal"', False),
            ('item="obstructed" tree-conflicted="true"', False),
            ('props="none" item="normal" switched="true"', False),
        ):
            status = harmless + entry.format(flags)
            played = self.play(SVN("http://x/trunk"), WORKER, {"svn status": status, **THERE})
            self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, not isRight), flags)
            answers: dict[str, Any] = {"svn status": status, "svn info": 0, "svn": {}, "stat build/.svn": 0}
            played = self.play(SVN("http://x/trunk"), SLAVE, answers)
            self.assertEqual((played.result, played.said.count("svn")), (SUCCESS, 1 if isRight else 2), flags)
            self.assertEqual("a&b is not as in the repository" in played.log, not isRight)

    def test_obstructed(self) -> None:
        """A file that a build has replaced by a link is got again, without a new working copy."""
        entry = '<entry\n   path="a">\n<wc-status\n   item="obstructed"\n   props="none">\n'
        for after, source, isMended in (
            ("", {}, True),
            (entry, {}, False),
            ("", {"patch": (1, "diff")}, False),
        ):
            answers = {"svn status": [entry, after], **THERE}
            played = self.play(SVN("http://x/trunk"), WORKER, answers, **source)
            self.assertEqual((played.result, "rmdir build" in played.said), (SUCCESS, not isMended))
            self.assertEqual("rmdir build/a" in played.said, not source)
            answers = {**answers, "svn status": [entry, after], "svn update": 0, "svn": {}}
            played = self.play(SVN("http://x/trunk"), SLAVE, answers, **source)
            self.assertEqual((played.result, played.said.count("svn")), (SUCCESS, 1 if isMended else 2))
        played = self.play(
            SVN("http://x/trunk", mode="copy"), SLAVE, {**answers, "svn status": entry, "stat": 0}
        )
        self.assertIn("rmdir source", played.said)

    def test_clean(self) -> None:
        """Files that are not under version control are removed, and changes undone."""
        status = (
            '<entry path="a b"><wc-status props="none" item="unversioned"></wc-status></entry>'
            '<entry\n path="c&amp;d.o">\n<wc-status\n item="ignored"\n></wc-status></entry>'
            '<entry path="kept"><wc-status item="unversioned"></wc-status></entry>'
            '<entry path="e"><wc-status item="modified"></wc-status></entry>'
        )
        both = ["rm -rf -- a b c&d.o @build"]
        for method, rm, removed in (
            ("clean", 0, ["rmdir build/a b"]),
            ("fresh", 0, both),
            ("fresh", 1, [*both, "rmdir build/a b", "rmdir build/c&d.o"]),
        ):
            step = SVN("http://x/trunk", mode="full", method=method, keep_on_purge=["kept"])
            played = self.play(step, answers={**THERE, "svn status": status, "rm ": rm})
            self.assertEqual([each for each in played.said if "rm" in each.split(" ")[0]], removed)
            self.assertIn("svn revert --recursive . @build", played.programs)

    def test_unchanged(self) -> None:
        """Nothing is reverted in a tree without changes: that would look at each file once more."""
        step = SVN("http://x/trunk", mode="full", method="clean")
        for flags, isChanged in (
            ('item="unversioned" props="none"', False),
            ('item="external" props="normal"', False),
            ('props="none" item="missing"', True),
            ('props="modified" item="normal"', True),
            ('props="none" item="normal" tree-conflicted="true"', True),
        ):
            status = f'<entry path="a"><wc-status {flags}></wc-status></entry>'
            played = self.play(step, answers={**THERE, "svn status": status})
            self.assertEqual("svn revert --recursive . @build" in played.programs, isChanged, flags)

    def test_many(self) -> None:
        """All of many files are removed, also if the list of them is longer than an output may be."""
        entry = '<entry path="a{}"><wc-status item="unversioned"></wc-status></entry>\n'
        status = "".join(entry.format(n) for n in range(20000))
        step = SVN("http://x/trunk", mode="full", method="clean")
        played = self.play(step, answers={**THERE, "svn status": [status, status[-1000000:], ""]})
        removed = [
            name for each in played.said if each.startswith("rm -rf") for name in each.split(" ")[3:-1]
        ]
        self.assertEqual((len({*removed}), played.result), (20000, SUCCESS))

    def test_stay(self) -> None:
        """The step ends also if many files stay, because their names cannot be told."""
        status = '<entry path="a?"><wc-status item="unversioned"></wc-status></entry>\n' * 20000
        step = SVN("http://x/trunk", mode="full", method="clean")
        self.assertEqual(self.play(step, answers={**THERE, "svn status": status}).result, SUCCESS)

    def test_marks(self) -> None:
        """A URL with marks that Subversion leaves out is that of the working copy."""
        for url, there, isOurs in (
            ("http://x//trunk/./", "http://x/trunk", True),
            ("HTTP://X:80/trunk@", "http://x/trunk", True),
            ("svn://me@x:3690/a%20b", "svn://me@x/a b", True),
            ("file://localhost/a", "file:///a", True),
            ("http://x/trunk", "http://x/Trunk", False),
            ("http://x:81/trunk", "http://x/trunk", False),
            ("http://x/trunk@5", "http://x/trunk", False),
        ):
            played = self.play(SVN(url), answers={**THERE, "svn info": f"<url>{there}</url>"})
            self.assertEqual("rmdir build" not in played.said, isOurs, url)

    def test_missing(self) -> None:
        """A working copy is kept if the repository does not have the revision."""
        ask = f"svn info {LOGIN} --revision 99"
        for commands, update in ((WORKER, {"svn update": 1}), (SLAVE, {"svn": 1})):
            answers = {ask: 1, "stat build/.buildbot": 1, "stat build/.svn": 0, "svn info": INFO, **update}
            played = self.play(SVN("http://x/trunk"), commands, answers, revision=99)
            self.assertEqual((played.result, "rmdir build" in played.said), (FAILURE, False))
            self.assertTrue(any(each.startswith(ask) for each in played.said))

    def test_unreachable(self) -> None:
        """A build on a working copy with a conflict fails while the repository does not answer."""
        status = '<entry path="a"><wc-status item="conflicted"></wc-status></entry>'
        answers = {"svn status": status, "svn info": 1, "svn": {}, "stat build/.svn": 0}
        played = self.play(SVN("http://x/trunk"), SLAVE, answers)
        self.assertEqual((played.result, played.said.count("svn")), (FAILURE, 1))
        self.assertIn("a is not as in the repository", played.log)

    def test_export(self) -> None:
        """An export tells the revision of the repository."""
        played = self.play(SVN("http://x/trunk", mode="export"), answers={"svn info": INFO})
        wanted = [
            "rmdir build",
            f"svn export {LOGIN} http://x/trunk build @.",
            f"svn info --xml {LOGIN} http://x/trunk @.",
        ]
        self.assertEqual((played.programs, played.got()), (wanted, "7"))

    def test_password(self) -> None:
        """S3: the password is a hidden argument, and no log has it."""
        played = self.play(SVN("u", username="me", password="sekrit"), answers={"svn": "said sekrit"})
        hidden = ("obfuscated", "sekrit", "XXXXXX")
        self.assertIn(hidden, next(each for each in played.sent if each.name == "shell").args["command"])
        self.assertNotIn("sekrit", played.log)
        played = self.play(SVN("u", password="sekrit"), SLAVE, {"svn": {"stdout": b"--password sekrit"}})
        self.assertNotIn("sekrit", played.log)

    def test_branch(self) -> None:
        """svnurl has no place for a branch; %%BRANCH%% is one; repourl of 0.8 ignores it."""
        played = self.play(SVN("http://x/trunk"), branch="b")
        self.assertEqual((played.result, played.said), (FAILURE, []))
        self.assertIn("give baseURL instead", played.log)
        self.assertEqual(self.own(SVN("http://x/%%BRANCH%%/y"), branch="b")["svnurl"], "http://x/b/y")
        self.assertEqual(self.own(SVN(repourl="http://x/y"), branch="b")["svnurl"], "http://x/y")

    def test_wrong(self) -> None:
        """One URL is needed."""
        for kwargs in ({}, {"svnurl": "a", "baseURL": "b"}):
            with self.assertRaises(TypeError) as caught:
                SVN(**kwargs)  # type: ignore[arg-type]
            self.assertIn("needs one of svnurl", str(caught.exception))
        self.assertEqual(SVN("u", directory="d").workdir, "d")

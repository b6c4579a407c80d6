"""Visual Studio: the commands and variables of its releases, and the counting in its output."""

from __future__ import annotations

from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.steps import vstudio
from tests.stepping import Running, StepCase

#: A line of output -> the name of the statistic that counts it.
LINES = {
    "1>------ Rebuild All started: Project: foo, Configuration: Debug Win32 ------": "projects",
    "------ Build started: Project: lib1, Configuration: Release Win32 ------": "projects",
    "--------------------Configuration: bar - Win32 Debug--------------------": "projects",
    "1>a.cpp": "files",
    "d/e.c": "files",
    "a.cxx": "files",
    "x.cpp(1) : warning C4244: 'conv'": "warnings",
    "x.cpp(1): warning C4244: 'conv'": "warnings",
    "x : warning MSB8012: y": "warnings",
    "1>c.cc(3): error C2065: 'q'": "errors",
    "1>link: fatal error LNK1120: x": "errors",
    "error PRJ0002 : x": "errors",
    "a : error : x": "errors",
}
#: Lines that nothing counts.
OTHERS = (
    *("--", "---", "1>Compiling...", "   x.cpp", "foo.rc", "foo.h", "a.cpp:", "0 Warning(s)"),
    *("foo : warning C1234", "warning: plain", "RC : warning", "error: foo", "   2 error C1"),
    "========== Rebuild All: 1 succeeded, 0 failed, 0 skipped ==========",
)
FULL: dict[str, Any] = {
    **{"projectfile": "pf", "config": "cfg", "project": "pj", "mode": "build", "useenv": True},
    **{"installdir": "C:\\I", "INCLUDE": ["i1", "i2"], "LIB": ["l"], "PATH": ["p"]},
}


class CountingTests(StepCase):
    """The output is counted."""

    def ran(self, lines: list[str], rc: int = 0) -> Running:
        running = self.begin(vstudio.VC7(projectfile="pf"))
        running.command.end(rc, stdout="".join(f"{line}\r\n" for line in lines).encode())
        return running

    def test_lines(self) -> None:
        """Each kind of line adds to its own statistic, and other lines to none."""
        none = {"projects": 0, "files": 0, "warnings": 0, "errors": 0}
        for line, kind in LINES.items():
            self.assertEqual(self.ran([line]).step.getStatistics(), {**none, kind: 1}, line)
        self.assertEqual(self.ran(list(OTHERS)).step.getStatistics(), none)

    def test_result(self) -> None:
        """Errors are a failure, warnings are WARNINGS, and the exit status counts, too."""
        warning, error = "x(1) : warning C1: y", "x(1) : error C1: y"
        for lines, rc, result, words in (
            ([], 0, SUCCESS, ["0 projects", "0 files"]),
            ([], 1, FAILURE, ["0 projects", "0 files", "failed"]),
            (["a.c", warning], 0, WARNINGS, ["0 projects", "1 files", "1 warnings", "warnings"]),
            ([warning, error], 0, FAILURE, ["0 projects", "0 files", "1 warnings", "1 errors", "failed"]),
        ):
            running = self.ran(lines, rc)
            self.assertEqual((running.result, running.step.getText()), (result, ["compile", *words]))

    def test_logs(self) -> None:
        """The logs of warnings and errors name the projects; there is none for what did not occur."""
        project = next(iter(LINES))
        running = self.ran([project, "x(1) : warning C1: y", "z"])
        self.assertEqual(running.log("warnings"), f"{project}\nx(1) : warning C1: y\n")
        self.assertEqual(running.logs(), ["stdio", "warnings"])

    def test_progress(self) -> None:
        """Projects, files and warnings are the step's progress."""
        running = self.begin(vstudio.VC7(projectfile="pf"))
        told: list[Any] = []
        running.step.setProgress = lambda metric, value: told.append((metric, value))
        running.command.update(stdout="\n".join([*LINES, ""]).encode())
        self.assertEqual(dict(told), {"projects": 3, "files": 3, "warnings": 3})


class CommandTests(StepCase):
    """0.8: the commands and the variables of each release."""

    def args(self, step: Any) -> dict[str, Any]:
        return self.begin(step).command.args

    def test_vc6(self) -> None:
        """Visual C++ 6 is called msdev."""
        args = self.args(vstudio.VC6(**FULL))
        self.assertEqual(args["command"], ["msdev", "pf", "/MAKE", "pj - cfg", "/BUILD", "/USEENV"])
        self.assertEqual(
            args["env"],
            {
                "PATH": "p;C:\\I\\Common\\msdev98\\BIN;C:\\I\\VC98\\BIN;C:\\I\\Common\\TOOLS\\WINNT;"
                "C:\\I\\Common\\TOOLS;",
                "INCLUDE": "i1;i2;C:\\I\\VC98\\INCLUDE;C:\\I\\VC98\\ATL\\INCLUDE;C:\\I\\VC98\\MFC\\INCLUDE;",
                "LIB": "l;C:\\I\\VC98\\LIB;C:\\I\\VC98\\MFC\\LIB;",
            },
        )
        command = self.args(vstudio.VC6(projectfile="pf"))["command"]
        self.assertEqual(command, ["msdev", "pf", "/MAKE", "ALL - release", "/REBUILD"])

    def test_vc7(self) -> None:
        """Later ones are called devenv."""
        args = self.args(vstudio.VC7(**FULL))
        self.assertEqual(args["command"], ["devenv.com", "pf", "/Build", "cfg", "/UseEnv", "/Project", "pj"])
        self.assertEqual(
            args["env"],
            {
                "PATH": "p;C:\\I\\Common7\\IDE;C:\\I\\VC7\\BIN;C:\\I\\Common7\\Tools;"
                "C:\\I\\Common7\\Tools\\bin;",
                "INCLUDE": "i1;i2;C:\\I\\VC7\\INCLUDE;C:\\I\\VC7\\ATLMFC\\INCLUDE;"
                "C:\\I\\VC7\\PlatformSDK\\include;C:\\I\\SDK\\v1.1\\include;",
                "LIB": "l;C:\\I\\VC7\\LIB;C:\\I\\VC7\\ATLMFC\\LIB;C:\\I\\VC7\\PlatformSDK\\lib;"
                "C:\\I\\SDK\\v1.1\\lib;",
            },
        )
        command = self.args(vstudio.VC7(projectfile="pf", mode="clean"))["command"]
        self.assertEqual(command, ["devenv.com", "pf", "/Clean", "release"])

    def test_vc8(self) -> None:
        """Since Visual Studio 2005 there are two processors."""
        for arch, bin64, suffix in (("x86", "", ""), ("x64", "I\\VC\\BIN\\x86_amd64;", "\\amd64")):
            env = self.args(vstudio.VC8(projectfile="pf", arch=arch, installdir="I"))["env"]
            self.assertEqual(
                env["PATH"],
                f"I\\Common7\\IDE;{bin64}I\\VC\\BIN;I\\Common7\\Tools;I\\Common7\\Tools\\bin;"
                "I\\VC\\PlatformSDK\\bin;I\\SDK\\v2.0\\bin;I\\VC\\VCPackages;${PATH};",
            )
            self.assertEqual(
                env["LIB"],
                f"I\\VC\\LIB{suffix};I\\VC\\ATLMFC\\LIB{suffix};I\\VC\\PlatformSDK\\lib{suffix};"
                f"I\\SDK\\v2.0\\lib{suffix};",
            )
        self.assertEqual(self.args(vstudio.VCExpress9(**FULL))["command"][0], "vcexpress")

    def test_installed(self) -> None:
        """Each release has a directory of its own, and each year is another name of a release."""
        for cls, year, where in (
            (vstudio.VC7, vstudio.VS2003, " .NET 2003"),
            (vstudio.VC8, vstudio.VS2005, " 8"),
            (vstudio.VC9, vstudio.VS2008, " 9.0"),
            (vstudio.VC10, vstudio.VS2010, " 10.0"),
            (vstudio.VC11, vstudio.VS2012, " 11.0"),
            (vstudio.VC12, vstudio.VS2013, " 12.0"),
        ):
            self.assertIs(cls, year)
            begin = f"C:\\Program Files\\Microsoft Visual Studio{where}\\Common7\\IDE;"
            self.assertEqual(self.args(cls(projectfile="pf"))["env"]["PATH"][: len(begin)], begin)

    def test_environment(self) -> None:
        """Variables that are given come first."""
        env = {"PATH": ["a", "b"], "INCLUDE": "II;", "X": "y"}
        found = self.args(vstudio.VC7(projectfile="pf", installdir="I", env=env))["env"]
        self.assertEqual(found["PATH"][:19], "a;b;I\\Common7\\IDE;I"[:19])
        self.assertEqual((found["INCLUDE"][:14], found["X"]), ("II;I\\VC7\\INCLU", "y"))

    def test_msbuild(self) -> None:
        """MSBuild is called by a shell, after the script that sets the variables."""
        running = self.begin(vstudio.MsBuild4("Win32", projectfile="pf", config="cfg", project="pj"))
        self.assertEqual(
            running.command.args["command"],
            '"%VCENV_BAT%" x86 && msbuild "pf" /p:Configuration="cfg" /p:Platform="Win32" /t:"pj"',
        )
        script = "COMNTOOLS}..\\..\\VC\\vcvarsall.bat"
        self.assertEqual(running.command.args["env"], {"VCENV_BAT": f"${{VS110{script}"})
        self.assertEqual(running.step.getText(), ["building", "pj for", "cfg|Win32"])
        running.command.end(0)
        self.assertEqual(running.step.getText(), ["built", "pj for", "cfg|Win32"])
        newer = self.args(vstudio.MsBuild12(platform="x64", projectfile="pf"))
        self.assertEqual(newer["env"], {"VCENV_BAT": f"${{VS120{script}"})
        self.assertNotIn("/t:", newer["command"])

    def test_msbuildModes(self) -> None:
        """A mode that is given is a target of MSBuild."""
        for mode, project, end in (
            ("rebuild", None, ' /t:"Rebuild"'),
            ("clean", "pj", ' /t:"pj:Clean"'),
            ("build", None, '"x64"'),
        ):
            step = vstudio.MsBuild4("x64", projectfile="pf", mode=mode, project=project)
            self.assertEqual(self.args(step)["command"][-len(end) :], end)

    def test_properties(self) -> None:
        """Arguments may have properties in them; in a command for a shell, none may end its quotes."""
        name = WithProperties("%(buildername)s")
        step = vstudio.VC6(projectfile=name, project=name, config=name, installdir=name)
        args = self.args(step)
        self.assertEqual(args["command"][1:4], ["full", "/MAKE", "full - full"])
        self.assertEqual(args["env"]["LIB"], "full\\VC98\\LIB;full\\VC98\\MFC\\LIB;")
        running = self.begin(vstudio.MsBuild4("x64", projectfile=WithProperties('%(buildername)s"&&del')))
        self.assertEqual((running.sent, running.result), ([], EXCEPTION))
        self.assertEqual(len(self.flushLoggedErrors(vstudio.UnsafeText)), 1)

    def test_wrong(self) -> None:
        """Arguments that no release takes are refused."""
        for make, words in (
            (lambda: vstudio.VC8(projectfile="pf", arch="arm"), "arch must be 'x86' or 'x64'"),
            (lambda: vstudio.VC7(projectfile="pf", mode="q"), "mode must be 'rebuild', 'build' or 'clean'"),
            (lambda: vstudio.VC7(projectfile="pf", command="x"), "take command= out"),
            (lambda: vstudio.MsBuild4(projectfile="pf"), "lacks its argument platform"),
        ):
            self.assertIn(words, str(self.assertRaises(BadArguments, make)))
        self.assertEqual(vstudio.VC10().configurationTrouble(), " lacks its argument projectfile")

    def test_own(self) -> None:
        """0.8: a site's own class may set its command at the start, and VisualStudio takes any command."""

        class Own(vstudio.VisualStudio):
            def start(self) -> Any:
                self.setCommand(["own", self.projectfile])
                return vstudio.VisualStudio.start(self)

        self.assertEqual(self.args(Own(projectfile="pf"))["command"], ["own", "pf"])
        self.assertEqual(self.args(vstudio.VisualStudio(command="make"))["command"], "make")

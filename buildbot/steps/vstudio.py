# -*- test-case-name: tests.unit.steps.test_vstudio -*-
"""Steps that build a project with Microsoft Visual Studio, and count its warnings and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import REQUIRED, Kind, arguments
from buildbot.config.kinds import FLAG, orNone, textDetail
from buildbot.logs.live import LogFile
from buildbot.model.properties import isRenderable
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.process.kinds import ARGUMENTS, DIRECTORY, PATH, isFilledIn
from buildbot.process.logobserver import KeptLines, LogLineObserver
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.steps.command import ShellCommand, Words
from buildbot.steps.composed import refuseCommand
from buildbot.steps.counting import WARNINGS_LIMIT

#: C{1>------ Rebuild All started: Project: foo, Configuration: Debug Win32 ------}
_PROJECT = re.compile(r"(?:\d+>)?-{5}.+-{5}$")
#: C{1>main.cpp}
_FILE = re.compile(r"(?:\d+>)?[^\s:]+\.(?:cpp|cxx|cc|c)$")
#: C{main.cpp(3) : warning C4244: text}
_WARNING = re.compile(r" ?: warning [A-Z]+\d+:")
#: C{main.cpp(3) : error C2065: text}, C{error PRJ0002 : text}
_ERROR = re.compile(r"\berror (?:[A-Z]+\d+)?\s?: ")


def _choice(*values: str) -> Kind:
    """A kind for one of these texts, or a text with properties."""
    return Kind(
        f"{', '.join(map(repr, values[:-1]))} or {values[-1]!r}",
        lambda value: value in values if isinstance(value, str) else isRenderable(value),
        standIn=values[0],
    )


_TEXT = Kind("text", isFilledIn, textDetail, standIn="x")


class UnsafeText(ValueError):
    """A property would end the quotes around it in a command of Windows; the message says which."""


class MSLogLineObserver(LogLineObserver):
    """I count the projects, files, warnings and errors in an output of Visual Studio.

    The lines before the warnings and errors of a project name the project.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nbProjects = self.nbFiles = self.nbWarnings = self.nbErrors = 0
        self.warnings = KeptLines(WARNINGS_LIMIT)
        self.errors = KeptLines(WARNINGS_LIMIT)

    def outLineReceived(self, line: str) -> None:
        """See L{LogLineObserver}."""
        if _PROJECT.match(line):
            self.nbProjects += 1
            self.warnings.add(line)
            self.errors.add(line)
            self.step.setProgress("projects", self.nbProjects)
        elif _FILE.match(line):
            self.nbFiles += 1
            self.step.setProgress("files", self.nbFiles)
        elif _WARNING.search(line):
            self.nbWarnings += 1
            self.warnings.add(line)
            self.step.setProgress("warnings", self.nbWarnings)
        elif _ERROR.search(line):
            self.nbErrors += 1
            self.errors.add(line)


class VisualStudio(ShellCommand):
    """I am the base class: I run the command that I am given, and read its output.

    Warnings make the result WARNINGS; errors are a failure, also if the exit status is 0.

    @ivar default_installdir: the directory of the program on the slave, for C{installdir=None}.
    """

    name = "compile"
    description: Words | None = ["compiling"]
    descriptionDone: Words | None = ["compile"]
    progressMetrics = ("output", "projects", "files", "warnings")
    default_installdir: str | None = None
    _observer: MSLogLineObserver | None = None

    @arguments(
        installdir=DIRECTORY,
        mode=_choice("rebuild", "build", "clean"),
        projectfile=orNone(PATH),
        config=_TEXT,
        useenv=FLAG,
        project=orNone(_TEXT),
        INCLUDE=ARGUMENTS,
        LIB=ARGUMENTS,
        PATH=ARGUMENTS,
    )
    def __init__(
        self,
        installdir: object = None,
        mode: object = "rebuild",
        projectfile: object = None,
        config: Any = "release",
        useenv: bool = False,
        project: Any = None,
        INCLUDE: Sequence[Any] = (),
        LIB: Sequence[Any] = (),
        PATH: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        """@param installdir: the directory of Visual Studio on the slave; None: the usual one.
        @param mode: what is done: C{"rebuild"}, C{"build"} or C{"clean"}.
        @param projectfile: the solution or the project to build.
        @param config: the configuration to build, such as C{"debug"}.
        @param useenv: whether the variables INCLUDE, LIB and PATH replace the directories in the project.
        @param project: the one project of a solution to build; None: all.
        @param INCLUDE: directories before the usual ones in that variable; C{LIB} and C{PATH}: the same.
        """
        super().__init__(**kwargs)
        self.installdir = installdir or self.default_installdir
        self.mode = mode
        self.projectfile = projectfile
        self.config = config
        self.useenv = useenv
        self.project = project
        self.INCLUDE, self.LIB, self.PATH = list(INCLUDE or ()), list(LIB or ()), list(PATH or ())

    def directories(self) -> Mapping[str, Sequence[str]]:
        """The usual directories of each variable, below the directory of Visual Studio."""
        return {}

    def start(self) -> Any:
        """See L{ShellCommand}."""
        self._observer = MSLogLineObserver()
        self.addLogObserver("stdio", self._observer)
        return super().start()

    def setupEnvironment(self, cmd: LoggedRemoteCommand) -> None:
        """See L{ShellCommand}; with the directories of Visual Studio."""
        super().setupEnvironment(cmd)
        env = dict(cmd.args["env"] or {})
        usual, home = self.directories(), self.build.render(self.installdir)
        given = self.build.render({"PATH": self.PATH, "INCLUDE": self.INCLUDE, "LIB": self.LIB})
        for variable, first in given.items():
            below = [each if each.startswith("$") else f"{home}\\{each}" for each in usual.get(variable, ())]
            for directory in (*first, *below):
                env[variable] = _joined(env.get(variable), directory)
        cmd.args["env"] = env

    def createSummary(self, log: LogFile) -> None:
        """Add the logs and the statistics."""
        seen = self._observer
        if seen is None:
            return
        for name, count, lines in (
            ("warnings", seen.nbWarnings, seen.warnings),
            ("errors", seen.nbErrors, seen.errors),
        ):
            if count:
                self.addCompleteLog(name, lines.text())
        for name, count in self._counts(seen).items():
            self.setStatistic(name, count)

    def _counts(self, seen: MSLogLineObserver) -> dict[str, int]:
        return {
            "projects": seen.nbProjects,
            "files": seen.nbFiles,
            "warnings": seen.nbWarnings,
            "errors": seen.nbErrors,
        }

    def describe(self, done: bool = False) -> list[str]:
        """See L{ShellCommand}; with what was counted."""
        words = super().describe(done)
        counts = self._counts(self._observer) if done and self._observer is not None else {}
        shown = [f"{n} {what}" for what, n in counts.items() if n or what in ("projects", "files")]
        return [*words, *shown]

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{buildbot.process.loggingstep.LoggingBuildStep}."""
        seen = self._observer
        if cmd.rc != 0 or (seen is not None and seen.nbErrors):
            return FAILURE
        return WARNINGS if seen is not None and seen.nbWarnings else SUCCESS


def _joined(before: Any, directory: str) -> str:
    """A variable of Windows with one more directory."""
    if isinstance(before, (list, tuple)):
        before = ";".join(before)
    if before and not before.endswith(";"):
        before += ";"
    return f"{before or ''}{directory};"


class _OfProject(VisualStudio):
    """I make the command from my arguments."""

    @arguments()
    def __init__(self, **kwargs: Any) -> None:
        refuseCommand(self, kwargs)
        super().__init__(**kwargs)

    def configurationTrouble(self) -> str | None:
        """See L{buildbot.process.basestep.BuildStep}."""
        return super().configurationTrouble() if self.projectfile else " lacks its argument projectfile"

    def commandLine(self) -> Any:
        """The command: a text, or a list. It may have properties in it."""
        raise NotImplementedError

    def start(self) -> Any:
        """See L{ShellCommand}."""
        self.setCommand(self.commandLine())
        return super().start()

    def option(self) -> str:
        """The name of the option for my mode."""
        mode = self.build.render(self.mode)
        return str(mode) if mode in ("rebuild", "clean") else "build"


class VC6(_OfProject):
    """I build with Visual C++ 6."""

    default_installdir = "C:\\Program Files\\Microsoft Visual Studio"

    def directories(self) -> Mapping[str, Sequence[str]]:
        """See L{VisualStudio}."""
        return {
            "PATH": (
                *("Common\\msdev98\\BIN", "VC98\\BIN", "Common\\TOOLS\\WINNT"),
                "Common\\TOOLS",
            ),
            "INCLUDE": ("VC98\\INCLUDE", "VC98\\ATL\\INCLUDE", "VC98\\MFC\\INCLUDE"),
            "LIB": ("VC98\\LIB", "VC98\\MFC\\LIB"),
        }

    def commandLine(self) -> list[Any]:
        """See L{_OfProject}."""
        target = f"{self.build.render(self.project) or 'ALL'} - {self.build.render(self.config)}"
        command = ["msdev", self.projectfile, "/MAKE", target, f"/{self.option().upper()}"]
        return [*command, "/USEENV"] if self.useenv else command


class VC7(_OfProject):
    """I build with Visual C++ .NET 2003."""

    default_installdir = "C:\\Program Files\\Microsoft Visual Studio .NET 2003"
    program = "devenv.com"

    def directories(self) -> Mapping[str, Sequence[str]]:
        """See L{VisualStudio}."""
        return {
            "PATH": ("Common7\\IDE", "VC7\\BIN", "Common7\\Tools", "Common7\\Tools\\bin"),
            "INCLUDE": (
                *("VC7\\INCLUDE", "VC7\\ATLMFC\\INCLUDE"),
                *("VC7\\PlatformSDK\\include", "SDK\\v1.1\\include"),
            ),
            "LIB": ("VC7\\LIB", "VC7\\ATLMFC\\LIB", "VC7\\PlatformSDK\\lib", "SDK\\v1.1\\lib"),
        }

    def commandLine(self) -> list[Any]:
        """See L{_OfProject}."""
        command = [self.program, self.projectfile, f"/{self.option().capitalize()}", self.config]
        if self.useenv:
            command.append("/UseEnv")
        if self.project:
            command += ["/Project", self.project]
        return command


class VC8(VC7):
    """I build with Visual Studio 2005, for C{arch}."""

    default_installdir = "C:\\Program Files\\Microsoft Visual Studio 8"

    @arguments(arch=_choice("x86", "x64"))
    def __init__(self, arch: object = "x86", **kwargs: Any) -> None:
        """@param arch: the processor of the result: C{"x86"} or C{"x64"}."""
        super().__init__(**kwargs)
        self.arch = arch

    def directories(self) -> Mapping[str, Sequence[str]]:
        """See L{VisualStudio}."""
        is64 = self.build.render(self.arch) == "x64"
        libraries = ("VC\\LIB", "VC\\ATLMFC\\LIB", "VC\\PlatformSDK\\lib", "SDK\\v2.0\\lib")
        return {
            "PATH": (
                *("Common7\\IDE", *(["VC\\BIN\\x86_amd64"] if is64 else []), "VC\\BIN"),
                *("Common7\\Tools", "Common7\\Tools\\bin", "VC\\PlatformSDK\\bin", "SDK\\v2.0\\bin"),
                *("VC\\VCPackages", "${PATH}"),
            ),
            "INCLUDE": ("VC\\INCLUDE", "VC\\ATLMFC\\include", "VC\\PlatformSDK\\include"),
            "LIB": [f"{each}\\amd64" if is64 else each for each in libraries],
        }


class VCExpress9(VC8):
    """I build with Visual C++ Express 2008."""

    program = "vcexpress"


class VC9(VC8):
    """I build with Visual Studio 2008."""

    default_installdir = "C:\\Program Files\\Microsoft Visual Studio 9.0"


class VC10(VC9):
    """I build with Visual Studio 2010."""

    default_installdir = "C:\\Program Files\\Microsoft Visual Studio 10.0"


class VC11(VC10):
    """I build with Visual Studio 2012."""

    default_installdir = "C:\\Program Files\\Microsoft Visual Studio 11.0"


class VC12(VC11):
    """I build with Visual Studio 2013."""

    default_installdir = "C:\\Program Files\\Microsoft Visual Studio 12.0"


#: The names by year.
VS2003, VS2005, VS2008, VS2010, VS2012, VS2013 = VC7, VC8, VC9, VC10, VC11, VC12


class MsBuild4(_OfProject):
    """I build with the MSBuild of Visual Studio 2012.

    @ivar vcenv_bat: the script on the slave that sets the variables.
    """

    vcenv_bat = r"${VS110COMNTOOLS}..\..\VC\vcvarsall.bat"
    description = None
    descriptionDone = None

    @arguments(platform=_TEXT, mode=orNone(_choice("rebuild", "build", "clean")))
    def __init__(self, platform: object = REQUIRED, mode: object = None, **kwargs: Any) -> None:
        """@param platform: the platform to build for, such as C{"Win32"}.
        @param mode: what is done; None: what MSBuild does by default, as in 0.8.
        """
        super().__init__(mode=mode or "build", **kwargs)
        self.platform = platform

    def setupEnvironment(self, cmd: LoggedRemoteCommand) -> None:
        """See L{VisualStudio}; with the script."""
        super().setupEnvironment(cmd)
        cmd.args["env"]["VCENV_BAT"] = self.vcenv_bat

    def describe(self, done: bool = False) -> list[str]:
        """The words that are given, or else the project, the configuration and the platform."""
        if self.description is not None or self.build is None:
            return super().describe(done)
        project, config, platform = self._rendered(self.project, self.config, self.platform)
        return ["built" if done else "building", f"{project or 'solution'} for", f"{config}|{platform}"]

    def commandLine(self) -> str:
        """See L{_OfProject}."""
        projectfile, config, platform, project = self._rendered(
            self.projectfile, self.config, self.platform, self.project
        )
        for value in (projectfile, config, platform, project or ""):
            if _UNSAFE.search(value):
                raise UnsafeText(f"{value!r} has a character that ends the quotes around it")
        option = self.option().capitalize()
        target = ":".join(filter(None, [project, option if option != "Build" else ""]))
        command = f'"%VCENV_BAT%" x86 && msbuild "{projectfile}"'
        command += f' /p:Configuration="{config}" /p:Platform="{platform}"'
        return f'{command} /t:"{target}"' if target else command

    def _rendered(self, *values: object) -> list[Any]:
        return [self.build.render(value) for value in values]


#: What the shell of Windows reads inside quotes.
_UNSAFE = re.compile(r'["%\r\n]')


class MsBuild12(MsBuild4):
    """I build with the MSBuild of Visual Studio 2013."""

    vcenv_bat = r"${VS120COMNTOOLS}..\..\VC\vcvarsall.bat"


#: The name of early releases.
MsBuild = MsBuild4

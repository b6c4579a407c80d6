# -*- test-case-name: tests.unit.process.test_buildfactory -*-
"""Factories for projects built by common tools.

Most take the source step as an argument. L{BasicBuildFactory}, L{QuickBuildFactory} and L{BasicSVN} make it
from the address of a repository.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from buildbot.config.arguments import Kind, arguments
from buildbot.config.kinds import FLAG, TEXT, orNone
from buildbot.model.properties import Renderable, WithProperties
from buildbot.process.basestep import BuildStep
from buildbot.process.buildfactory import BuildFactory, Step, s
from buildbot.process.kinds import ARGUMENTS, COMMAND, DIRECTORY, ENVIRONMENT, PROGRAM, WORDS
from buildbot.steps.command import ShellCommand
from buildbot.steps.python_twisted import Trial as TrialStep
from buildbot.steps.source.cvs import CVS
from buildbot.steps.source.svn import SVN
from buildbot.steps.stages import Compile, Configure, Test

Command = str | WithProperties | Sequence[Any]

#: A command that accepts flags behind it. A WithProperties is one text, so flags cannot be appended.
_CONFIGURE = replace(COMMAND, fits=lambda value: not isinstance(value, Renderable) and COMMAND.fits(value))

_RECONF_KIND = replace(COMMAND, fits=lambda value: isinstance(value, bool) or COMMAND.fits(value))

_SOURCE = Kind(
    "a step, or s(StepClass, …)",
    lambda value: isinstance(value, BuildStep) or (isinstance(value, tuple) and len(value) == 2),
    standIn=(BuildStep, {}),
)


#: The command of C{reconf=True}.
_RECONF = ("autoreconf", "-si")


class GNUAutoconf(BuildFactory):
    """I run configure, make all, make check. A command of None omits its step."""

    @arguments(
        source=_SOURCE,
        configure=_CONFIGURE,
        configureEnv=ENVIRONMENT,
        configureFlags=ARGUMENTS,
        compile=COMMAND,
        test=COMMAND,
        reconf=_RECONF_KIND,
        distcheck=COMMAND,
    )
    def __init__(
        self,
        source: Step,
        configure: str | Sequence[Any] | None = "./configure",
        configureEnv: Mapping[str, str] | None = None,
        configureFlags: Sequence[str] = (),
        compile: Command | None = ("make", "all"),
        test: Command | None = ("make", "check"),
        reconf: Command | bool | None = None,
        distcheck: Command | None = None,
    ) -> None:
        """@param reconf: a command that makes the script configure; True: C{autoreconf -si}.
        @param distcheck: the command of a last step, such as C{["make", "distcheck"]}.
        """
        super().__init__([source])
        if reconf:
            self.addStep(
                ShellCommand, name="autoreconf", command=_whole(_RECONF if reconf is True else reconf)
            )
        if configure:
            flags = list(configureFlags or ())
            self.addStep(Configure, command=_withFlags(configure, flags), env=dict(configureEnv or {}))
        _addCommands(self, compile, test)
        if distcheck:
            self.addStep(Test, command=_whole(distcheck))


class BasicBuildFactory(GNUAutoconf):
    """I check out a module of CVS, and run configure, make all, make check."""

    _mode = "clobber"

    @arguments(
        cvsroot=TEXT,
        cvsmodule=TEXT,
        configure=_CONFIGURE,
        configureEnv=ENVIRONMENT,
        compile=COMMAND,
        test=COMMAND,
        cvsCopy=FLAG,
    )
    def __init__(
        self,
        cvsroot: str,
        cvsmodule: str,
        configure: str | Sequence[Any] | None = None,
        configureEnv: Mapping[str, str] | None = None,
        compile: Command | None = "make all",
        test: Command | None = "make check",
        cvsCopy: bool = False,
    ) -> None:
        """@param cvsCopy: keep a checkout and copy it for each build, instead of a new checkout."""
        mode = "copy" if cvsCopy and self._mode == "clobber" else self._mode
        source = s(CVS, cvsroot=cvsroot, cvsmodule=cvsmodule, mode=mode)
        super().__init__(source, configure, configureEnv, compile=compile, test=test)


class QuickBuildFactory(BasicBuildFactory):
    """I am like L{BasicBuildFactory}, but update the checkout of the last build and do not estimate times."""

    useProgress = False
    _mode = "update"


class BasicSVN(GNUAutoconf):
    """I update a checkout of Subversion, and run configure, make all, make check."""

    @arguments(
        svnurl=TEXT,
        configure=_CONFIGURE,
        configureEnv=ENVIRONMENT,
        compile=COMMAND,
        test=COMMAND,
    )
    def __init__(
        self,
        svnurl: str,
        configure: str | Sequence[Any] | None = None,
        configureEnv: Mapping[str, str] | None = None,
        compile: Command | None = "make all",
        test: Command | None = "make check",
    ) -> None:
        super().__init__(
            s(SVN, svnurl=svnurl, mode="update"), configure, configureEnv, compile=compile, test=test
        )


class CPAN(BuildFactory):
    """I build a Perl module."""

    @arguments(source=_SOURCE, perl=PROGRAM)
    def __init__(self, source: Step, perl: str = "perl") -> None:
        super().__init__([source])
        self.addStep(Configure, command=[perl, "Makefile.PL"])
        _addCommands(self, ["make"], ["make", "test"])


class Distutils(BuildFactory):
    """I build a Python package and test it with the command C{test}; None: no test step."""

    @arguments(source=_SOURCE, python=PROGRAM, test=COMMAND)
    def __init__(self, source: Step, python: str = "python", test: Command | None = None) -> None:
        super().__init__([source])
        _addCommands(self, [python, "./setup.py", "build"], test)


class Trial(BuildFactory):
    """I test a Python package with Twisted's trial.

    @cvar trial: the program to run. C{trial}, C{randomly} and C{recurse} are defaults for the constructor.
    """

    trial = "trial"
    randomly = False
    recurse = False

    @arguments(
        source=_SOURCE,
        buildpython=WORDS,
        trialpython=WORDS,
        trial=orNone(TEXT),
        testpath=DIRECTORY,
        randomly=orNone(FLAG),
        recurse=orNone(FLAG),
        tests=replace(WORDS, standIn="x"),
        useTestCaseNames=FLAG,
        env=ENVIRONMENT,
    )
    def __init__(
        self,
        source: Step,
        buildpython: Sequence[str] = ("python",),
        trialpython: Sequence[str] = (),
        trial: str | None = None,
        testpath: str = ".",
        randomly: bool | None = None,
        recurse: bool | None = None,
        tests: Any = None,
        useTestCaseNames: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """@param buildpython: the interpreter for C{setup.py build}; empty: no build step.
        @param trialpython: the interpreter for trial; empty: run trial directly.
        """
        super().__init__([source])
        if buildpython:
            self.addStep(Compile, command=[*_plain(buildpython), "./setup.py", "build"], env=dict(env or {}))
        self.addStep(
            TrialStep,
            python=_plain(trialpython or ()),
            trial=trial or self.trial,
            testpath=testpath,
            randomly=self.randomly if randomly is None else randomly,
            recurse=self.recurse if recurse is None else recurse,
            tests=tests,
            testChanges=useTestCaseNames,
            env=dict(env or {}),
        )


def _addCommands(factory: BuildFactory, compile: Command | None, test: Command | None) -> None:
    if compile:
        factory.addStep(Compile, command=_whole(compile))
    if test:
        factory.addStep(Test, command=_whole(test))


def _withFlags(command: Any, flags: list[Any]) -> Any:
    """The command with flags appended. Each flag stays one argument, also with special characters."""
    if not isinstance(command, str):
        return [*command, *flags]
    if not flags:
        return command
    if " " in command and all(isinstance(flag, str) for flag in flags):
        return " ".join([command, *map(shlex.quote, flags)])
    return [*command.split(), *flags]


def _whole(command: Command) -> Any:
    """A command line unchanged; a program and its arguments as a new list."""
    return command if isinstance(command, (str, Renderable)) else list(command)


def _plain(words: Command) -> list[Any]:
    """One word or several as a list."""
    return [words] if isinstance(words, (str, Renderable)) else list(words)

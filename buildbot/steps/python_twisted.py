# -*- test-case-name: tests.test_steps_python -*-
"""Steps for projects in the manner of Twisted: trial, lore's documents, Debian packages.

What any Python project may use is in L{buildbot.steps.python}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.process.logobserver import LogLineObserver, OutputProgressObserver
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.status.results import FAILURE, SKIPPED, SUCCESS, WARNINGS
from buildbot.steps.python import lines
from buildbot.steps.shell import WARNINGS_LIMIT, ShellCommand

#: "Not given", where None means something.
UNSPECIFIED = ()
#: Bytes at the end of trial's output in which its last words are looked for.
TAIL = 10_000

_COUNTS = ("failures", "errors", "skips", "expectedFailures", "unexpectedSuccesses")


class HLint(ShellCommand):
    """I have lore check the C{.xhtml} files of the build's changes; without any I am skipped.

    @ivar warnings: how many it gave.
    """

    name = "hlint"
    description = ["running", "hlint"]
    descriptionDone = ["hlint"]
    warnOnWarnings = True
    warnOnFailure = True
    warnings = 0

    def __init__(self, python: str | None = None, **kwargs: Any) -> None:
        """@param python: what runs lore; None: lore itself."""
        super().__init__(**kwargs)
        self.python = python

    def start(self) -> Any:
        """See L{ShellCommand}."""
        names = {name for name in self.build.allFiles() if name.endswith(".xhtml")}
        files = sorted(name for name in names if not name.startswith("sandbox/"))
        if not files:
            return SKIPPED
        python = [self.python] if self.python else []
        self.setCommand([*python, "bin/lore", "-p", "--output", "lint", *files])
        self.addCompleteLog("files", _text(files))
        return super().start()

    def commandComplete(self, cmd: LoggedRemoteCommand) -> None:
        """See L{ShellCommand}: lore writes its warnings and nothing else."""
        self.warnings = _keep(self, "warnings", (line for line in lines(cmd.logs["stdio"]) if ":" in line))

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{ShellCommand}."""
        return _judge(cmd, self.warnings)

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """How many warnings."""
        return ["hlint" if cmd.rc != 0 else _counted(self.warnings, "hlint")]


class TrialTestCaseCounter(LogLineObserver):
    """I tell the progress of a step, in tests, by the lines that trial writes for each.

    @ivar numTests: how many there were so far.
    @ivar finished: whether trial has begun to say what went wrong.
    """

    numTests = 0
    finished = False
    _test = re.compile(r"(?:Doctest: )?[\w.]+(?: \([\w.]+\))? \.\.\. *\[[^\]]+\]$")

    def outLineReceived(self, line: str) -> None:
        """See L{LogLineObserver}."""
        if self.finished:
            return
        if line.startswith("=" * 40):
            self.finished = True
        elif self._test.match(line.strip()):
            self.numTests += 1
            self.step.setProgress("tests", self.numTests)


class Trial(ShellCommand):
    """I run trial.

    There is a log C{problems} with what it says of tests that did not pass, and one C{warnings} with the
    warnings of the code it ran.

    @ivar results: SUCCESS or FAILURE, once trial has ended; C{text} and C{text2}: that in words.
    """

    name = "trial"
    progressMetrics = ("output", "tests", "test.log")
    logfiles = {"test.log": "_trial_temp/test.log"}
    flunkOnFailure = True
    python: Sequence[str] | str | None = None
    trial = "trial"
    trialMode: Sequence[str] = ["--reporter=bwverbose"]
    trialArgs: Sequence[str] = []
    testpath: Any = UNSPECIFIED
    testChanges = False
    recurse = False
    reactor: str | None = None
    randomly = False
    tests: Sequence[str] | str | None = None
    results = FAILURE

    def __init__(
        self,
        reactor: Any = UNSPECIFIED,
        python: Sequence[str] | str | None = None,
        trial: str | None = None,
        testpath: Any = UNSPECIFIED,
        tests: Sequence[str] | str | None = None,
        testChanges: bool | None = None,
        recurse: bool | None = None,
        randomly: bool | None = None,
        trialMode: Sequence[str] | None = None,
        trialArgs: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """
        @param reactor: its name, as in C{"gtk"}; None: trial's own.
        @param python: what runs trial, with its arguments; None: trial itself.
        @param testpath: put in front of PYTHONPATH; None: nothing. Here or in a subclass, it has to be said.
        @param tests: what to test, one or several names.
        @param testChanges: test what belongs to the build's changed files, instead of C{tests}.
        @param recurse: for trials that need to be told to look into packages.
        @param randomly: in another order each time.
        @param trialMode: how trial reports; C{trialArgs}: its other arguments.
        @raise ValueError: something is missing, or holds spaces and would be taken for one word.
        """
        super().__init__(**kwargs)
        given = {
            "python": python or None,
            "trial": trial or None,
            "tests": tests,
            "testChanges": testChanges,
            "recurse": recurse,
            "randomly": randomly,
            "trialMode": trialMode,
            "trialArgs": trialArgs,
        }
        for name, value in given.items():
            if value is not None:
                setattr(self, name, value)
        if reactor is not UNSPECIFIED:
            self.reactor = reactor
        if testpath is not UNSPECIFIED:
            self.testpath = testpath
        self._check()
        self.text: list[str] = []
        self.text2: list[str] = []
        self.setCommand(self._trialCommand())
        self.description = ["testing", *([f"({self.reactor})"] if self.reactor else [])]
        self.descriptionDone = ["tests"]

    def _check(self) -> None:
        self.python, self.tests = _several(self.python), _several(self.tests)
        if any(" " in each for each in self.python or ()):
            raise ValueError(f"python is a list of words, as in ['python', '-Wall'], not {self.python!r}")
        if " " in self.trial:
            raise ValueError(f"trial is one word without spaces, not {self.trial!r}")
        if self.testpath is UNSPECIFIED:
            raise ValueError("say where the code is that is tested: testpath='.', or testpath=None")
        if self.tests is None and not self.testChanges:
            raise ValueError("say what to test: tests=['name'], or testChanges=True")

    def _trialCommand(self) -> list[Any]:
        return [
            *(self.python or ()),
            self.trial,
            *self.trialMode,
            *(["--recurse"] if self.recurse else []),
            *([f"--reactor={self.reactor}"] if self.reactor else []),
            *(["--random=0"] if self.randomly else []),
            *self.trialArgs,
        ]

    def setupEnvironment(self, cmd: LoggedRemoteCommand) -> None:
        """See L{ShellCommand}; here with C{testpath}."""
        super().setupEnvironment(cmd)
        if self.testpath is not None:
            env = cmd.args["env"] = dict(cmd.args["env"] or {})
            before = env.get("PYTHONPATH")
            if isinstance(before, str):
                before = [before] if before else []
            env["PYTHONPATH"] = ":".join([self.build.render(self.testpath), *(before or ())])

    def start(self) -> Any:
        """See L{ShellCommand}."""
        if self.testChanges:
            changed = [name for name in self.build.allFiles() if name.endswith(".py")]
            what = [f"--testmodule={name}" for name in changed]
        else:
            what = list(self.tests or ())
        command: Any = self.command
        self.setCommand([*command, *what])
        self.addLogObserver("stdio", TrialTestCaseCounter())
        self.addLogObserver("test.log", OutputProgressObserver("test.log"))
        return super().start()

    def commandComplete(self, cmd: LoggedRemoteCommand) -> None:
        """Read trial's last words; without them, nobody knows whether it tested anything."""
        counts = countFailedTests(_tail(cmd.logs["stdio"]))
        self.results, self.text, summary = _verdict(cmd.rc, counts)
        for key, word in (("skips", "skip"), ("expectedFailures", "todo"), ("unexpectedSuccesses", "surprise")):
            if counts[key]:
                self.text.append(_counted(counts[key] or 0, word))
        if self.reactor:
            self.text.append(self.rtext("(%s)"))
            summary = f"{summary} {self.rtext('(%s)')}" if summary else ""
        self.text2 = [summary] if summary else []

    def rtext(self, fmt: str = "%s") -> str:
        """The reactor in a few letters, put into C{fmt}; nothing if it is trial's own."""
        return (fmt % self.reactor).replace("reactor", "") if self.reactor else ""

    def addTestResult(self, testname: tuple[str, ...], results: int, text: list[str], tlog: str) -> None:
        """
        A test did not pass; subclasses may look.

        @param testname: the parts of its full name.
        @param results: SKIPPED, FAILURE; SUCCESS if the failure was expected, WARNINGS if it was and did not come.
        @param text: that in words; C{tlog}: what trial said of it.
        """

    def createSummary(self, loog: Any) -> None:
        """Pick the problems and the warnings out of the output."""
        output = lines(loog)
        _keep(self, "warnings", sorted(_warnings(output)))
        problems = _Problems(self)
        for line in output:
            problems.line(line)
        problems.end()

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{ShellCommand}."""
        return self.results

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """How many tests, and what of them."""
        return self.text

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """How many problems."""
        return self.text2

"""Arguments of shell commands that came after 0.7.5, on every generation of slaves."""

from __future__ import annotations

from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.model.interpolate import Interpolate, Property
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS, WARNINGS
from buildbot.process.remotecommand import RemoteShellCommand
from buildbot.steps.shell import Compile, ShellCommand
from buildbot.steps.slave import MakeDirectory
from buildbot.steps.transfer import FileUpload
from tests.fakes import KINDS
from tests.stepping import Running, StepCase


def commandsOf(kind: str) -> dict[str, str]:
    """The commands of one generation of slaves."""
    names = ("shell", "uploadFile", "downloadFile", "mkdir")
    return dict.fromkeys(names, KINDS[kind].command) if KINDS[kind].command else {}


class GenerationTests(StepCase):
    """A slave gets only the arguments that it knows; the log tells of the others."""

    #: Generation -> the optional arguments that its slaves know.
    KNOWN = {
        "0.5": (),
        "0.7.5": ("initial_stdin",),
        "0.7.12": ("initial_stdin", "usePTY"),
        "0.8.14": ("initial_stdin", "usePTY", "interruptSignal", "sigtermTime"),
        "w0.9": ("initial_stdin", "usePTY", "interruptSignal", "sigtermTime"),
        "w4.3": ("initial_stdin", "usePTY", "interruptSignal", "sigtermTime"),
    }

    def test_environment(self) -> None:
        """The whole environment may be a property, such as one of the slave."""
        running = self.begin(ShellCommand(command="x", env=Property("env", default={"CC": "gcc"})))
        self.assertEqual(running.command.args["env"], {"CC": "gcc"})
        running.command.end()

    def test_all(self) -> None:
        """Each generation gets what it knows, and has one line in its log for each of the others."""
        given: dict[str, Any] = {"usePTY": False, "interruptSignal": "INT", "sigtermTime": 5}
        for kind, known in self.KNOWN.items():
            step = ShellCommand(command="x", initialStdin="in", timeout=None, maxTime=9, **given)
            running = self.begin(step, commands=commandsOf(kind))
            args = running.command.args
            all = {"initial_stdin": "in", **given}
            self.assertEqual(
                {name: args[name] for name in all if name in args}, {name: all[name] for name in known}
            )
            self.assertEqual((args["timeout"], args["maxTime"]), (None, 9))
            running.command.end()
            log = running.log("stdio")
            for name in all:
                self.assertEqual(f"slave bot1 is too old for {name}: " in log, name not in known, kind)
            self.assertEqual(running.result, SUCCESS)

    def test_plain(self) -> None:
        """A command without such arguments has no such lines."""
        running = self.begin(ShellCommand(command="x", want_stdout=False, want_stderr=False), commands={})
        self.assertEqual((running.command.args["want_stdout"], running.log("stdio")), (False, ""))
        self.assertIs(running.command.args["want_stderr"], False)

    def test_input(self) -> None:
        """The input has two names, and may have properties; both names at once are refused."""
        for name in ("initial_stdin", "initialStdin"):
            given: dict[str, Any] = {name: Interpolate("%(prop:branch)s\n")}
            running = self.begin(ShellCommand(command="cat", **given))
            self.assertEqual(running.command.args["initial_stdin"], "trunk\n")
        self.assertRaises(BadArguments, ShellCommand, command="x", initial_stdin="a", initialStdin="b")


class DecodeRCTests(StepCase):
    """Exit statuses have results of the configuration."""

    def ended(self, rc: int | None, kind: type[ShellCommand] = ShellCommand, **kw: Any) -> Running:
        """A command that ends with this status."""
        running = self.begin(kind(command="x", decodeRC={0: SUCCESS, 1: WARNINGS, 77: SKIPPED}, **kw))
        if rc is None:
            running.command.complete()
        else:
            running.command.end(rc)
        return running

    def test_results(self) -> None:
        """Each exit status has its result; others, and none, are a failure."""
        for rc, results, words in (
            *((0, SUCCESS, []), (1, WARNINGS, ["warnings"]), (77, SKIPPED, ["skipped"])),
            *((2, FAILURE, ["failed"]), (None, FAILURE, ["failed"])),
        ):
            running = self.ended(rc, description="it")
            self.assertEqual((running.result, running.step.getText()), (results, ["it", *words]))

    def test_warnings(self) -> None:
        """Warnings in the output of a compiler are at least warnings."""
        self.assertEqual([self.ended(rc, Compile).result for rc in (0, 1, 2)], [SUCCESS, WARNINGS, FAILURE])
        running = self.begin(Compile(decodeRC={3: SUCCESS}))
        running.command.end(3, stdout=b"x.c:1: warning: y\n")
        self.assertEqual(running.result, WARNINGS)

    def test_refused(self) -> None:
        """Anything but a dictionary of numbers and results is refused."""
        wrong: list[Any] = [{"0": SUCCESS}, {0: 9}, {0: "success"}, [0], 0]
        for each in wrong:
            self.assertRaises(BadArguments, ShellCommand, command="x", decodeRC=each)

    def test_ownCommand(self) -> None:
        """The command of a step of 0.8 tells its own result."""
        command = RemoteShellCommand("build", "x", decodeRC={0: SUCCESS, 1: WARNINGS})
        self.assertNotIn("decodeRC", command.args)
        found = []
        for rc in (0, 1, 2, None):
            command.rc = rc
            found.append((command.results(), command.didFail()))
        self.assertEqual(found, [(SUCCESS, False), (WARNINGS, False), (FAILURE, True), (FAILURE, True)])


class LazyLogTests(StepCase):
    """A watched file gets its log when it has content."""

    def test_lazy(self) -> None:
        """A file without content has no log; all of the others are complete at the end."""
        files = {"one": "one.log", "two": "two.log"}
        running = self.begin(ShellCommand(command="x", logfiles=files, lazylogfiles=True))
        self.assertEqual((running.command.args["logfiles"], running.logs()), (files, ["stdio"]))
        running.command.update(log=(b"two", b"half "))
        running.command.update(log=(b"two", b"line\n"))
        running.command.update(log=(b"other", b"never asked for"))
        self.assertEqual((running.logs(), running.log("two")), (["stdio", "two"], "half line\n"))
        running.command.end()
        self.assertEqual([log.isFinished() for log in running.step.getLogs()], [True, True])

    def test_eager(self) -> None:
        """Without lazylogfiles, each file has its log from the beginning."""
        running = self.begin(ShellCommand(command="x", logfiles={"one": "one.log"}))
        self.assertEqual(running.logs(), ["stdio", "one"])


class DescriptionTests(StepCase):
    """All steps are described by the words of the configuration, with a suffix."""

    def texts(self, step: Any, **updates: Any) -> tuple[list[str], list[str]]:
        """The words of the running and of the finished step."""
        running = self.begin(step, commands=commandsOf("0.8.14"))
        before = running.step.getText()
        if "writer" in running.command.args:
            running.command.args["writer"].remote_close()
        running.command.end(**updates)
        return before, running.step.getText()

    def test_shell(self) -> None:
        """A suffix follows the words for the running and for the finished command."""
        for suffix in ("on unix", ["on unix"], Interpolate("on %(kw:os)s", os="unix")):
            step = ShellCommand(command="make all", descriptionSuffix=suffix)
            self.assertEqual(self.texts(step), (["'make", "all'", "on unix"],) * 2)
        step = Compile(description="compiling", descriptionSuffix=["in", Property("branch")])
        self.assertEqual(self.texts(step), (["compiling", "in", "trunk"], ["compile", "in", "trunk"]))

    def test_rendered(self) -> None:
        """The words may have properties; one that is set later is filled in at the end."""
        words: Any = WithProperties("of %(branch)s")
        step = ShellCommand(command="x", description=words, descriptionDone="done")
        self.assertEqual(self.texts(step), (["of trunk"], ["done"]))

    def test_others(self) -> None:
        """Steps for files use the words, too."""
        given: dict[str, Any] = {"description": "moving", "descriptionDone": ["moved"]}
        upload = FileUpload(slavesrc="a", masterdest="b", **given)
        self.assertEqual(self.texts(upload), (["moving"], ["moved"]))
        upload = FileUpload(slavesrc="a", masterdest="b", descriptionSuffix="now")
        self.assertEqual(self.texts(upload), (["uploading", "a", "now"],) * 2)
        upload = FileUpload(slavesrc="a", masterdest="b", **given)
        self.assertEqual(self.texts(upload, rc=1)[1], ["moved", "failed"])
        self.assertEqual(self.texts(MakeDirectory(dir="d", **given)), (["moving"], ["moved"]))
        self.assertEqual(self.texts(MakeDirectory(dir="d", descriptionSuffix="x"))[1], ["Created", "x"])

    def test_skipped(self) -> None:
        """A skipped step shows its words, too."""
        running = self.begin(ShellCommand(command="x", descriptionDone="done", doStepIf=False))
        self.assertEqual(running.step.getText(), ["done", "skipped"])


class CollectTests(StepCase):
    """A command of a step of 0.8 keeps its output for the step."""

    def test_collected(self) -> None:
        """The output is text; without such a wish there is none."""

        class Asking(ShellCommand):
            def start(self) -> None:
                self.cmd = RemoteShellCommand(
                    "build", ["x"], collectStdout=True, collectStderr=True, logEnviron=False
                )
                self.runCommand(self.cmd).addCallbacks(lambda cmd: self.finished(cmd.results()), self.failed)

        running = self.begin(Asking(command="x"))
        self.assertNotIn("collectStdout", running.command.args)
        running.command.update(stdout="grö".encode()[:-1])
        running.command.end(stdout="ö".encode()[-1:] + b"e\n", stderr=b"oh\n")
        step: Any = running.build.steps[0]
        self.assertEqual((step.cmd.stdout, step.cmd.stderr), ("gröe\n", "oh\n"))
        self.assertEqual(running.result, SUCCESS)

    def test_tooMuch(self) -> None:
        """H9: output that fills the memory of the master ends the command."""

        class Asking(ShellCommand):
            def start(self) -> None:
                self.cmd = RemoteShellCommand("build", ["x"], collectStdout=True)
                self.runCommand(self.cmd).addCallbacks(lambda cmd: self.finished(cmd.results()), self.failed)

        running = self.begin(Asking(command="x"))
        for _ in range(40):
            running.command.update(stdout=b"x" * (1 << 20))
        self.assertIsNotNone(running.command.interrupted)
        running.command.end(-1)
        self.assertEqual(running.result, EXCEPTION)

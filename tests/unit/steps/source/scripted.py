"""A scripted slave for source steps: it answers each command at once, by rules of the test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildstep import BuildStep
from tests.stepping import Running, Sent, StepCase

_FILES = ("mkdir", "rmdir", "cpdir", "stat", "glob", "listdir", "downloadFile", "uploadFile", "shell")
#: Commands and versions of four generations, without those that source steps do not use.
WORKER = {name: "3.3" for name in _FILES}
SLAVE = {
    name: "2.16" for name in (*_FILES, "git", "svn", "hg", "cvs", "darcs", "p4", "bzr", "mtn", "bk", "repo")
}
OLD_SLAVE = {
    name: "2.9"
    for name in (
        *("shell", "uploadFile", "downloadFile", "git", "svn", "hg", "cvs", "darcs", "p4", "bzr"),
        *("p4sync", "arch", "bazaar", "monotone"),
    )
}
OLDEST_SLAVE = {name: "2.2" for name in OLD_SLAVE if name != "bzr"}
#: A slave of 2005, whose own commands are too old for branches.
ANCIENT_SLAVE = {name: "1.30" for name in OLDEST_SLAVE}


class Scripted:
    """I am a build with one source step, on a slave that answers by a function.

    @ivar said: the commands that the slave got, in words: a program with its arguments and its directory, or
        the name of a command of the slave with its arguments.
    """

    def __init__(self, running: Running, answer: Callable[[str], Any]) -> None:
        self.running = running
        self.said: list[str] = []
        self.sent: list[Sent] = []
        self._answer = answer
        running.begin()
        self.go()

    def go(self) -> None:
        """Let the slave answer all commands."""
        while len(self.sent) < len(self.running.sent):
            command = self.running.sent[len(self.sent)]
            self.sent.append(command)
            words = _inWords(command)
            self.said.append(words)
            told = self._answer(words)
            if told is None:
                told = {"rc": 1} if command.name == "stat" else {}
            elif isinstance(told, str):
                told = {"stdout": told.encode()}
            elif isinstance(told, int):
                told = {"rc": told}
            rc = told.pop("rc", 0)
            command.end(rc, **told)

    @property
    def programs(self) -> list[str]:
        """The programs that ran, without those that only look."""
        return [each for each in self.said if not each.startswith(("stat ", "test -e"))]

    @property
    def result(self) -> int | None:
        """The step's result."""
        return self.running.result

    @property
    def log(self) -> str:
        """The step's log, with headers."""
        return self.running.log("stdio")

    def got(self) -> Any:
        """The property of the revision."""
        return self.running.build.properties.asDict().get("got_revision")


def _inWords(sent: Sent) -> str:
    args = sent.args
    if sent.name == "shell":
        words = [each[2] if isinstance(each, tuple) else each for each in args["command"]]
        return f"{' '.join(words)} @{args['workdir']}"
    shown = {
        "rmdir": ("dir",),
        "mkdir": ("dir",),
        "cpdir": ("fromdir", "todir"),
        "stat": ("file",),
        "downloadFile": ("workdir", "workerdest"),
    }.get(sent.name)
    if shown is None:
        return sent.name
    return " ".join([sent.name, *(str(args[name]) for name in shown)])


class SourceCase(StepCase):
    """Source steps on scripted slaves."""

    def play(
        self,
        step: BuildStep,
        commands: Mapping[str, str] = WORKER,
        answers: Mapping[str, Any] | None = None,
        **source: Any,
    ) -> Scripted:
        """Run a step in a build.

        @param answers: the beginning of a command in words -> the standard output (text), the exit status
            (int), or updates; or a list of these, one for each time.
        @param source: the source stamp.
        """
        running = self.prepare(step, commands=commands)
        running.build.source = SourceStamp(**source)
        rules = {
            begin: list(each) if isinstance(each, list) else each for begin, each in (answers or {}).items()
        }

        def answer(words: str) -> Any:
            for begin, told in rules.items():
                if words.startswith(begin):
                    if isinstance(told, list):
                        return told.pop(0) if len(told) > 1 else told[0]
                    return dict(told) if isinstance(told, dict) else told
            return None

        return Scripted(running, answer)

    def own(self, step: BuildStep, commands: Mapping[str, str] = SLAVE, **source: Any) -> dict[str, Any]:
        """The arguments that the slave's own command gets."""
        played = self.play(step, commands, **source)
        (command,) = [each for each in played.sent if each.name != "shell"]
        return {"": command.name, **command.args}


def change(revision: Any = None, branch: str | None = None, when: float = 1000.0) -> Change:
    """A change."""
    return Change("me", ["a"], "c", revision=revision, branch=branch, when=when)

"""Gerrit is told about builds of its changes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from buildbot.config.arguments import BadArguments
from buildbot.gerrit import notifier
from buildbot.gerrit.notifier import GerritStatusPush
from buildbot.programs.running import ProgramFailed
from tests.stories.posting import PostingCase

CHANGE = {
    "event.change.id": "I7",
    "event.change.number": "12",
    "event.change.project": "acme/ship",
    "event.patchSet.number": "3",
}


class GerritStory(PostingCase):
    """A master with one builder, and a Gerrit server in memory."""

    def setUp(self) -> None:
        super().setUp()
        self.got: list[list[str]] = []
        self.trouble: ProgramFailed | None = None
        self.patch(notifier, "run", self.answer)
        self.add("from buildbot.status.status_gerrit import GerritStatusPush, makeReviewResult")
        self.add("c['buildbotURL'] = 'http://ci.example/'")

    def answer(self, clock: object, command: Sequence[str], seconds: float) -> Deferred[bytes]:
        """Stands in for ssh."""
        if self.trouble is not None:
            return fail(self.trouble)
        if command[-1] == "version":
            return succeed(b"gerrit version 3.9.1\n")
        self.got.append(shlex.split(" ".join(command[command.index("review") + 1 :])))
        return succeed(b"")

    def start_(self, more: str = "") -> None:
        """Start a master whose GerritStatusPush has these arguments."""
        self.add(f"c['status'] = [GerritStatusPush('gerrit.example', 'bot'{more})]")
        self.begin()

    def change(self, status: int = 0, properties: Any = CHANGE) -> None:
        """Build a change of Gerrit."""
        self.slaves[-1].onCommand = lambda command: command.end(status)
        self.send(properties=properties)
        self.wait(70)

    @property
    def messages(self) -> list[str]:
        """The messages of the reviews."""
        return [words[words.index("--message") + 1] for words in self.got]

    @property
    def votes(self) -> list[str]:
        """The labels of the reviews."""
        return [words[at + 1] for words in self.got for at, word in enumerate(words) if word == "--label"]

    def test_summary(self) -> None:
        """Without more arguments, a review tells all builds of a set, and votes once."""
        self.edit("60, ['full']", "60, ['full', 'package']")
        self.start_()
        self.change(1)
        (words,) = self.got
        self.assertEqual((words[:2], words[-1]), (["--project", "acme/ship"], "12,3"))
        for name in ("full", "package"):
            url = f"http://ci.example/builders/{name}/builds/0"
            self.assertIn(f"{name}: failure (failed shell) - {url}", self.messages[0])
        self.assertEqual(self.votes, ["Verified=-1"])

    def test_builds(self) -> None:
        """Functions of 0.8 say what a review says, at the start and at the end of each build."""
        self.add("def begun(name, build, arg): return '%s begins %s' % (name, arg)")
        self.add("def ended(name, build, result, status, arg):")
        self.add("    return makeReviewResult('%s %s' % (name, result), ('Verified', -1), ('Docs', 1))")
        self.start_(", reviewCB=ended, startCB=begun, startArg='now', notify='NONE'")
        self.change(1)
        self.assertEqual(self.messages, ["full begins now", "full 2"])
        self.assertEqual(self.votes, ["Verified=-1", "Docs=1"])
        self.assertEqual(self.got[1][2:4], ["--notify", "NONE"])

    def test_others(self) -> None:
        """A build that is about no change on Gerrit has no review."""
        self.start_()
        self.build(0)
        self.assertEqual(self.got, [])

    def test_chosen(self) -> None:
        """Builds of other builders have no review."""
        self.start_(", builders=['package']")
        self.change(0)
        self.assertEqual(self.got, [])

    def test_failing(self) -> None:
        """A function that fails takes only its own review."""
        self.add("def ended(name, build, result, status, arg): return (1 // result, 1, 1) and 'bad'")
        self.start_(", reviewCB=ended")
        self.change(0)
        self.change(1)
        self.assertEqual(self.messages, ["bad"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_down(self) -> None:
        """Reviews wait while the server is down, also over a kill of the master."""
        self.start_()
        self.trouble = ProgramFailed("ssh gerrit: Connection refused", 255)
        self.change(0)
        self.assertIn("Connection refused", str(self.status()["master"]["outgoing"]))
        self.kill()
        self.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual(self.votes, ["Verified=1"])

    def test_killedBeforeQueued(self) -> None:
        """A set that ended just before a kill of the master has its review all the same, and only one."""
        self.start_()
        self.patch(PostingCase, "build", lambda story, status: self.change(status))
        self.change(0)
        self.loseBuild(1)
        self.stop()
        self.begin()
        self.wait(5)
        self.assertEqual(self.votes, ["Verified=1", "Verified=-1"])

    def test_wrong(self) -> None:
        """Wrong arguments are told, also those that ssh would take for options."""
        for given, said in (
            (("-oProxyCommand=x", "bot"), "server must be the name of a host"),
            (("gerrit.example", "-l"), "username must be the name of an account"),
            (("gerrit.example", "bot", 7), "reviewCB must be a function"),
        ):
            arguments: Any = given
            self.assertIn(said, str(self.assertRaises(BadArguments, GerritStatusPush, *arguments)))

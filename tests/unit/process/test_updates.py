"""A slave's updates of a command, as steps get them."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial import unittest

from buildbot.model.results import SUCCESS
from buildbot.process.buildstep import (
    LoggedRemoteCommand,
    LoggingBuildStep,
    RemoteCommand,
    RemoteShellCommand,
)
from buildbot.process.updates import MOST_SOURCES, OutputText, decodeSingle, decodeUpdate, worded
from buildbot.steps.shell import ShellCommand
from buildbot.wire.budget import PIECE, Slices
from buildbot.wire.callee import MalformedCall
from buildbot.wire.jelly import InsecureJelly, unjelly
from tests.stepping import StepCase

said = st.one_of(
    st.binary(max_size=4),
    st.sampled_from([b"stdout", b"stderr", b"header", b"log", b"rc", b"list", b"unicode", b"None"]),
    st.text(max_size=4).map(lambda text: [b"unicode", text.encode()]),
    st.sampled_from([[b"unicode", b"stdout"], [b"unicode", b"header"], [b"unicode", b"\xff"], [b"unicode"]]),
    st.integers(-1, 1),
    st.just([]),
)


def asked(key: Any, value: Any, *, number: Any = 0, update: Any = b"list", news: Any = b"dictionary") -> Any:
    """The arguments of a call of C{update}, as received."""
    return [b"tuple", [b"list", [update, [news, [key, value]], number]]]


class NewsTests(unittest.TestCase):
    """Words become text; output stays unchanged."""

    def test_words(self) -> None:
        """0.7.5, row 4: words from slaves of any generation become text; output for logs stays bytes."""
        said = {b"got_revision": b"7", b"stdout": b"\xff", b"rc": 0, b"stat": (1, [b"n\xf6", {b"k": b"v"}])}
        news = {"got_revision": "7", "stdout": b"\xff", "rc": 0, "stat": (1, ["n\udcf6", {"k": "v"}])}
        self.assertEqual(decodeUpdate([said, 0]), news)
        self.assertEqual(worded("text"), "text")

    def test_soleNews(self) -> None:
        """One piece of output, as in most updates, is read by a shortcut, from any generation."""
        self.assertEqual(decodeSingle(asked(b"stdout", b"\xff")), ("stdout", b"\xff"))
        self.assertEqual(decodeSingle(asked(b"rc", -1)), ("rc", -1))
        text = [b"unicode", "\xf6".encode()]
        self.assertEqual(decodeSingle(asked([b"unicode", b"header"], text)), ("header", "\xf6"))
        for other in (
            asked(b"rc", b"0"),
            asked(b"stdout", 7),
            asked(b"log", [b"list", b"n", b"x"]),
            [],
            [b"tuple"],
        ):
            self.assertIsNone(decodeSingle(other))

    @given(said, said, said, said, said, st.integers(0, 60))
    def test_soleNewsSame(self, key: Any, value: Any, number: Any, update: Any, news: Any, odd: int) -> None:
        """The shortcut has the same result as the general way."""
        # Most have at most one odd part; otherwise most would be refused.
        parts = {"number": number, "update": update, "news": news}
        args = asked(
            b"stdout" if odd % 5 == 0 else key,
            b"x" if odd % 7 == 0 else value,
            **{name: part for at, (name, part) in enumerate(parts.items()) if odd == at},
        )
        short = decodeSingle(args)
        if short is not None:
            ((read,),) = unjelly(args, cast(Any, None))  # nothing in it needs a connection
            self.assertEqual(list(decodeUpdate(read).items()), [short])
            self.assertIs(type(short[1]), type(decodeUpdate(read)[short[0]]))

    def test_soleNewsRefused(self) -> None:
        """H3: a malformed update is refused by the shortcut."""
        for odd in (
            asked(b"stdout", b"x", number=[b"instance", b"os"]),
            asked(b"stdout", b"x", news=b"instance"),
            asked(b"stdout", b"x", update=b"module"),
            asked([b"module", b"stdout"], b"x"),
            asked(b"stdout", [b"unicode", [b"module"]]),
        ):
            self.assertIsNone(decodeSingle(odd))
            self.assertRaises(InsecureJelly, unjelly, odd, None)

    @given(st.binary(max_size=30), st.lists(st.integers(0, 30), max_size=5))
    def test_outputText(self, output: bytes, cuts: list[int]) -> None:
        """Output for a plug-in is text, and the same bytes in the log, for any split."""
        reader = OutputText()
        edges = [0, *sorted(cuts), 30]
        said = [output[a:b] for a, b in pairwise(edges)]
        news = [reader.read({"stdout": piece, "log": [b"name", piece], "rc": 0}) for piece in said]
        news += reader.rest()
        for texts in (
            [each["stdout"] for each in news if "stdout" in each],
            [each["log"][1] for each in news if "log" in each],
        ):
            self.assertEqual("".join(texts).encode("utf-8", "surrogateescape"), output)

    def test_manyLogs(self) -> None:
        """H3: a slave that names ever more logs does not fill the master's memory."""
        reader = OutputText()
        for number in range(2 * MOST_SOURCES):
            for name in (b"%d" % number, b"x" * 100_000 + b"%d" % number):
                read = reader.read({"log": [name, b"\xc3"]})["log"]
        self.assertEqual(read, ["x" * 100_000 + str(2 * MOST_SOURCES - 1), "\udcc3"])
        self.assertEqual(len(list(reader.rest())), MOST_SOURCES)

    def test_oddLog(self) -> None:
        """H3: an invalid log name, or a value that is not a pair, is passed on unchanged."""
        for odd in ([[b"list"], b"x"], 7, [b"name"], {"name": b"x"}):
            self.assertEqual(OutputText().read({"log": odd}), {"log": odd})


class SlicedTests(StepCase):
    """H3: a large message is read in parts, so that the broker can serve others between them."""

    broker = SimpleNamespace(unserialize=lambda said: unjelly(said, cast(Any, None)))

    def said(self, *updates: Any) -> Any:
        """The step's command gets a message with these updates."""
        self.running = self.begin(ShellCommand(command="x"))
        step: Any = self.running.build.steps[0]
        self.command = step.cmd
        args = [b"tuple", [b"list", *updates]]
        return self.command.remoteMessageReceived(self.broker, "update", args, [b"dictionary"])

    def test_large(self) -> None:
        """The values of a large message are not read in the turn in which the message was decoded."""
        parts = self.said([b"list", [b"dictionary", [b"junk", [b"list", *([[b"list"]] * 40_000)]]], 0])
        self.assertIsInstance(parts, Slices)
        self.assertEqual(self.command.updates, {})
        self.assertGreaterEqual(len(list(parts.work)), 3)
        self.assertEqual(self.command.updates, {"junk": [[[]] * 40_000]})
        self.assertEqual(parts.answer, 0)

    def test_manyUpdates(self) -> None:
        """Each update of a message is a part of its own."""
        parts = self.said(*([b"list", [b"dictionary", [b"n", number]], 0] for number in range(50)))
        self.assertGreaterEqual(len(list(parts.work)), 50)
        self.assertEqual(self.command.updates["n"], list(range(50)))

    def test_onePiece(self) -> None:
        """One piece of output is read at once."""
        self.assertEqual(self.said([b"list", [b"dictionary", [b"stdout", b"x"]], 0]), 0)

    def test_malformed(self) -> None:
        """A message without a list of updates is a malformed call; a value of unknown type ends it, too."""
        running = self.begin(ShellCommand(command="x"))
        step: Any = running.build.steps[0]
        for args, error in (
            ([b"tuple", 7], MalformedCall),
            ([b"tuple"], MalformedCall),
            ([b"tuple", [b"list"], 1], MalformedCall),
            ([b"tuple", [b"list", [b"instance", b"os"]]], InsecureJelly),
        ):
            parts = step.cmd.remoteMessageReceived(self.broker, "update", args, [b"dictionary"])
            self.assertRaises(error, list, parts.work)

    def test_ended(self) -> None:
        """After the end of the command, the rest of a message is not read."""
        for turns in range(6):
            parts = self.said(
                *([b"list", [b"dictionary", [b"a", number], [b"b", number]], 0] for number in range(9))
            )
            for _ in range(turns):
                next(parts.work)
            read = dict(self.command.updates)
            self.command.interrupt(Failure(ConnectionLost()))
            for _ in parts.work:
                pass
            self.assertEqual(self.command.updates, read)


class Seeing(RemoteShellCommand):
    """A command that reads all updates."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        RemoteShellCommand.__init__(self, *args, **kwargs)
        self.seen = ""
        self.lines = self.calls = 0

    def remoteUpdate(self, update: Any) -> None:
        if "header" in update:
            self.seen += update["header"]
        RemoteShellCommand.remoteUpdate(self, update)

    def addStdout(self, data: Any) -> None:
        self.lines += data.count("\n")
        self.calls += 1
        RemoteShellCommand.addStdout(self, data)


class _Taking(LoggingBuildStep):
    """A step with such a command."""

    def start(self) -> None:
        """See L{LoggingBuildStep}."""
        self.startCommand(Seeing("build", ["x"]))


class OwnCommandTests(StepCase):
    """0.7.5, row 4: users' command classes."""

    def test_takesText(self) -> None:
        """A command that reads output gets text; the log has the original bytes."""
        running = self.begin(_Taking())
        for data in (b"one\ngr\xc3", b"\xb6\n\xff", b"\xe2\x82"):
            running.command.update(stdout=data)
        running.command.end(0, header=b"run \xe9")
        step: Any = running.build.steps[0]
        self.assertEqual((step.cmd.lines, step.cmd.seen, running.result), (2, "run \udce9", SUCCESS))
        chunks = list(step.cmd.logs["stdio"].getByteChunks([0]))
        self.assertEqual(b"".join(data for _, data in chunks), b"one\ngr\xc3\xb6\n\xff\xe2\x82")

    def test_pieces(self) -> None:
        """H3: a command that reads output gets a long message in pieces, one in each turn."""
        running = self.begin(_Taking())
        running.command.update(stdout=b"x\n" * PIECE)
        running.command.end(0)
        step: Any = running.build.steps[0]
        self.assertEqual((step.cmd.lines, running.result), (PIECE, SUCCESS))
        self.assertGreaterEqual(step.cmd.calls, 2)

    def test_who(self) -> None:
        """Output is decoded only for commands that read it, and those that keep it."""

        class Plain(RemoteShellCommand):
            def start(self) -> None:
                """Do nothing."""

        class More(Seeing):
            pass

        taking: tuple[type[RemoteCommand], ...] = (RemoteCommand, Seeing, More)
        self.assertEqual([each.takesText for each in taking], [True] * 3)
        logging: tuple[type[RemoteCommand], ...] = (LoggedRemoteCommand, RemoteShellCommand, Plain)
        self.assertEqual([each.takesText for each in logging], [False] * 3)

"""What a shell is told that completes a word."""

from __future__ import annotations

import os
from typing import Any

from buildbot.control import client
from buildbot.model.records import LogRecord, StepRecord
from buildbot.scripts import completing
from tests.commandline import Spoken, spoken
from tests.stores import SqliteCase

VALUES = "-b=TEXT --to=FILE --slave=SLAVE"


class CompletingTests(SqliteCase):
    """L{completing.answer}, with a master that answers, and with its store."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(client, "request", self.request)
        self.master: Any = {"builders": ["full", "a/1", "full two"], "slaves": ["bot1", "bot2", "other"]}
        self.opened()
        for _ in range(2):
            _, (request,) = self.ask("full")
            logs = (LogRecord("stdio", "x", 1), LogRecord("warnings", "y", 1))
            one = StepRecord("compile", 1.0, 2.0, 0, (), logs)
            other = StepRecord("test", 2.0, 3.0, 0, (), logs[:1])
            self.finish(self.start(request).altered(steps=(one, other)))
        self.here = os.path.realpath(self.directory)

    def request(self, here: str, verb: str, params: object, patience: float) -> object:
        """Replaces the control socket."""
        self.assertEqual((here, verb), (self.here, "names"))
        if isinstance(self.master, Exception):
            raise self.master
        return self.master

    def found(self, places: str, current: str, *words: str, values: str = VALUES) -> Any:
        """The answer."""
        return completing.answer(places, values, current, words)

    def test_names(self) -> None:
        """Builders and slaves are named by the master."""
        self.assertEqual(self.found("DIR BUILDER", "", self.here), ("words", ["full", "a/1", "full two"]))
        self.assertEqual(self.found("DIR BUILDER", "fu", self.here), ("words", ["full", "full two"]))
        self.assertEqual(self.found("[DIR [SLAVE]]", "b", self.here), ("words", ["bot1", "bot2"]))

    def test_stopped(self) -> None:
        """Without a master, or with an older one, those are named that have builds."""
        for trouble in (client.NotRunning(), client.ControlError("this master knows no command 'names'")):
            self.master = trouble
            self.assertEqual(self.found("DIR BUILDER", "", self.here), ("words", ["full"]))
            self.assertEqual(self.found("DIR SLAVE", "", self.here), ("words", ["bot1"]))

    def test_options(self) -> None:
        """Options and their values are no arguments; a value that must follow is completed itself."""
        for words in (["-b", "x"], ["-bx"], ["--to", "x"], ["--to=x"], ["--flag"], ["-f"]):
            self.assertEqual(self.found("DIR SLAVE", "o", *words, self.here), ("words", ["other"]), words)
        self.assertEqual(self.found("DIR SLAVE", "o", "--", self.here), ("words", ["other"]))
        self.assertEqual(self.found("DIR SLAVE", "", "--to"), ("files", []))
        self.assertEqual(self.found("DIR SLAVE", "x", "-b"), ("words", []))
        self.assertEqual(self.found("DIR", "oth", self.here, "--slave"), ("words", ["other"]))

    def test_places(self) -> None:
        """Directories, files and choices; nothing after the last argument, unless it may be repeated."""
        self.assertEqual(self.found("DIR BUILDER", ""), ("dirs", []))
        self.assertEqual(self.found("[DIR|FILE]", ""), ("files", []))
        self.assertEqual(self.found("FILE...", "", "one", "two"), ("files", []))
        self.assertEqual(self.found("add|list|revoke DIR", "l"), ("words", ["list"]))
        self.assertEqual(self.found("DIR SLAVE", "", self.here, "bot1"), ("words", []))
        self.assertEqual(self.found("", "x"), ("words", []))
        self.assertEqual(self.found("DIR PATTERN", "", self.here), ("words", []))

    def test_remote(self) -> None:
        """With --url no directory is asked for, and no name is known."""
        values = "--url=URL"
        self.assertEqual(self.found("DIR BUILDER", "", "--url", "https://x/", values=values), ("words", []))
        self.assertEqual(self.found("DIR BUILDER", "", "--url=https://x/", values=values), ("words", []))

    def test_parts(self) -> None:
        """A build is completed part by part: its builder, its number, its steps and their logs."""
        log = "DIR BUILDER/BUILD[/STEP[/LOG]]"
        self.assertEqual(self.found(log, "full", self.here), ("prefixes", ["full/", "full two/"]))
        self.assertEqual(self.found(log, "full/", self.here), ("prefixes", ["full/1", "full/0"]))
        names = ["full/0/compile", "full/0/compile/stdio", "full/0/compile/warnings", "full/0/test"]
        self.assertEqual(self.found(log, "full/0/", self.here), ("words", names))
        self.assertEqual(self.found(log, "full/9/", self.here), ("words", []))
        self.assertEqual(self.found(log, "full/x/", self.here), ("words", []))
        grep = "DIR PATTERN [BUILDER[/BUILD]]"
        self.assertEqual(self.found(grep, "full", self.here, "x"), ("prefixes", ["full", "full/"]))
        self.assertEqual(self.found(grep, "full/", self.here, "x"), ("words", ["full/1", "full/0"]))
        self.assertEqual(self.found(grep, "full/0/", self.here, "x"), ("words", []))
        self.assertEqual(self.found("DIR BUILDER [BUILD]", "", self.here, "full"), ("words", ["1", "0"]))

    def test_neverFails(self) -> None:
        """A directory without a master, and nonsense, give no candidates and no message."""
        self.master = client.NotRunning()
        self.here = os.path.realpath(self.mktemp())
        self.assertEqual(self.found("DIR BUILDER", "", self.here), ("words", []))
        os.makedirs(os.path.join(self.here, "state.sqlite"))
        self.assertEqual(self.found("DIR BUILDER", "", self.here), ("words", []))
        self.assertEqual(spoken(lambda: completing.run(["DIR"])), Spoken(1, "", ""))
        self.assertEqual(spoken(lambda: completing.run(["DIR", "nonsense", "", "x"])), Spoken(1, "", ""))

    def test_printed(self) -> None:
        """The kind is the first line; a name with a harmful character is left out."""
        self.master = {"builders": ["one", "t\nwo"], "slaves": []}
        said = spoken(lambda: completing.run(["DIR BUILDER", "", "", self.here]))
        self.assertEqual(said, Spoken(0, "words\none\n", ""))

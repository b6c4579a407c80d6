"""The words about the builds of a try job."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.clients.tryprogress import Progress


class ProgressTests(unittest.SynchronousTestCase):
    """One line for each event."""

    def setUp(self) -> None:
        self.lines: list[str] = []
        self.progress = Progress(self.lines.append)

    def test_events(self) -> None:
        """Events that C{tryserver} has printed are told like others."""
        for event in (
            {"event": "submitted", "builders": ["full", "quick"]},
            {"event": "started", "builder": "full", "number": 3},
            {"event": "stepStarted", "builder": "full", "step": "compile"},
            {"event": "estimated", "builder": "full", "seconds": 61.5},
            {"event": "stepFinished", "builder": "full", "step": "compile", "results": 1},
            {"event": "something", "builder": "full"},
            {"event": "finished", "builder": "full", "results": 1, "text": ["warnings", "compile"]},
        ):
            self.assertFalse(self.progress.replay(event))
        self.assertTrue(self.progress.replay({"event": "end"}))
        self.assertEqual(
            self.lines,
            [
                *("full: build 3 has started", "full: step compile …"),
                *("full: step compile, about 62 s to go", "full: step compile: warnings"),
                "full: warnings: compile",
            ],
        )
        self.assertFalse(self.progress.sumUp())
        self.assertEqual(self.lines[-2:], ["full/3: warnings: compile", "quick: not built"])

    def test_good(self) -> None:
        """Success and warnings are good; nothing at all is not."""
        self.assertFalse(self.progress.sumUp())
        for results, isGood in ((0, True), (1, True), (2, False), (5, False), (99, False)):
            self.progress.finished("full", results, [])
            self.assertEqual(self.progress.sumUp(), isGood)

    def test_quiet(self) -> None:
        """When quiet, only the results are told."""
        progress = Progress(self.lines.append, isQuiet=True)
        progress.started("full", None)
        progress.stepStarted("full", "compile")
        progress.finished("full", 0, ["build", "successful"])
        self.assertEqual(self.lines, [])
        self.assertTrue(progress.sumUp())
        self.assertEqual(self.lines, ["full: success"])

    def test_harmless(self) -> None:
        """Names from a master cannot move the cursor."""
        self.progress.started("\x1b[2J", 1)
        self.assertEqual(self.lines, ["\\x1b[2J: build 1 has started"])

"""Outages of builders, and the revisions of builds: what reporters say about more than one build."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.reporters import outages as module
from buildbot.reporters.outages import Outages
from buildbot.reporters.revision import builtOf, revisionIn, revisionOf, revisionWords


class Build:
    """A finished build of one builder."""

    def __init__(self, number: int, results: int) -> None:
        self.number, self._results = number, results

    def getResults(self) -> int:
        """See BuildStatus."""
        return self._results

    def getBuilder(self) -> Any:
        """See BuildStatus."""
        return SimpleNamespace(getName=lambda: "full")


class OutageTests(unittest.SynchronousTestCase):
    """See L{Outages}."""

    def setUp(self) -> None:
        self.builds: list[Build] = []
        self.reads = 0
        self.outages = Outages(self.fetch)  # type: ignore[arg-type]

    async def fetch(self, name: str, count: int, before: int | None) -> list[Build]:
        """The builds before one, the newest first."""
        self.reads += 1
        return self.builds[:before][::-1][:count]

    def ended(self, *results: int) -> Any:
        """Builds end with these results; return the last one."""
        for each in results:
            self.builds.append(Build(len(self.builds), each))
        return self.builds[-1]

    def before(self, build: Any) -> Any:
        """See L{Outages.before}."""
        return self.successResultOf(ensureDeferred(self.outages.before(build)))

    def first(self, build: Any) -> Any:
        """The number of the first failed build of an outage."""
        found = self.successResultOf(ensureDeferred(self.outages.first(build, self.before(build))))
        return None if found is None else found.number

    def test_first(self) -> None:
        """The first build of a builder has none before it."""
        self.assertIsNone(self.before(self.ended(SUCCESS)))
        self.assertIsNone(self.first(self.builds[0]))

    def test_skipped(self) -> None:
        """Builds that say nothing are passed over, however many there are; but not without an end."""
        last = self.ended(FAILURE, *[SKIPPED] * 50, RETRY, SUCCESS)
        self.assertEqual((self.before(last).number, self.first(last)), (0, 0))
        last = self.ended(*[RETRY] * (module.MOST + 50), SUCCESS)
        self.reads = 0
        self.assertIsNone(self.before(last))
        self.assertEqual(self.reads, module.MOST // module.PAGE)

    def test_outage(self) -> None:
        """All builds of an outage, and the good one after it, have the same first build."""
        found = [
            self.first(self.ended(each)) for each in (SUCCESS, FAILURE, EXCEPTION, SUCCESS, SUCCESS, FAILURE)
        ]
        self.assertEqual(found, [None, 1, 1, 1, None, 5])

    def test_restart(self) -> None:
        """After a restart the first build is found in the history, also if the outage is old."""
        self.ended(SUCCESS, *[FAILURE] * 30)
        self.assertEqual(self.first(self.ended(FAILURE)), 1)
        self.assertEqual(self.first(self.builds[10]), 1)

    def test_long(self) -> None:
        """An outage that is longer than anybody reads has one of its builds as the first."""
        self.patch(module, "MOST", 20)
        self.assertEqual(self.first(self.ended(*[FAILURE] * 60)), 38)


class RevisionTests(unittest.SynchronousTestCase):
    """See L{revisionOf}."""

    def revision(self, got: object, wanted: object, *changed: object) -> str | None:
        """The revision of a build, by where it is written."""
        source = SourceStamp(None, wanted, changes=[Change("me", [], "", revision=each) for each in changed])
        build: Any = SimpleNamespace(properties={"got_revision": got}, getSourceStamp=lambda: source)
        return revisionOf(build)

    def test_places(self) -> None:
        """What the slave has got counts more than what was wanted, and that more than the changes."""
        self.assertEqual(self.revision(7, "6", "5"), "7")
        self.assertEqual(self.revision(None, "6", "5"), "6")
        self.assertEqual(self.revision(None, None, "5", "8"), "8")
        self.assertIsNone(self.revision(None, None))
        self.assertEqual(self.revision({"": "8"}, "6"), "8")
        self.assertEqual(self.revision({"lib": "8"}, "6"), "8")
        self.assertEqual(self.revision({"lib": "8", "app": "9"}, "6"), "6")

    def test_repository(self) -> None:
        """Of several codebases, that of the repository is told; of an unknown repository, the first one."""
        stamps = [
            SourceStamp(None, revision, repository=repository, codebase=repository[-7:-4])
            for revision, repository in (
                ("1", "https://github.com/acme/app.git"),
                ("2", "git@github.com:Acme/lib.git"),
            )
        ]
        source = SourceStamp.together(stamps)
        build: Any = SimpleNamespace(properties={}, getSourceStamp=lambda: source)
        for path, revision in (
            ("/repos/acme/app", "1"),
            ("/projects/acme/lib", "2"),
            ("/repos/acme/b", "1"),
            ("/projects/7", "1"),
        ):
            self.assertEqual(revisionIn(build, path), revision, path)
        self.assertEqual(revisionWords(builtOf(build)), "app 1, lib 2")
        self.assertEqual(revisionWords([(stamps[0], None), (SourceStamp(), "3")]), "3")

"""The thread of a store works with any database: it knows it by L{Driver} only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from buildbot.store import worker
from buildbot.store.interface import StoreFailed, StoreFenced
from buildbot.store.seams import OutcomeUnknown
from buildbot.store.worker import Work, Worker


class Memory:
    """I am a database that is a list. I do not use SQLite.

    @ivar rows: what was committed.
    """

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.isClosed = False

    @contextmanager
    def transaction(self, isWriting: bool, /) -> Iterator[Any]:
        before = list(self.rows)
        try:
            yield self
        except EOFError as error:
            self.rows = before
            raise StoreFailed(f"no connection: {error}") from error
        except BaseException:
            self.rows = before
            raise

    def settle(self) -> bool:
        return False

    def loss(self) -> str:
        return "lost" if self.isClosed else ""

    def close(self) -> None:
        self.isClosed = True

    def isOutage(self, error: Exception, /) -> bool:
        return isinstance(error, EOFError)

    def isDamage(self, error: Exception, /) -> bool:
        return isinstance(error, BufferError)


class Core:
    """I begin and end transactions, and count the undone ones."""

    undos = 0

    def begin(self, connection: object, isPostponing: bool, /) -> None:
        """Nothing to prepare."""

    def end(self) -> None:
        """Nothing was postponed."""

    def undone(self) -> None:
        self.undos += 1


class Unanswered(Memory):
    """I am a database whose next COMMIT is not answered.

    @ivar isMade: True if that COMMIT arrives.
    @ivar answers: what L{settle} raises before it tells.
    @ivar isAway: True while L{settle} cannot tell.
    """

    isUnanswered = False
    isMade = True
    isAway = False

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[Exception] = []
        self.asked = 0

    @contextmanager
    def transaction(self, isWriting: bool, /) -> Iterator[Any]:
        before = list(self.rows)
        with super().transaction(isWriting):
            yield self
        if self.isUnanswered:
            self.isUnanswered = False
            if not self.isMade:
                self.rows = before
            raise OutcomeUnknown("cut")

    def settle(self) -> bool:
        self.asked += 1
        if self.isAway:
            raise StoreFailed("away")
        if self.answers:
            raise self.answers.pop(0)
        return self.isMade


class SettlingTests(TestCase):
    """The answer to a COMMIT was lost (F8): the worker asks for the outcome until it is known."""

    def setUp(self) -> None:
        self.patch(worker, "PAUSE", 0.001)  # with 0 the thread would not leave the processor to the reactor
        self.driver = Unanswered()
        self.troubles: list[str | None] = []
        core, loop, tell = Core(), reactor, self.troubles.append
        self.worker = Worker(loop, lambda: self.driver, core, 0.0, tell)  # type: ignore[arg-type]
        self.worker.start()

    def add(self, row: str) -> Deferred[Any]:
        """Add a row."""
        return self.worker.submit(Work(lambda: self.driver.rows.append(row)))

    async def settled(self, isMade: bool, *answers: Exception) -> None:
        """Add two rows with a lost answer, and one more."""
        self.driver.isUnanswered, self.driver.isMade = True, isMade
        self.driver.answers = list(answers)
        await gatherResults([self.add("a"), self.add("b")])
        await self.add("c")
        await self.worker.stop()
        self.assertEqual((self.driver.rows, self.driver.asked), (["a", "b", "c"], len(answers) + 1))

    def test_made(self) -> Deferred[None]:
        """A commit that was made is not made again, and its calls succeed."""
        return ensureDeferred(self.settled(True))

    def test_notMade(self) -> Deferred[None]:
        """A commit that was not made is made again, and its calls succeed."""
        return ensureDeferred(self.settled(False))

    def test_away(self) -> Deferred[None]:
        """While the database is away, that is told, and the calls wait."""

        async def run() -> None:
            await self.settled(True, StoreFailed("away"), StoreFailed("away"))
            self.assertEqual(self.troubles, ["away", None])

        return ensureDeferred(run())

    def test_laterWork(self) -> Deferred[None]:
        """Later calls do not pile up for ever: after some time they fail, and the first one still waits."""
        self.patch(worker, "PATIENCE", -1.0)

        async def run() -> None:
            self.driver.isUnanswered = self.driver.isAway = True
            first = self.add("a")
            while not self.driver.asked:
                await self.later()
            failed: Any = await self.assertFailure(self.add("b"), StoreFailed)
            self.assertEqual((failed.reason, first.called), ("away", False))
            self.driver.isAway = False
            await first
            await self.worker.stop()
            self.assertEqual(self.driver.rows, ["a"])

        return ensureDeferred(run())

    def later(self) -> Deferred[None]:
        """Fires in a later turn of the reactor."""
        return deferLater(reactor, 0, lambda: None)

    def test_stopped(self) -> Deferred[None]:
        """A store that is closed meanwhile fails the calls, and says that their outcome is not known."""

        async def run() -> None:
            self.driver.isUnanswered = self.driver.isAway = True
            first: Deferred[Any] = self.assertFailure(self.add("a"), StoreFailed)
            stopped = self.worker.stop()
            self.assertEqual((await first).reason, "away; it is not known whether this was kept")
            await stopped

        return ensureDeferred(run())

    def test_fenced(self) -> Deferred[None]:
        """A store that another master has taken over meanwhile fails the calls at once."""

        async def run() -> None:
            self.driver.isUnanswered = True
            self.driver.answers = [StoreFenced("taken over")]
            failed: Any = await self.assertFailure(self.add("a"), StoreFenced)
            self.assertIn("taken over; it is not known", failed.reason)
            await self.worker.stop()

        return ensureDeferred(run())


class DriverTests(TestCase):
    """A worker with a database of another kind."""

    def setUp(self) -> None:
        self.driver = Memory()
        self.troubles: list[str | None] = []
        self.damages: list[str] = []
        tell, damaged = self.troubles.append, self.damages.append
        core, loop = Core(), reactor
        self.worker = Worker(loop, lambda: self.driver, core, 0.0, tell, damaged)  # type: ignore[arg-type]
        self.worker.start()
        self.addCleanup(self.stop)

    def stop(self) -> Deferred[None]:
        """Stop the worker; it closes the database."""
        return self.worker.stop().addCallback(lambda _: self.assertTrue(self.driver.isClosed))

    def add(self, row: str, error: Exception | None = None) -> Deferred[None]:
        """Add a row, then raise the error."""

        def do() -> None:
            self.driver.rows.append(row)
            if error is not None:
                raise error

        return self.worker.submit(Work(do))

    def fails(self, error: Exception, expected: type[Exception]) -> Deferred[Any]:
        """Two rows in one transaction; the second fails. Fires with its error and the rows that were kept."""

        async def run() -> tuple[str, list[str]]:
            first, second = self.add("first"), self.add("second", error)
            first.addErrback(lambda why: why.trap(StoreFailed))
            failed: Any = await self.assertFailure(second, expected)
            await first
            return getattr(failed, "reason", str(failed)), self.driver.rows

        return ensureDeferred(run())

    def test_outage(self) -> Deferred[None]:
        """An outage of the database fails all calls of the group, and is told until a call succeeds."""

        async def run() -> None:
            reason, rows = await self.fails(EOFError("cut"), StoreFailed)
            self.assertEqual((reason, rows), ("no connection: cut", []))
            await self.add("later")
            await self.worker.submit(Work(lambda: None))
            self.assertEqual(self.driver.rows, ["later"])
            self.assertEqual(self.troubles, ["no connection: cut", None])

        return ensureDeferred(run())

    def test_damage(self) -> Deferred[None]:
        """Damaged data fails the call that needs it, and is told; the others of the group succeed."""

        async def run() -> None:
            reason, rows = await self.fails(BufferError("page 7"), StoreFailed)
            self.assertEqual(
                (reason, rows, self.damages), ("damaged: page 7", ["first"], ["damaged: page 7"])
            )

        return ensureDeferred(run())

    def test_mistake(self) -> Deferred[None]:
        """Any other error fails its call alone, and says nothing about the database."""

        async def run() -> None:
            reason, rows = await self.fails(KeyError("x"), KeyError)
            self.assertEqual((reason, rows, self.troubles, self.damages), ("'x'", ["first"], [], []))

        return ensureDeferred(run())

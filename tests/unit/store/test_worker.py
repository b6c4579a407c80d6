"""The thread of a store works with any database: it knows it by L{Driver} only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import TestCase

from buildbot.store.interface import StoreFailed
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

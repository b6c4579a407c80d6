"""Changes from clients of all generations, and the accounts that may send them."""

from __future__ import annotations

from typing import Any

from twisted.application import service
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.logger import formatEvent
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot.changes import changes
from buildbot.changes.base import ChangeSource
from buildbot.changes.changes import Change, ChangeMaster
from buildbot.changes.pb import ChangeNotKept, ChangePerspective, PBChangeSource
from buildbot.interfaces import IChangeSource
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.realm import Dispatcher
from buildbot.store.outbox import RETRY_AFTER
from buildbot.wire.listeners import CannotOpen
from buildbot.wire.login import LoginRoot
from buildbot.wire.slaveport import SlavePortFactory
from tests.fakes import Python2Broker
from tests.loglisteners import hearLog
from tests.pumped import Pump
from tests.schedulers import TestStore
from tests.stories.world import Reactor
from tests.unit.changes.test_changedict import said


class FakeMaster(service.MultiService):
    """The attributes of a BuildMaster that change sources use."""

    def __init__(self) -> None:
        super().__init__()
        self.reactor = Reactor()
        self.botmaster = BotMaster(self.reactor)
        self.botmaster.store = self.store = TestStore()
        self.store.open()
        self.dispatcher = Dispatcher(self.botmaster)
        self.change_svc = ChangeMaster()
        self.change_svc.setServiceParent(self)
        portal = Portal(self.dispatcher, [self.dispatcher])
        self.slavePort = SlavePortFactory(lambda broker: LoginRoot(portal, broker), self.reactor)

    async def addChange(self, change: Change) -> Change:
        stored: Change = await self.store.addChange(change)
        return stored


class SourceCase(unittest.SynchronousTestCase):
    """A master, and clients that send changes."""

    def setUp(self) -> None:
        self.master = FakeMaster()
        self.store = self.master.store
        self.master.startService()
        self.pumps: list[Pump] = []

    def use(self, source: Any) -> Any:
        """Add a source to the configuration."""
        starting = source.setServiceParent(self.master.change_svc)
        if starting is not None:
            self.successResultOf(starting)
        return source

    def remove(self, source: Any) -> None:
        stopping = source.disownServiceParent()
        if stopping is not None:
            self.successResultOf(stopping)

    def login(
        self, user: str = "change", password: str = "changepw", factory: Any = None, python2: bool = False
    ) -> Any:
        """Log in a client; return the result."""
        client = pb.PBClientFactory()
        if python2:
            client.protocol = Python2Broker
        answer = client.login(UsernamePassword(user.encode(), password.encode()))
        server = (factory or self.master.slavePort).buildProtocol(None)
        self.pump = Pump(server, client.buildProtocol(None), self.master.reactor)
        self.pumps.append(self.pump)
        self.pump.pump()
        return answer

    def send(self, perspective: Any, what: Any) -> Deferred[Any]:
        answer: Deferred[Any] = perspective.callRemote("addChange", what)
        self.pump.pump()
        return answer

    def changes(self) -> list[Change]:
        found: list[Change] = self.successResultOf(self.store.getChanges())
        return found[::-1]

    def tearDown(self) -> None:
        for pump in self.pumps:
            pump.client.abortConnection()
            pump.pump()
        stopped = self.master.stopService()
        if stopped is not None:
            self.successResultOf(stopped)


class PBChangeSourceTests(SourceCase):
    """Changes from clients."""

    def test_interface(self) -> None:
        """Sources provide 0.7.5's interface, and describe themselves."""
        for source, words in (
            (ChangeSource(), "ChangeSource"),
            (PBChangeSource(), "'change' sends to the slave port"),
            (PBChangeSource("me", port=1234, prefix="trunk/"), "'me' sends to tcp:1234, below trunk/"),
        ):
            verifyObject(IChangeSource, source)
            self.assertIn(words, source.describe())
            self.assertNotIn("changepw", source.describe() + repr(source))

    def test_sent(self) -> None:
        """P2: a change is answered, with None, when it is on disk, and not before."""
        self.use(PBChangeSource())
        perspective = self.successResultOf(self.login())
        self.store.lazy = True
        answer = self.send(perspective, said(branch="b", revision=7))
        self.assertNoResult(answer)
        self.store.flush()
        self.pump.pump()
        self.assertIsNone(self.successResultOf(answer))
        self.store.lazy = False
        (change,) = self.changes()
        self.assertEqual((change.number, change.who, change.branch, change.revision), (1, "ann", "b", 7))

    def test_python2(self) -> None:
        """A client on Python 2 can send changes."""
        self.use(PBChangeSource())
        perspective = self.successResultOf(self.login(python2=True))
        answer = self.send(perspective, {**said(who="änn", branch=None), "files": ("ä.c", b"\xff")})
        self.assertIsNone(self.successResultOf(answer))
        (change,) = self.changes()
        self.assertEqual((change.who, change.files), ("änn", ["ä.c", "\udcff"]))

    def test_prefix(self) -> None:
        """A change outside of the prefix is answered and ignored."""
        self.use(PBChangeSource(prefix="trunk/"))
        perspective = self.successResultOf(self.login())
        self.assertIsNone(self.successResultOf(self.send(perspective, said())))
        self.assertIsNone(self.successResultOf(self.send(perspective, said(files=["trunk/a.c"]))))
        self.assertEqual([change.files for change in self.changes()], [["a.c"]])

    def test_bad(self) -> None:
        """An invalid change is refused with the reason; the client stays connected, nothing is stored."""
        self.use(PBChangeSource())
        perspective = self.successResultOf(self.login())
        why = self.failureResultOf(self.send(perspective, {"who": "ann"}))
        self.assertIn("BadChange", str(why.type))
        self.assertIn("the change has no files and no comments", why.getErrorMessage())
        self.assertIsNone(self.successResultOf(self.send(perspective, said())))
        self.assertEqual(len(self.changes()), 1)

    def test_fullDisk(self) -> None:
        """P4: a change that cannot be stored is not acknowledged, and the client is told to send it again."""
        self.use(PBChangeSource())
        perspective = self.successResultOf(self.login())
        self.store.full = True
        why = self.failureResultOf(self.send(perspective, said()))
        self.assertIn("cannot be stored: disk is full; send it again later", why.getErrorMessage())
        self.store.full = False
        self.assertIsNone(self.successResultOf(self.send(perspective, said())))
        self.assertEqual(len(self.changes()), 1)

    def test_account(self) -> None:
        """S1: the account exists as long as the source, with its password only."""
        self.failureResultOf(self.login())
        source = self.use(PBChangeSource("hook", "s3cret"))
        self.failureResultOf(self.login())
        self.failureResultOf(self.login("hook"))
        self.successResultOf(self.login("hook", "s3cret"))
        self.remove(source)
        self.failureResultOf(self.login("hook", "s3cret"))

    def test_removed(self) -> None:
        """A client that is logged in when the source is removed is told that it takes no changes any more."""
        source = self.use(PBChangeSource())
        perspective = self.successResultOf(self.login())
        self.remove(source)
        self.assertIn(
            "takes no changes", self.failureResultOf(self.send(perspective, said())).getErrorMessage()
        )
        self.assertEqual(self.changes(), [])

    def test_twoOfOneName(self) -> None:
        """Two sources cannot share an account; with different names, both work."""
        self.use(PBChangeSource())
        second = PBChangeSource(prefix="trunk/")
        why = self.failureResultOf(second.setServiceParent(self.master.change_svc), ValueError)
        self.assertIn("two accounts on the slave port are called 'change'", why.getErrorMessage())
        self.remove(second)
        self.successResultOf(self.login())
        self.use(PBChangeSource("other"))

    def test_ownPort(self) -> None:
        """A source with a separate port takes its account there, and not on the slave port."""
        source = self.use(PBChangeSource("hook", "s3cret", port=9999))
        (listening,) = self.master.reactor.tcpServers
        self.assertEqual(listening[0], 9999)
        self.failureResultOf(self.login("hook", "s3cret"))
        self.failureResultOf(self.login("hook", "changepw", listening[1]))
        self.failureResultOf(self.login("other", "s3cret", listening[1]))
        perspective = self.successResultOf(self.login("hook", "s3cret", listening[1]))
        self.assertIsNone(self.successResultOf(self.send(perspective, said())))
        self.remove(source)
        self.pump.pump()
        self.assertTrue(self.pump.client.lost)

    def test_guessesAtAnOwnPort(self) -> None:
        """H2: wrong passwords on a separate port are counted, and forgotten with the source."""
        source = self.use(PBChangeSource("hook", "s3cret", port=9999))
        (listening,) = self.master.reactor.tcpServers
        for name in ("hook", "hook", "junk"):
            self.failureResultOf(self.login(name, "wrong", listening[1]))
        guesses = self.master.dispatcher.guesses
        self.assertEqual({name: each.logins for name, each in guesses.items()}, {"hook (tcp:9999)": 2})
        self.remove(source)
        self.assertEqual(guesses, {})

    def test_portTaken(self) -> None:
        """R1: if its port cannot be opened, the start of a source fails."""
        self.master.reactor.taken = 9999
        source = PBChangeSource(port="tcp:9999")
        self.failureResultOf(source.setServiceParent(self.master.change_svc), CannotOpen)
        self.remove(source)

    def test_equal(self) -> None:
        """R5: loading the same master.cfg again gives equal sources."""
        self.assertEqual(PBChangeSource(port=1234), PBChangeSource(port="tcp:1234"))
        others = [PBChangeSource("a"), PBChangeSource(passwd="b"), PBChangeSource(port=1), PBChangeSource()]
        self.assertNotIn(PBChangeSource(prefix="a/"), others)
        self.assertEqual(len({id(each) for each in others for other in others if each == other}), 4)

    def test_wrongArguments(self) -> None:
        """Wrong arguments in master.cfg are reported in the user's words, without the password."""
        self.assertRaises(TypeError, PBChangeSource, "")
        self.assertNotIn("7", str(self.assertRaises(TypeError, PBChangeSource, "a", 7)))
        self.assertRaises(TypeError, PBChangeSource, prefix=["trunk"])
        self.assertIn("there is no port -1", str(self.assertRaises(ValueError, PBChangeSource, port=-1)))

    def test_doubts(self) -> None:
        """F14: the default password, and a sep without a prefix, each cause a warning."""
        [doubt] = PBChangeSource().configurationDoubts
        self.assertIn("user 'change' has the default password, which is public", doubt)
        self.assertEqual(PBChangeSource("a", "b").configurationDoubts, [])
        [doubt] = PBChangeSource("a", "b", sep="/").configurationDoubts
        self.assertIn("sep does nothing without prefix", doubt)
        self.assertEqual(len(self.flushWarnings()), 1)

    def test_sep(self) -> None:
        """The deprecated sep= still works; a warning names the replacement."""
        source = PBChangeSource(prefix="trunk", sep="/")
        self.assertEqual(source.prefix, "trunk/")
        (warning,) = self.flushWarnings()
        self.assertIn("at the end of prefix=", warning["message"])

    def test_oldSubclass(self) -> None:
        """A source written for 0.7.5, whose perspective changes the received change, works."""

        class Perspective(ChangePerspective):
            def perspective_addChange(self, changedict: Any) -> Any:
                return ChangePerspective.perspective_addChange(self, {**changedict, "branch": "mine"})

        class Source(PBChangeSource):
            def getPerspective(self) -> ChangePerspective:
                return Perspective(self.parent, self.prefix)

        self.use(Source())
        perspective = self.successResultOf(self.login())
        self.successResultOf(self.send(perspective, said()))
        self.assertEqual([change.branch for change in self.changes()], ["mine"])


class OwnChangemaster(SourceCase):
    """A user's own object may take the changes of a perspective."""

    def test_answers(self) -> None:
        """0.7.5, row 24: its addChange may return None or a Deferred."""
        for answer in (None, succeed(None)):
            taken: list[Any] = []

            class Keeping:
                def addChange(self, change: Any, answer: Any = answer, taken: list[Any] = taken) -> Any:
                    taken.append(change.who)
                    return answer

            perspective = ChangePerspective(Keeping(), None)
            kept = ensureDeferred(perspective.perspective_addChange(said()))
            self.assertIsNone(self.successResultOf(kept))
            self.assertEqual(len(taken), 1)


class FloodTests(unittest.SynchronousTestCase):
    """Changes that arrive faster than they can be stored."""

    def test_flood(self) -> None:
        """H3: the unstored changes of a client are limited; it is told to send the rest again."""
        waiting: list[Deferred[None]] = []

        class Slow:
            def addChange(self, change: Any) -> Deferred[None]:
                waiting.append(Deferred())
                return waiting[-1]

        perspective = ChangePerspective(Slow(), None)
        large = {**said(), "files": ["x" * 4000] * 500}
        kept = [ensureDeferred(perspective.perspective_addChange(large)) for _ in range(20)]
        refused = [each for each in kept if each.called]
        self.assertEqual((len(waiting), len(refused)), (8, 12))
        for each in refused:
            why = self.failureResultOf(each, ChangeNotKept)
            self.assertIn("more than 16384 KiB: send it again", str(why.value))
        for each in waiting[:]:
            each.callback(None)
        again = ensureDeferred(perspective.perspective_addChange(large))
        self.assertEqual((again.called, len(waiting)), (False, 9))


class Polling(ChangeSource):
    """A user's source that starts slowly, or fails to."""

    compare_attrs = ("where",)

    def __init__(self, where: str = "") -> None:
        self.where = where
        self.ready: Deferred[None] = Deferred()
        self.stopped = 0

    async def start(self) -> None:
        await self.ready

    def stop(self) -> None:
        self.stopped += 1


class Old(ChangeSource):
    """A source written for 0.7.5."""

    running_ = False

    def startService(self) -> None:
        ChangeSource.startService(self)
        self.running_ = True
        parent: Any = self.parent
        parent.addChange(Change("ann", ["a.c"], "old"))

    def stopService(self) -> Any:
        self.running_ = False
        return ChangeSource.stopService(self)


class ChangeSourceTests(SourceCase):
    """Users' sources."""

    def test_start(self) -> None:
        """A reconfig waits for a source that starts slowly; the error of one that cannot start is
        reported.
        """
        source = Polling()
        starting = source.setServiceParent(self.master.change_svc)
        assert starting is not None
        self.assertNoResult(starting)
        source.ready.callback(None)
        self.successResultOf(starting)
        self.remove(source)
        self.assertEqual(source.stopped, 1)
        source = Polling()
        starting = source.setServiceParent(self.master.change_svc)
        assert starting is not None
        source.ready.errback(Failure(OSError("no")))
        self.failureResultOf(starting, OSError)

    def test_old(self) -> None:
        """A source written for 0.7.5 works."""
        source = self.use(Old())
        self.assertEqual([change.comments for change in self.changes()], ["old"])
        self.remove(source)
        self.assertFalse(source.running_)

    def test_equal(self) -> None:
        """Two sources of a subclass are equal if their compare_attrs are."""
        self.assertEqual(Polling("a"), Polling("a"))
        self.assertNotEqual(Polling("a"), Polling("b"))
        self.assertNotEqual(Polling(""), ChangeSource())


class FullDiskTests(SourceCase):
    """P4: the disk is full, and sources ignore the result of addChange."""

    def setUp(self) -> None:
        super().setUp()
        self.said: list[str] = []
        hearLog(self, self.observe)

    def observe(self, event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "buildbot.changes.changes":
            self.said.append(formatEvent(event) or "")

    def find(self, comments: str) -> Deferred[Change]:
        """Let a source find a change."""
        return self.master.change_svc.addChange(Change("ann", ["a.c"], comments))

    def comments(self) -> list[str]:
        return [change.comments for change in self.changes()]

    def test_waits(self) -> None:
        """Changes found while the disk is full are stored in order when there is room."""
        self.store.full = True
        waiting = [self.find("one"), self.find("two")]
        self.master.reactor.pump([RETRY_AFTER] * 5)
        self.assertNoResult(waiting[0])
        self.store.full = False
        waiting.append(self.find("three"))
        self.assertNoResult(waiting[2])
        self.master.reactor.advance(RETRY_AFTER)
        self.assertEqual([self.successResultOf(each).number for each in waiting], [1, 2, 3])
        self.successResultOf(self.find("four"))
        self.assertEqual(self.comments(), ["one", "two", "three", "four"])
        begins, ends = self.said
        self.assertEqual(begins, "changes cannot be stored, and wait: disk is full")
        self.assertEqual(ends, "changes can be stored again: 3 had to wait, 0 were refused")

    def test_slowDisk(self) -> None:
        """The same, for several changes that are being stored at once."""
        self.store.lazy = True
        for name in ("one", "two"):
            self.find(name)
        self.store.full = True
        self.store.flush(1)
        self.find("three")
        self.store.flush()
        self.store.full = self.store.lazy = False
        self.master.reactor.advance(RETRY_AFTER)
        self.assertEqual(self.comments(), ["one", "two", "three"])

    def test_recovered(self) -> None:
        """When one of these changes is stored after all, the others are stored too."""
        self.store.lazy = True
        for name in ("one", "two"):
            self.find(name)
        self.store.full = True
        self.store.flush(1)
        self.store.full = False
        self.store.flush()
        self.store.flush()
        self.store.lazy = False
        self.assertEqual(self.comments(), ["two", "one"])
        self.assertEqual(self.master.reactor.getDelayedCalls(), [])

    def test_noChange(self) -> None:
        """A change that can never be stored is refused, and does not block others."""
        self.store.full = True
        self.find("one")
        bad = self.master.change_svc.addChange(Change("ann", ["a.c"], b"two"))  # type: ignore[arg-type]
        self.find("three")
        self.store.full = False
        self.master.reactor.advance(RETRY_AFTER)
        self.failureResultOf(bad, TypeError)
        self.assertEqual(self.comments(), ["one", "three"])

    def test_onlyNoChange(self) -> None:
        """The same, if no other change waits, while an earlier one is being stored on a slow disk."""
        self.store.full = True
        self.find("one")
        self.store.lazy = True
        self.master.reactor.advance(RETRY_AFTER)
        bad = self.master.change_svc.addChange(Change("ann", ["a.c"], b"two"))  # type: ignore[arg-type]
        self.master.reactor.advance(RETRY_AFTER)
        self.failureResultOf(bad, TypeError)
        self.store.flush()
        self.store.lazy = self.store.full = False
        self.master.reactor.advance(RETRY_AFTER)
        self.assertEqual(self.comments(), ["one"])

    def test_oldestIsNoChange(self) -> None:
        """If the oldest waiting change turns out to be invalid, the others are stored."""
        original = self.store.addChange
        self.store.full = True
        bad, good = self.find("bad"), self.find("good")
        self.store.full = False

        def addChange(change: Change) -> Any:
            return fail(ValueError("none")) if change.comments == "bad" else original(change)

        self.patch(self.store, "addChange", addChange)
        self.master.reactor.pump([RETRY_AFTER] * 2)
        self.failureResultOf(bad, ValueError)
        self.assertEqual(self.successResultOf(good).comments, "good")

    def test_tooMany(self) -> None:
        """The number of waiting changes is limited; the log has the number of refused ones."""
        self.patch(changes, "MOST_WAITING", 2)
        self.store.full = True
        for name in ("one", "two", "three", "four"):
            last = self.find(name)
        self.assertNoResult(last)
        self.master.reactor.advance(0)
        self.store.full = False
        self.master.reactor.advance(RETRY_AFTER)
        self.assertEqual(self.comments(), ["one", "two"])
        self.assertEqual(self.said[1:], ["changes can be stored again: 2 had to wait, 2 were refused"])

    def test_told(self) -> None:
        """A source that checks the result learns that a change was refused."""
        self.patch(changes, "MOST_WAITING", 0)
        self.store.full = True
        self.find("one")
        told: list[Failure] = []
        self.find("two").addErrback(told.append)
        self.master.reactor.advance(0)
        self.assertEqual(told[0].getErrorMessage(), "already 0 changes wait to be stored, the most allowed")
        self.store.full = False
        self.master.reactor.advance(RETRY_AFTER)

    def test_stopped(self) -> None:
        """When the master stops, waiting changes are tried once more; the log has the number of lost ones."""
        self.store.full = True
        for name in ("one", "two"):
            self.find(name)
        self.successResultOf(self.master.stopService())
        self.assertEqual(
            self.said[1:], ["changes lost because the master stopped before they could be stored: 2"]
        )
        self.assertEqual(self.master.reactor.getDelayedCalls(), [])
        self.store.full = False
        self.master.startService()
        for name in ("three", "four"):
            self.find(name)
        self.assertEqual(self.comments(), ["three", "four"])

    def test_stoppedWithASource(self) -> None:
        """A source that does not stop does not block this, and its last changes are counted too."""

        class Slow(ChangeSource):
            stopped: Deferred[None] = Deferred()

            async def stop(self) -> None:
                parent: Any = self.parent
                await self.stopped
                parent.addChange(Change("ann", ["a.c"], "last"))

        source = self.use(Slow())
        self.store.full = True
        self.find("one")
        stopped = self.master.stopService()
        self.assertEqual(
            self.said[1:], [lost := "changes lost because the master stopped before they could be stored: 1"]
        )
        self.assertNoResult(stopped)
        source.stopped.callback(None)
        self.successResultOf(stopped)
        self.assertEqual(self.said[1:], [lost, lost])
        self.store.full = False
        source.disownServiceParent()
        self.master.startService()

    def test_stoppedInTime(self) -> None:
        """Changes that can be stored when the master stops are stored."""
        self.store.full = True
        for name in ("one", "two"):
            self.find(name)
        self.store.full, self.store.lazy = False, True
        stopped = self.master.stopService()
        self.assertNoResult(stopped)
        self.store.flush()
        self.store.lazy = False
        self.successResultOf(stopped)
        self.assertEqual(self.comments(), ["one", "two"])
        self.assertEqual(self.said[1:], [])
        self.master.startService()

    def test_sent(self) -> None:
        """A change from a client does not wait: the client gets the error at once, also with old
        subclasses.
        """

        class Source(PBChangeSource):
            def getPerspective(self) -> ChangePerspective:
                return ChangePerspective(self.parent, self.prefix)

        self.use(PBChangeSource())
        self.use(Source("hook"))
        self.store.full = True
        self.find("one")
        for name in ("change", "hook"):
            perspective = self.successResultOf(self.login(name))
            why = self.failureResultOf(self.send(perspective, said()))
            self.assertIn("cannot be stored: disk is full; send it again later", why.getErrorMessage())
        self.store.full = False
        self.master.reactor.advance(RETRY_AFTER)
        self.assertEqual(self.comments(), ["one"])


class ChangeMasterTests(SourceCase):
    """The parent of the sources."""

    def test_sources(self) -> None:
        """Sources can be added and removed, as in 0.7.5."""
        source = Old()
        self.master.change_svc.addSource(source)
        self.assertTrue(source.running_)
        self.master.change_svc.removeSource(source)
        self.assertEqual(list(self.master.change_svc), [])

    def test_numbered(self) -> None:
        """A change is found by its number; None for an unknown number."""
        stored = self.successResultOf(self.master.change_svc.addChange(Change("ann", ["a.c"], "x")))
        self.assertEqual(stored.number, 1)
        found = self.successResultOf(self.master.change_svc.getChangeNumbered(1))
        self.assertEqual(found, stored)
        self.assertIsNone(self.successResultOf(self.master.change_svc.getChangeNumbered(2)))

"""The contract of a store: the same tests for the one in memory and the one on disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from buildbot.model.change import Change
from buildbot.model.likeness import likenessOf
from buildbot.model.records import INTERRUPTED, MOST_INTERRUPTIONS, BuildRecord, BuildsetRecord
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.store.interface import IStore, StoreConflict, StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.store.requests import Store
from tests.examples import examples
from tests.stores import StoreCase, build, logged


class _Promises(StoreCase):
    """The tests; each class below is one kind of store."""

    def make(self) -> Store:
        raise NotImplementedError

    def setUp(self) -> None:
        super().setUp()
        self.store = self.make()
        self.get(self.store.open())

    def reopen(self) -> None:
        """Close the store and open it again, like a restart of the master."""
        self.get(self.store.close())
        self.get(self.store.open())

    def test_interface(self) -> None:
        """It is an IStore."""
        verifyObject(IStore, self.store)

    def test_closed(self) -> None:
        """A closed store refuses all calls with a message."""
        self.get(self.store.close())
        calls: list[Callable[[], Deferred[Any]]] = [
            self.store.pendingRequests,
            lambda: self.store.setState("a", 1),
        ]
        for call in calls:
            with self.assertRaises(StoreFailed) as caught:
                self.get(call())
            self.assertEqual(caught.exception.reason, "the store is closed")
        self.get(self.store.open())

    def test_changes(self) -> None:
        """Changes are numbered from 1 on, and are read unchanged, also after a restart."""
        odd = Change("Zoë \udce9", ["naïve/\udcff.c"], "\0 \u2028", revision="r1", when=9.0, branch="b")
        odd.properties.setProperty("p", [1], "Change")
        first = self.get(self.store.addChange(odd))
        self.assertEqual((first.number, odd.number), (1, None))
        self.change("joe")
        self.reopen()
        self.assertEqual(self.get(self.store.getChange(1)), first)
        self.assertIs(self.get(self.store.getChange(3)), None)
        self.assertEqual(self.change().number, 3)

    def test_changesInOrder(self) -> None:
        """Changes are listed newest first in pages, and oldest first from a known one on."""
        for _ in range(5):
            self.change()
        numbers = [
            [each.number for each in self.get(found)]
            for found in (
                *(self.store.getChanges(), self.store.getChanges(2), self.store.getChanges(2, before=4)),
                *(self.store.getChangesAfter(3), self.store.getChangesAfter(0, 2)),
            )
        ]
        self.assertEqual(numbers, [[5, 4, 3, 2, 1], [5, 4], [3, 2], [4, 5], [1, 2]])

    def test_buildset(self) -> None:
        """A buildset has a pending request on each of its builders, with the values of the set."""
        buildset, requests = self.ask("full", "quick", externalID="x7", scheduler=None)
        self.assertEqual((buildset.externalID, buildset.scheduler, buildset.complete), ("x7", None, None))
        self.assertEqual([(each.builder, each.buildset) for each in requests], [("full", 1), ("quick", 1)])
        self.assertEqual(requests[0].properties, {"p": [1, "Web"]})
        self.assertEqual((requests[0].reason, requests[0].submitted), ("a change", 20.0))
        self.reopen()
        self.assertEqual(self.get(self.store.getBuildset(1)), buildset)
        self.assertEqual(self.get(self.store.pendingRequests()), requests)
        self.assertIs(self.get(self.store.getBuildset(2)), None)
        found = [self.get(self.store.getBuildsetOf(each)) for each in (1, 2, 3)]
        self.assertEqual(found, [buildset, buildset, None])

    def test_patch(self) -> None:
        """The patch of a try build is kept byte by byte, with its buildset and its build."""
        diff = b"--- f\n+++ f\n+caf\xe9 \xc3\xa9\0\r\n"
        stamp = SourceStamp("b", "r1", (1, diff.decode("utf-8", "surrogateescape")))
        _, (request,) = self.ask("full", sourcestamp=stamp.toRecord())
        started = self.get(
            self.store.startBuild(replace(build("full", [request]), sourcestamp=stamp.toRecord()))
        )
        self.finish(started)
        self.reopen()
        kept: list[Any] = [self.get(self.store.getBuildset(1)), self.get(self.store.getBuild("full", 0))]
        for record in kept:
            level, text = SourceStamp.fromRecord(record.sourcestamp).patch or (0, "")
            self.assertEqual((level, text.encode("utf-8", "surrogateescape")), (1, diff))

    def test_buildsetsOf(self) -> None:
        """The buildsets of a scheduler can be listed from any number on, also complete ones."""
        for scheduler in ("quick", "full", "quick", None, "quick"):
            self.ask("full", scheduler=scheduler)
        (done,) = self.finish(self.start(self.get(self.store.pendingRequests())[2]))
        self.reopen()
        self.assertEqual([each.id for each in self.get(self.store.getBuildsetsOf("quick"))], [1, 3, 5])
        self.assertEqual(self.get(self.store.getBuildsetsOf("quick", 1))[0], done)
        self.assertEqual(self.get(self.store.getBuildsetsOf("quick", 5)), [])
        self.assertEqual([each.id for each in self.get(self.store.getBuildsetsOf("quick", 0, 2))], [1, 3])
        self.assertEqual(self.get(self.store.getBuildsetsOf("gone")), [])

    def test_buildsetsOfAnyName(self) -> None:
        """The name of a scheduler may have any characters, and be a part of another name."""
        names = ['say "go"', "go", "100%", "100 tests", "a_b", "aXb", "wow!", "back\\slash", "caf\xe9", "Go"]
        names += ["long " * 20000]
        for name in names:
            self.ask("full", scheduler=name)
        self.reopen()
        for number, name in enumerate(names, 1):
            self.assertEqual([each.id for each in self.get(self.store.getBuildsetsOf(name))], [number], name)

    def test_buildsetWithState(self) -> None:
        """A scheduler's state changes in the same transaction as its buildset appears."""
        self.ask("full", state={"quick/timer": None, "quick/last": 7})
        self.assertEqual(self.get(self.store.getStates("quick/")), {"quick/last": 7})

    def test_buildsetWithKeys(self) -> None:
        """The number of a buildset is stored under keys in the same transaction."""
        self.ask("full", keys=("trigger/1/a", "trigger/2/a"))
        self.ask("full", keys=("trigger/1/b",))
        self.reopen()
        found = {"trigger/1/a": 1, "trigger/1/b": 2, "trigger/2/a": 1}
        self.assertEqual(self.get(self.store.getStates("trigger/")), found)
        self.assertRaises(ValueError, self.ask, "full", keys=("\udcff",))

    def test_nothingToKeep(self) -> None:
        """Values that JSON or UTF-8 cannot hold are refused, and so is a buildset without builders."""
        endless: list[object] = []
        endless.append(endless)
        for bad in (object(), float("nan"), {1j: 2}, endless):
            self.assertRaises((TypeError, ValueError), self.get, self.store.setState("key", bad))
        self.assertRaises(ValueError, self.get, self.store.setState("\udcff", 1))
        self.assertRaises(ValueError, self.ask)
        self.assertRaises(TypeError, self.ask, "full", properties={"p": b"bytes"})
        self.assertEqual(self.pending(), [])

    def test_readAtOnce(self) -> None:
        """A dict that is changed right after the call is stored as it was."""
        value = {"a": [1]}
        kept = self.store.setState("key", value)
        value["a"].append(2)
        self.get(kept)
        self.assertEqual(self.get(self.store.getState("key")), {"a": [1]})

    def test_buildNumbers(self) -> None:
        """Each builder's builds are numbered from 0 on, independent of others, also after a restart."""
        numbers = [self.start(builder=builder).number for builder in ("full", "full", "quick", "full")]
        self.reopen()
        self.assertEqual([*numbers, self.start().number], [0, 1, 0, 2, 3])

    def test_build(self) -> None:
        """A build takes its request out of the queue, and can be read in any state."""
        _, (request,) = self.ask("full")
        started = self.start(request)
        self.assertEqual((started.number, started.requests), (0, (1,)))
        self.assertEqual(self.pending(), [])
        self.assertEqual(self.get(self.store.getBuild("full", 0)), started)
        stepping = logged(started, "full/0-log-compile-stdio")
        self.get(self.store.saveBuild(stepping))
        self.assertEqual(self.get(self.store.getBuild("full", 0)), stepping)
        self.finish(stepping)
        self.reopen()
        over = self.get(self.store.getBuild("full", 0))
        self.assertEqual(over, replace(stepping, finished=40.0, results=SUCCESS, text=("over",)))
        self.assertEqual(self.pending(), [])
        self.assertIs(self.get(self.store.getBuild("full", 1)), None)

    def test_complete(self) -> None:
        """A buildset is complete with its last request, and has the worst of their results."""
        _, (one, two, three) = self.ask("full", "quick", "docs")
        self.assertEqual(self.finish(self.start(one), WARNINGS), [])
        self.assertEqual(self.finish(self.start(two, builder="quick"), FAILURE), [])
        (done,) = self.finish(self.start(three, builder="docs"), SUCCESS, finished=50.0)
        self.assertEqual((done.id, done.results, done.complete), (1, FAILURE, 50.0))
        self.assertEqual(self.get(self.store.getBuildset(1)), done)

    def test_merged(self) -> None:
        """One build may serve requests of several sets, and completes them all."""
        requests = [self.ask("full")[1][0] for _ in range(3)]
        self.assertEqual([each.id for each in self.finish(self.start(*requests))], [1, 2, 3])

    def test_requeue(self) -> None:
        """A request whose build was lost waits again in its old place, with one more attempt."""
        _, (request,) = self.ask("full")
        self.ask("full")
        self.assertEqual(self.finish(self.start(request), EXCEPTION, requeue=True), [])
        self.assertEqual(self.pending(), [1, 2])
        again = self.get(self.store.pendingRequests())[0]
        self.assertEqual(again, replace(request, attempts=1))
        self.assertEqual([each.id for each in self.finish(self.start(again))], [1])

    def test_requeueUncounted(self) -> None:
        """A request whose build did not end by the slave's fault waits again without one more attempt."""
        _, (request,) = self.ask("full")
        over = replace(self.start(request), results=RETRY, finished=40.0)
        self.get(self.store.finishBuild(over, True, False))
        self.assertEqual(self.get(self.store.pendingRequests()), [request])

    def test_endsOnce(self) -> None:
        """A finished build, or one that was never started, cannot be saved or finished."""
        _, (request,) = self.ask("full")
        started = self.start(request)
        self.finish(started)
        self.assertRaises(StoreConflict, self.get, self.store.saveBuild(started))
        self.assertRaises(StoreConflict, self.finish, started, FAILURE)
        self.assertRaises(StoreConflict, self.finish, replace(started, number=7))
        build, buildset = self.get(self.store.getBuild("full", 0)), self.get(self.store.getBuildset(1))
        assert build is not None and buildset is not None
        self.assertEqual(build.results, SUCCESS)
        self.assertEqual(buildset.results, SUCCESS)

    def test_endsAgain(self) -> None:
        """Who has ended a build may say so again, and has the same answer; nobody else may."""
        _, (request, other) = self.ask("full", "full")
        self.finish(self.start(other))
        over = replace(self.start(request), finished=50.0, results=FAILURE)
        first = self.get(self.store.finishBuild(over, False, True, "me"))
        self.assertEqual([(each.id, each.results) for each in first], [(1, FAILURE)])
        self.reopen()
        self.assertEqual(self.get(self.store.finishBuild(over, False, True, "me")), first)
        for closer in ("you", ""):
            self.assertRaises(StoreConflict, self.get, self.store.finishBuild(over, False, True, closer))
        self.assertEqual(self.pending(), [])

    def test_requeuesAgain(self) -> None:
        """Requests that wait again after a lost build are counted once, however often the end is told."""
        _, (request,) = self.ask("full")
        over = replace(self.start(request), finished=50.0, results=RETRY)
        for _ in range(3):
            self.assertEqual(self.get(self.store.finishBuild(over, True, True, "me")), [])
        self.assertEqual(self.get(self.store.pendingRequests()), [replace(request, attempts=1)])
        self.start(request)
        self.assertEqual(self.get(self.store.finishBuild(over, True, True, "me")), [])
        self.assertEqual(self.pending(), [])

    def test_interruptedByOthers(self) -> None:
        """A build that a later start has closed cannot be ended by the process that ran it."""
        _, (request,) = self.ask("full")
        started = self.start(request)
        self.reopen()
        self.get(self.store.interrupted(90.0))
        over = replace(started, finished=95.0, results=SUCCESS)
        self.assertRaises(StoreConflict, self.get, self.store.finishBuild(over, False, True, "me"))
        self.assertEqual(self.pending(), [request.id])

    def test_wrongCalls(self) -> None:
        """A build is started without a number and finished with an end; other calls are refused."""
        started = self.start()
        for call in (
            lambda: self.store.startBuild(started),
            lambda: self.store.finishBuild(started, False),
            lambda: self.store.saveBuild(replace(started, finished=1.0)),
            lambda: self.store.saveBuild(build("full")),
            lambda: self.store.prune(0),
        ):
            self.assertRaises(ValueError, self.get, call())

    def test_takenOnce(self) -> None:
        """Two builds never serve the same request, and the second one gets no number."""
        _, (request, other) = self.ask("full", "full")
        self.start(request)
        self.assertRaises(StoreConflict, self.start, other, request)
        self.assertRaises(StoreConflict, self.start, replace(other, id=99))
        self.assertEqual(self.pending(), [other.id])
        self.assertEqual(self.start(other).number, 1)

    def test_cancel(self) -> None:
        """A cancel affects only the waiting requests, not running and finished ones."""
        _, (waiting, running, done) = self.ask("full", "full", "full")
        self.finish(self.start(done))
        started = self.start(running)
        self.assertEqual(self.get(self.store.cancelRequests([1, 2, 3, 99], 60.0)), [])
        self.assertEqual(self.pending(), [])
        self.assertRaises(StoreConflict, self.start, waiting)
        (complete,) = self.finish(started)
        self.assertEqual(complete.results, CANCELLED)
        self.ask("full")
        (alone,) = self.get(self.store.cancelRequests([4], 70.0))
        self.assertEqual((alone.id, alone.complete, alone.results), (2, 70.0, CANCELLED))

    def test_interrupted(self) -> None:
        """P1: running builds of a killed master are closed as interrupted; their requests wait again."""
        _, (request, other) = self.ask("full", "full")
        self.finish(self.start(other))
        started = self.start(request)
        running = logged(started, "f")
        step = replace(running.steps[0], finished=None, results=None)
        self.get(self.store.saveBuild(replace(running, steps=(*running.steps, step))))
        self.reopen()
        (closed,) = self.get(self.store.interrupted(90.0))
        self.assertEqual((closed.number, closed.finished, closed.results), (1, 90.0, EXCEPTION))
        self.assertEqual(closed.text, (INTERRUPTED,))
        self.assertEqual([each.results for each in closed.steps], [SUCCESS, EXCEPTION])
        self.assertEqual([each.finished for each in closed.steps], [32.0, 90.0])
        self.assertEqual(self.get(self.store.getBuild("full", 1)), closed)
        self.assertEqual(self.get(self.store.pendingRequests()), [replace(request, interruptions=1)])
        self.assertEqual(self.get(self.store.interrupted(91.0)), [])
        self.assertEqual(self.pending(), [request.id])
        self.assertRaises(StoreConflict, self.finish, started)

    def test_interruptedIsNoAttempt(self) -> None:
        """B5: the end of the master is not counted as an attempt of a request."""
        _, (request,) = self.ask("full")
        self.finish(self.start(request), EXCEPTION, requeue=True)
        for _ in range(3):
            self.start(request)
            self.reopen()
            self.get(self.store.interrupted(90.0))
        waiting = self.get(self.store.pendingRequests())
        self.assertEqual(waiting, [replace(request, attempts=1, interruptions=3)])

    def test_givenUp(self) -> None:
        """F16: a request during whose builds the master crashed three times is given up, and its set
        fails.
        """
        _, (request, other) = self.ask("full", "quick")
        self.finish(self.start(other, builder="quick"))
        for number in range(MOST_INTERRUPTIONS):
            self.assertEqual(self.get(self.store.giveUp(80.0)), [])
            self.start(request)
            self.reopen()
            (closed,) = self.get(self.store.interrupted(90.0))
            self.assertEqual(closed.isGivenUp, number == MOST_INTERRUPTIONS - 1)
        why = "given up: the master was killed or crashed during each of 3 builds"
        self.assertEqual(closed.text, (why,))
        (complete,) = self.get(self.store.giveUp(91.0))
        self.assertEqual((complete.id, complete.complete, complete.results), (1, 91.0, EXCEPTION))
        self.assertEqual(self.pending(), [])
        self.reopen()
        self.assertEqual(self.get(self.store.giveUp(92.0)), [])

    def test_stopIsNoInterruption(self) -> None:
        """F16: a build that a planned stop put back is not counted."""
        _, (request,) = self.ask("full")
        for _ in range(MOST_INTERRUPTIONS + 1):
            over = replace(self.start(request), finished=40.0, results=EXCEPTION, text=("over",))
            self.get(self.store.finishBuild(over, True, False))
            self.reopen()
            self.assertEqual(self.get(self.store.interrupted(90.0)), [])
            self.assertEqual(self.get(self.store.giveUp(91.0)), [])
        self.assertEqual(self.get(self.store.pendingRequests()), [request])

    def test_interruptedWait(self) -> None:
        """A build that waits for others cannot have crashed the master: its requests get no interruption."""
        _, (request, other) = self.ask("full", "full")
        _, (alone,) = self.ask("full")
        for number in range(MOST_INTERRUPTIONS + 1):
            waiting, running = self.start(request, other), self.start(alone)
            self.get(self.store.saveBuild(replace(waiting, waits=True)))
            self.get(self.store.saveBuild(replace(running, waits=True)))
            self.get(self.store.saveBuild(replace(running, waits=False)))
            self.reopen()
            first, second = self.get(self.store.interrupted(90.0))
            self.assertEqual((first.text, first.waits), ((INTERRUPTED,), False))
            self.assertEqual(second.isGivenUp, number >= MOST_INTERRUPTIONS - 1)
        pending = self.get(self.store.pendingRequests())
        interruptions = MOST_INTERRUPTIONS + 1
        self.assertEqual(pending, [request, other, replace(alone, interruptions=interruptions)])

    def test_clockWentBack(self) -> None:
        """A build that was interrupted before its start, by the clock, has duration zero."""
        self.start(started=500.0)
        (closed,) = self.get(self.store.interrupted(90.0))
        self.assertEqual(closed.finished, 500.0)

    def test_builds(self) -> None:
        """Builds are listed newest first: of one builder by number, of all by their start."""
        for number, builder in enumerate(("full", "quick", "full", "quick")):
            self.start(builder=builder, started=100.0 - number)
        found = [
            [(each.builder, each.number) for each in self.get(builds)]
            for builds in (
                *(self.store.getBuilds(), self.store.getBuilds(count=1), self.store.getBuilds(before=99.0)),
                *(self.store.getBuilds("full"), self.store.getBuilds("full", 5, 1)),
                self.store.getBuilds("none"),
            )
        ]
        full, quick = [("full", n) for n in range(2)], [("quick", n) for n in range(2)]
        self.assertEqual(found[0], [full[0], quick[0], full[1], quick[1]])
        self.assertEqual(found[1:3], [[full[0]], [full[1], quick[1]]])
        self.assertEqual(found[3:], [[full[1], full[0]], [full[0]], []])

    def test_state(self) -> None:
        """Values are stored by name until they are set to None."""
        self.get(self.store.setState("pause/bot1", {"why": "disk"}))
        self.get(self.store.setState("pause/bot2", 1))
        self.get(self.store.setState("pause/bot2", 2))
        self.get(self.store.setState("other", False))
        self.reopen()
        self.assertEqual(self.get(self.store.getState("pause/bot1")), {"why": "disk"})
        self.assertEqual(
            self.get(self.store.getStates("pause/")), {"pause/bot1": {"why": "disk"}, "pause/bot2": 2}
        )
        self.get(self.store.setState("pause/bot2", None))
        self.assertEqual(self.get(self.store.getState("pause/bot2", "default")), "default")
        self.assertIs(self.get(self.store.getState("other", True)), False)

    def test_pruneByCount(self) -> None:
        """P8: of each builder the newest builds stay; the logs of the others may be deleted."""
        for number in range(5):
            _, (request,) = self.ask("full")
            self.finish(logged(self.start(request), f"full/{number}"))
        self.finish(logged(self.start(builder="quick"), "quick/0"))
        self.assertEqual(self.get(self.store.prune(2)), ["full/0", "full/1", "full/2"])
        self.assertEqual([each.number for each in self.get(self.store.getBuilds("full"))], [4, 3])
        self.assertEqual(
            [self.get(self.store.getBuildset(each)) is None for each in range(1, 6)], [True] * 3 + [False] * 2
        )
        self.assertEqual(self.get(self.store.prune(2)), [])
        self.assertEqual(self.start().number, 5)

    def test_pruneByAge(self) -> None:
        """P8: old builds are removed even if they are among the newest, except the last of each builder."""
        for builder in ("full", "full", "quick"):
            self.finish(logged(self.start(builder=builder), f"{builder}"), finished=100.0)
        self.assertEqual(self.get(self.store.prune(10, olderThan=101.0)), ["full"])
        self.assertEqual([each.number for each in self.get(self.store.getBuilds())], [0, 1])

    def test_pruneLeavesWork(self) -> None:
        """P8: waiting and running work is never removed, nor its set."""
        _, (waiting, running, done) = self.ask("full", "full", "full")
        started = self.start(running)
        self.finish(self.start(done))
        self.finish(self.start())
        self.get(self.store.prune(1, olderThan=1e9))
        self.assertEqual(self.pending(), [waiting.id])
        self.assertEqual([each.number for each in self.get(self.store.getBuilds())], [2, 0])
        self.finish(started)
        (complete,) = self.get(self.store.cancelRequests([waiting.id], 99.0))
        self.assertEqual(complete.id, 1)

    def test_pruneLeavesTriggered(self) -> None:
        """P8: a set that a build has triggered stays while the request of the build is open, and so does
        its key; then both are removed.
        """
        _, (request,) = self.ask("top")
        _, (below,) = self.ask("full", keys=(f"trigger/{request.id}/step",))
        self.finish(self.start(below))
        self.finish(self.start())
        self.get(self.store.prune(1))
        found = self.get(self.store.getBuildset(2))
        self.assertEqual(
            (found and found.results, self.get(self.store.getBuilds("full", 2))[1:]), (SUCCESS, [])
        )
        self.assertEqual(self.get(self.store.getStates("trigger/")), {"trigger/1/step": 2})
        self.finish(self.start(request, builder="top"))
        self.get(self.store.prune(1))
        self.assertIsNone(self.get(self.store.getBuildset(2)))
        self.assertEqual(self.get(self.store.getStates("trigger/")), {})

    def test_pruneChanges(self) -> None:
        """P8: old changes are removed, except the newest, and their numbers are not given again."""
        for when in (10.0, 20.0, 30.0, 40.0):
            self.change(when=when)
        self.get(self.store.prune(3))
        self.assertEqual([each.number for each in self.get(self.store.getChanges())], [4, 3, 2])
        self.get(self.store.prune(3, olderThan=99.0))
        self.assertEqual([each.number for each in self.get(self.store.getChanges())], [4])
        self.assertEqual(self.change().number, 5)

    def test_pruneChangesAlone(self) -> None:
        """P8: with a limit of their own, changes go by their number, whatever their age, and builds stay."""
        for when in (10.0, 20.0, 30.0, 40.0):
            self.change(when=when)
            self.finish(self.start())
        self.assertEqual(self.get(self.store.prunable(3, None, 2)), ([("full", 0)], 2))
        self.get(self.store.prune(10, 35.0, 2))
        self.assertEqual([each.number for each in self.get(self.store.getChanges())], [4, 3])

    def test_dropped(self) -> None:
        """P8: builds can be removed in small parts; the names of their logs stay until they are deleted."""
        for _ in range(3):
            self.finish(logged(started := self.start(), f"full/{started.number}"))
        self.start()
        self.assertEqual(self.get(self.store.dropBuilds([("full", 0), ("full", 3), ("x", 0)])), ["full/0"])
        self.assertEqual(self.get(self.store.dropBuilds([("full", 1)])), ["full/1"])
        self.assertEqual([each.number for each in self.get(self.store.getBuilds("full"))], [3, 2])
        self.assertEqual(self.get(self.store.prune(10)), [])

    def test_forgottenLogs(self) -> None:
        """P8: a build whose logs were removed keeps their names and the reason; a running one stays."""
        self.finish(logged(self.start(), "full/0"))
        running = self.start()
        self.get(self.store.forgetLogs([("full", 0), ("full", 1), ("full", 7)], "removed"))
        self.reopen()
        first, second = (self.get(self.store.getBuild("full", number)) for number in (0, 1))
        assert first is not None
        (log,) = [log for step in first.steps for log in step.logs]
        self.assertEqual((log.filename, log.length, log.trouble), ("full/0", 0, "removed"))
        self.assertEqual(second, running)

    def test_inOrder(self) -> None:
        """Answers come in the order of the calls, and each includes the calls before it."""
        seen: list[Any] = []
        calls = []
        for number in range(20):
            calls.append(self.store.setState("n", number))
            calls.append(self.store.getState("n"))
        for call in calls:
            call.addCallback(seen.append)
        self.get(calls[-1])
        self.assertEqual(seen, [each for number in range(20) for each in (None, number)])


class MemoryTests(_Promises):
    """The contract, in memory."""

    def make(self) -> Store:
        return MemoryStore()

    def test_atOnce(self) -> None:
        """Every result is there when the call returns."""
        self.assertEqual(self.successResultOf(self.store.getState("none", 5)), 5)


class SqliteTests(_Promises):
    """The contract, on disk."""

    def make(self) -> Store:
        return self.sqlite()


class SameTests(StoreCase):
    """All stores behave alike."""

    def others(self) -> list[Store]:
        """New stores to compare with the one in memory."""
        return [self.sqlite(self.mktemp())]

    @given(st.integers(0, 1 << 64), st.integers(1, 60))
    @settings(max_examples=examples(80), deadline=None)
    def test_same(self, seed: int, length: int) -> None:
        """For any calls, the store in memory and the one on disk give the same results."""
        self.compare(random.Random(seed), length)

    def compare(self, chance: random.Random, length: int) -> None:
        """Make so many calls on all stores, and compare the results."""
        memory, others = MemoryStore(), self.others()
        try:
            for store in (memory, *others):
                self.get(store.open())
            for _ in range(length):
                call = self.withStart(memory, *_anything(chance))
                expected = self.outcome(memory, *call)
                for other in others:
                    self.assertEqual(expected, self.outcome(other, *call), call)
        finally:
            for other in others:
                self.closed(other)

    def withStart(self, store: Store, name: str, args: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """The call; the start of a build stays as it was stored."""
        if name not in ("saveBuild", "finishBuild"):
            return name, args
        build, *others = args
        stored = self.get(store.getBuild(build.builder, build.number))
        return name, (build if stored is None else replace(build, started=stored.started), *others)

    def outcome(self, store: Store, name: str, args: tuple[Any, ...]) -> Any:
        """The result of a call, or the type of its exception."""
        try:
            return self.get(getattr(store, name)(*args))
        except (StoreConflict, ValueError) as error:
            return type(error), str(error)


def _anything(chance: random.Random) -> tuple[str, tuple[Any, ...]]:
    """A valid or invalid call."""
    builder, number = chance.choice(("full", "quick")), chance.randrange(4)
    ids = tuple(chance.sample(range(1, 6), chance.randrange(3)))
    when = float(chance.randrange(100))
    some = BuildRecord(builder, number, "bot1", ids, 5.0, sourcestamp={}, properties={"n": number})
    over = logged(replace(some, finished=when, results=chance.randrange(7)), f"{builder}/{number}")
    builders = chance.choices(("full", "quick"), k=chance.randrange(3))
    change = Change("me", [], "", when=1.0)
    source = {
        "branch": chance.choice((None, "b")),
        "changes": [change.numbered(each).toRecord() for each in ids],
    }
    asked = BuildsetRecord(0, "why", source, when, {}, scheduler=builder, mergeable=chance.random() < 0.8)
    calls: list[tuple[str, tuple[Any, ...]]] = [
        ("addBuildset", (asked, builders, {"k": number})),
        ("addBuildset", (asked, builders, None, [f"trigger/{each}/k" for each in ids])),
        ("startBuild", (replace(some, number=None, started=when),)),
        ("startBuild", (replace(some, number=None, started=when),)),
        ("saveBuild", (replace(some, waits=chance.random() < 0.5),)),
        ("finishBuild", (over, chance.random() < 0.3)),
        ("finishBuild", (over, chance.random() < 0.3, chance.random() < 0.5)),
        ("finishBuild", (over, chance.random() < 0.3, True, chance.choice(("me", "you")))),
        ("cancelRequests", (ids, when)),
        ("interrupted", (when,)),
        ("giveUp", (when,)),
        ("prune", (chance.randrange(4), chance.choice((None, when)))),
        ("prune", (chance.randrange(4), chance.choice((None, when)), chance.randrange(4))),
        ("prunable", (chance.randrange(1, 4), chance.choice((None, when)), chance.choice((None, 2)))),
        ("forgetLogs", ([(builder, number)], "gone")),
        ("dropBuilds", ([(builder, number), ("full", 1)],)),
        ("setState", (builder, chance.choice((None, when)))),
        ("getStates", (chance.choice(("", "f", "t")),)),
        ("pendingRequests", ()),
        ("countWaiting", ()),
        ("getWaiting", (builder, number, chance.randrange(3))),
        ("getWaiting", (builder, number, 2, likenessOf(asked))),
        ("findWaiting", (ids,)),
        ("getWaitingOf", (number,)),
        ("getBuildsOf", (number,)),
        ("getBuildset", (number,)),
        ("getBuildsetOf", (number,)),
        ("getBuildsetsOf", (builder, number)),
        ("getBuildsetsOf", (builder, number, 1)),
        ("getBuilds", (chance.choice((None, builder)), 3, chance.choice((None, when)))),
        ("addChange", (Change("me", [], "", when=when),)),
        ("getChanges", (3, chance.choice((None, number)))),
        ("getChangesAfter", (number, 2)),
    ]
    return chance.choice(calls)


#: For the modules of other stores: trial would run a class by itself.
PROMISES = (_Promises,)
del _Promises

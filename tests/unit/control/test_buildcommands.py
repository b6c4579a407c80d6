"""The control socket's commands for builds."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail

from buildbot.control import buildcommands
from buildbot.control.client import ControlError
from buildbot.control.slavecommands import SlaveCommands
from buildbot.model.change import Change
from buildbot.model.results import Results
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.slaves.availability import DRAINED
from buildbot.slaves.liveness import PROBE_TIME
from buildbot.status.report import reportSlave
from buildbot.store.interface import StoreFailed
from tests.fakes import FakeSlave
from tests.unit.process.test_builds import BuildCase, shell
from tests.unit.test_docs import literals, pages, tableRows


class AnswersCase(BuildCase):
    """A master with builds, and a client that asks about them."""

    def setUp(self) -> None:
        super().setUp()
        self.handlers = {
            **buildcommands.BuildCommands(self.botmaster).handlers(),
            **SlaveCommands(self.botmaster).handlers(),
        }

    def asking(self, command: str, **params: Any) -> Deferred[Any]:
        """Send a request to the control socket."""
        value = self.handlers[command](**params)
        asked: Deferred[Any] = Deferred()
        if isinstance(value, Coroutine):
            ensureDeferred(value).chainDeferred(asked)
        else:
            asked.callback(value)
        self.settle()
        return asked

    def ask(self, command: str, **params: Any) -> Any:
        """The answer, which JSON can hold."""
        answer = self.successResultOf(self.asking(command, **params))
        return json.loads(json.dumps(answer))

    def refusal(self, command: str, **params: Any) -> str:
        """The refusal of a request, in the user's words."""
        try:
            return str(self.failureResultOf(self.asking(command, **params), ControlError).value)
        except ControlError as why:
            return str(why)

    def forceMany(self, count: int, builder: str = "full") -> None:
        """Queue different requests."""
        for number in range(count):
            self.ask("force", builder=builder, revision=str(number))


class LookingTests(AnswersCase):
    """C{builds} and C{build}."""

    def test_nothing(self) -> None:
        """Without builds the answer is empty."""
        nothing = {"running": [], "waiting": [], "requests": [], "finished": [], "storeTrouble": ""}
        self.assertEqual(self.ask("builds"), nothing)

    def test_conditions(self) -> None:
        """Builds, running or finished, are chosen by slave, outcome, branch and time; then no requests are
        told.
        """
        slave = self.connect()
        for code in (1, 0):
            self.force(branch="b")
            self.command(slave).end(code)
            self.settle()
        self.force()
        self.wait(10)
        self.forceMany(2)

        def chosen(**conditions: Any) -> list[int]:
            said = self.ask("builds", **conditions)
            self.assertEqual((said["waiting"], said["requests"]), ([], []))
            return [each["number"] for each in (*said["running"], *said["finished"])]

        self.assertEqual(chosen(failed=True), [0])
        self.assertEqual(chosen(slave="bot1"), [2, 1, 0])
        self.assertEqual(self.refusal("builds", slave="bot2"), "no slave 'bot2' in c['bots'] (there: bot1)")
        self.assertEqual(chosen(branch="b", count=1), [1])
        self.assertEqual(chosen(branch=""), [2])
        now = self.clock.seconds()
        self.assertEqual(chosen(until=now + 1e6, builder="full"), [2, 1, 0])
        self.assertEqual(chosen(since=now + 1e6), [])

    def test_nearest(self) -> None:
        """Among many builders, the refusal of a misspelt one offers the nearest."""
        self.configure(shell("true"), builders=" ".join(f"builder{number}" for number in range(20)))
        self.assertIn("; did you mean builder", self.refusal("builds", builder="bilder7"))
        self.assertTrue(self.refusal("builds", builder="x").endswith("in c['builders']"))

    def test_names(self) -> None:
        """A shell that completes a word gets the names of builders and slaves."""
        self.assertEqual(self.ask("names"), {"builders": ["full"], "slaves": ["bot1"]})

    def test_running(self) -> None:
        """A running build is shown with its slave, its step and, if known, its remaining time."""
        slave = self.connect()
        self.force(branch="trunk")
        (running,) = self.ask("builds")["running"]
        told = [running[key] for key in ("builder", "number", "slave", "step", "branch", "reason", "result")]
        self.assertEqual(told, ["full", 0, "bot1", "shell", "trunk", "because", None])
        self.assertIsNone(running["eta"])
        self.wait(20)
        self.command(slave).end(0)
        self.force()
        self.wait(5)
        (running,) = self.ask("builds")["running"]
        self.assertEqual((running["number"], running["eta"]), (1, 15))
        self.command(slave).end(0)
        self.settle()

    def test_finished(self) -> None:
        """Finished builds are shown, the newest first, up to the wanted number."""
        self.green()
        self.forceMany(4)
        finished = self.ask("builds", count=3)["finished"]
        self.assertEqual([build["number"] for build in finished], [3, 2, 1])
        self.assertEqual({build["result"] for build in finished}, {"success"})
        self.assertEqual(len(self.ask("builds", count=0)["finished"]), 0)

    def test_countMeansFinished(self) -> None:
        """Running builds do not count as finished ones."""
        slave = self.green()
        self.forceMany(2)
        slave.onCommand = lambda command: None
        self.force()
        said = self.ask("builds", count=2)
        self.assertEqual([build["number"] for build in said["finished"]], [1, 0])
        self.assertEqual([build["number"] for build in said["running"]], [2])
        self.command(slave).end(0)
        self.settle()

    def test_bounded(self) -> None:
        """P5: an answer is limited, whatever is asked for; its totals are correct."""
        self.patch(buildcommands, "MOST", 5)
        self.forceMany(8)
        said = self.ask("builds", count=10**9)
        self.assertEqual(len(said["requests"]), 5)
        self.assertEqual([request["revision"] for request in said["requests"]], list("01234"))
        self.assertEqual(said["waiting"][0]["requests"], 8)

    def test_waiting(self) -> None:
        """B8: waiting requests are shown with their number, their age and the reason."""
        self.force()
        self.wait(10)
        (waiting,) = self.ask("builds")["waiting"]
        self.assertEqual((waiting["builder"], waiting["requests"], waiting["since"]), ("full", 1, 1000))
        self.assertIn("bot1", waiting["why"])

    def test_neverLost(self) -> None:
        """B8: while the store records the start or end of a build, the build still waits or runs."""
        self.green()
        start, finish = (self.holdUp(name) for name in ("startBuild", "finishBuild"))
        self.force()
        said = self.ask("builds")
        self.assertEqual((len(said["waiting"]), len(said["requests"]), said["running"]), (1, 1, []))
        self.assertEqual(said["waiting"][0]["why"], "its build is about to start")
        start.callback(None)
        self.settle()
        said = self.ask("builds")
        self.assertEqual((said["waiting"], said["requests"], said["finished"]), ([], [], []))
        (running,) = said["running"]
        self.assertEqual((running["result"], running["note"]), ("success", "its end is being stored"))
        finish.callback(None)
        self.settle()
        said = self.ask("builds")
        self.assertEqual((said["waiting"], said["running"], len(said["finished"])), ([], [], 1))

    def holdUp(self, name: str) -> Deferred[None]:
        """Delay a method of the store until the returned Deferred is fired."""
        method, until = getattr(self.botmaster.store, name), Deferred[None]()

        def late(*args: Any, **kwargs: Any) -> Deferred[Any]:
            called: Deferred[Any] = Deferred()
            until.addCallback(lambda _: method(*args, **kwargs).chainDeferred(called) and None)
            return called

        self.patch(self.botmaster.store, name, late)
        return until

    def test_oneBuilder(self) -> None:
        """For one builder, only its own builds are shown; an unknown builder is an error."""
        self.configure(shell("true"), builders="full quick")
        self.green()
        self.force()
        self.force("quick")
        said = self.ask("builds", builder="quick")
        self.assertEqual([build["builder"] for build in said["finished"]], ["quick"])
        self.assertEqual(
            self.refusal("builds", builder="fast"), "no builder 'fast' in c['builders'] (there: full, quick)"
        )

    def test_removedBuilder(self) -> None:
        """The builds of a removed builder can still be read."""
        self.configure(shell("true"), builders="full old")
        self.green()
        self.force("old")
        self.configure(shell("true"))
        self.assertEqual(len(self.ask("builds", builder="old")["finished"]), 1)
        self.assertEqual(self.ask("build", builder="old", number=0)["result"], "success")
        self.assertIn("no builder 'old'", self.refusal("force", builder="old"))
        self.settle()

    def test_build(self) -> None:
        """A build is shown with its steps and the files of their logs, while it runs and afterwards."""
        slave = self.connect()
        self.force()
        said = self.ask("build", builder="full", number=0)
        (step,) = said["steps"]
        self.assertEqual(
            (said["step"], step["name"], step["finished"], step["result"]), ("shell", "shell", None, None)
        )
        self.assertEqual(
            [(log["name"], log["filename"], log["length"], log["html"]) for log in step["logs"]],
            [("stdio", "full/0-log-shell-stdio", None, False)],
        )
        self.command(slave).end(1, stdout="no")
        self.settle()
        said = self.ask("build", builder="full", number=0)
        (step,) = said["steps"]
        self.assertEqual((said["result"], said["step"], step["result"]), ("failure", None, "failure"))
        self.assertGreater(step["logs"][0]["length"], 0)
        self.assertEqual(said["properties"]["buildername"], "full")

    def test_noBuild(self) -> None:
        """An unknown build is an error."""
        self.assertEqual(self.refusal("build", builder="full", number=7), "builder 'full' has no build 7")
        self.assertIn("no builder", self.refusal("build", builder="fast", number=7))

    def test_storeBroken(self) -> None:
        """P4: the error of a broken store is one line."""
        self.patch(self.botmaster.store, "getBuilds", lambda *a: fail(StoreFailed("disk I/O error")))
        self.assertEqual(self.refusal("builds"), "the master's store does not work: disk I/O error")


class ForceTests(AnswersCase):
    """C{force}."""

    def test_begun(self) -> None:
        """A forced build starts, and the answer has its number."""
        slave = self.green()
        said = self.ask("force", builder="full", who="alice", reason="for fun", properties={"a": "b"})
        self.assertEqual((said["build"], said["why"]), (0, ""))
        build = self.builds()[0]
        self.assertEqual(build.reason, "forced by alice: for fun")
        self.assertEqual(build.properties["a"], "b")
        self.ask("force", builder="full", branch="x", revision="12")
        stamp = self.builds()[1].sourcestamp
        self.assertEqual((stamp["branch"], stamp["revision"]), ("x", "12"))
        self.assertEqual(len(slave.commands), 2)

    def test_waits(self) -> None:
        """B8: without a slave the answer says at once that the request waits, and why; the request is stored
        (P2).
        """
        said = self.ask("force", builder="full")
        self.assertIsNone(said["build"])
        self.assertIn("bot1", said["why"])
        self.assertEqual([request.id for request in self.waiting()], [said["request"]])

    def test_muteSlave(self) -> None:
        """L4: the answer does not wait long for the probe of a slave."""
        slave = self.green()
        self.wait(60)
        slave.pump.blackhole = True
        asked = self.asking("force", builder="full")
        self.assertNoResult(asked)
        self.wait(buildcommands.BEGIN_TIME)
        self.assertIsNone(self.successResultOf(asked)["build"])

    def test_unknown(self) -> None:
        """An unknown builder is an error."""
        self.assertIn("no builder 'fast'", self.refusal("force", builder="fast"))

    def test_diskFull(self) -> None:
        """P4: a request that cannot be stored is refused, and not built."""
        self.green()
        self.patch(self.botmaster.store, "addBuildset", lambda *a: fail(StoreFailed("disk is full")))
        self.assertIn("disk is full", self.refusal("force", builder="full"))
        self.assertEqual(self.builds(), [])


class StopTests(AnswersCase):
    """C{stopbuild}."""

    def stoppable(self) -> FakeSlave:
        """A slave whose command stops when asked."""
        slave = self.connect()
        slave.onInterrupt = lambda command: command.end(-1)
        return slave

    def test_stop(self) -> None:
        """The running build is stopped, and shows by whom and why."""
        self.stoppable()
        self.force()
        said = self.ask("stopbuild", builder="full", who="alice", reason="wrong branch")
        self.assertEqual((said["stopped"], said["cancelled"]), ([0], []))
        (build,) = self.builds()
        self.assertIn("stopped by alice: wrong branch", build.text)

    def test_number(self) -> None:
        """A build can be given by number; if it is not running, the error lists the running ones."""
        self.stoppable()
        self.force()
        self.assertEqual(
            self.refusal("stopbuild", builder="full", number=4), "build 4 of full is not running (running: 0)"
        )
        self.assertEqual(self.ask("stopbuild", builder="full", number=0)["stopped"], [0])
        self.assertEqual(self.refusal("stopbuild", builder="full"), "no build of full is running")
        self.assertIn("no builder", self.refusal("stopbuild", builder="fast"))

    def test_several(self) -> None:
        """With several builders, a builder must be given."""
        self.configure(shell("true"), slaves="bot1 bot2")
        self.stoppable()
        slave = self.connect(name="bot2")
        slave.onInterrupt = lambda command: command.end(-1)
        self.forceMany(2)
        self.assertEqual(
            self.refusal("stopbuild", builder="full"),
            "several builds of full are running: give the number of one (running: 0, 1)",
        )
        for number in (0, 1):
            self.ask("stopbuild", builder="full", number=number)

    def test_pending(self) -> None:
        """Waiting requests are cancelled only on demand."""
        self.stoppable()
        self.forceMany(3)
        self.assertEqual(len(self.ask("stopbuild", builder="full")["cancelled"]), 0)
        said = self.ask("stopbuild", builder="full", pending=True)
        self.assertEqual((len(said["stopped"]), len(said["cancelled"])), (1, 1))
        self.assertEqual(self.waiting(), [])
        self.assertEqual(self.ask("stopbuild", builder="full", pending=True)["cancelled"], [])

    def test_pendingOnAFullDisk(self) -> None:
        """P4: a cancellation that cannot be stored is reported so, and stored later."""
        self.forceMany(2)
        store: Any = self.botmaster.store
        original = store.cancelRequests
        store.cancelRequests = lambda *a: fail(StoreFailed("disk is full"))
        said = self.refusal("stopbuild", builder="full", pending=True)
        self.assertEqual(
            said,
            "the requests are cancelled, but this is not stored yet; the master retries: disk is full",
        )
        store.cancelRequests = original
        self.wait(11)
        self.assertEqual(self.waiting(), [])


class PauseTests(AnswersCase):
    """C{pause}, C{drain}, C{unpause}."""

    def test_pause(self) -> None:
        """O7: a paused slave starts no build; the status shows by whom and why."""
        self.green()
        said = self.ask("pause", slave="bot1", who="alice", why="new disk")
        self.assertEqual(
            (said["kind"], said["who"], said["why"], said["running"]), ("paused", "alice", "new disk", 0)
        )
        said = self.ask("force", builder="full")
        self.assertIn("paused (by alice: new disk)", said["why"])
        self.assertTrue(self.ask("unpause", slave="bot1")["unpaused"])
        self.settle()
        self.assertEqual(len(self.builds()), 1)
        self.assertFalse(self.ask("unpause", slave="bot1")["unpaused"])

    def test_reasonStays(self) -> None:
        """O7: a pause or drain of a paused slave without a reason keeps the reason that it has."""
        self.ask("pause", slave="bot1", who="alice", why="new disk")
        said = self.ask("drain", slave="bot1", who="bob")
        self.assertEqual((said["kind"], said["who"], said["why"]), ("draining", "bob", "new disk"))
        self.assertEqual(self.ask("pause", slave="bot1", why="new fan")["why"], "new fan")
        self.ask("unpause", slave="bot1")
        self.assertEqual(self.ask("pause", slave="bot1")["why"], "")

    def test_drain(self) -> None:
        """A drained slave finishes its builds and is then disconnected."""
        slave = self.connect()
        self.force()
        self.assertEqual(self.ask("drain", slave="bot1", who="bob")["running"], 1)
        self.assertReady()
        self.command(slave).end(0)
        before = len(slave.heard)
        self.settle()
        self.assertAbsent()
        self.assertEqual(slave.called[before:], ["getCommands"])
        self.assertEqual(slave.complaints, [])  # the slave has received the last message

    def test_drained(self) -> None:
        """F14: when a drained slave is idle and disconnected, it is reported as safe to switch off."""
        self.connect()
        self.force()
        self.ask("drain", slave="bot1", who="bob")
        self.settle()
        self.assertFalse(reportSlave(self.bot)["drained"])
        self.assertNotIn(DRAINED, [text for _, text in self.bot.slave_status.getEvents()])
        self.command(self.slaves[-1]).end(0)
        self.settle()
        self.assertTrue(reportSlave(self.bot)["drained"])
        self.assertEqual(self.lastEvent(), DRAINED)
        self.green()  # it reconnects, and is still safe to switch off
        self.assertTrue(reportSlave(self.bot)["drained"])
        self.ask("unpause", slave="bot1")
        self.assertFalse(reportSlave(self.bot)["drained"])

    def test_drainedAtOnce(self) -> None:
        """F14: a slave that is not connected is drained at once, and this is reported once."""
        for _ in range(2):
            self.ask("drain", slave="bot1", who="bob")
            self.bot.availability.maybeLeave()
        events = [text for _, text in self.bot.slave_status.getEvents()]
        self.assertEqual(events.count(DRAINED), 1)

    def test_drainMute(self) -> None:
        """A drained slave that does not answer is disconnected anyway."""
        slave = self.connect()
        slave.pump.blackhole = True
        self.ask("drain", slave="bot1", who="bob")
        self.wait(PROBE_TIME + 1)
        self.assertAbsent()

    def test_drainedBack(self) -> None:
        """A drain cancelled in time disconnects nobody; a drained slave that reconnects gets no builds."""
        slave = self.connect()
        for command in ("drain", "unpause"):
            answer: Any = self.handlers[command](slave="bot1")
            self.successResultOf(ensureDeferred(answer))
        self.wait(1)
        self.assertReady()
        self.ask("drain", slave="bot1")
        self.wait(1)
        self.assertAbsent()
        slave = self.green()
        self.force()
        self.wait(1)
        self.assertReady()
        self.assertEqual(slave.commands, [])

    def test_unknown(self) -> None:
        """An unknown slave is an error."""
        for command in ("pause", "drain", "unpause"):
            self.assertEqual(
                self.refusal(command, slave="bot9"), "no slave 'bot9' in c['bots'] (there: bot1)"
            )

    def test_diskFull(self) -> None:
        """A pause that cannot be stored is refused."""
        self.patch(self.botmaster.store, "setState", lambda *a: fail(StoreFailed("disk is full")))
        self.assertIn("disk is full", self.refusal("pause", slave="bot1"))
        self.assertIsNone(self.bot.availability.paused)


class DocumentedTests(AnswersCase):
    """The reference page of builds, compared with the answers."""

    def test_keys(self) -> None:
        """Every key of the answers is documented, and no other one."""
        page = pages()["reference/builds"]

        def drawn(name: str) -> list[str]:
            return sorted(literals(row[0])[0] for row in tableRows(page, name))

        slave = self.green()
        self.forceMany(2)
        slave.onCommand = lambda command: None
        self.force()
        self.force(branch="other")
        said = self.ask("builds")
        self.assertEqual(drawn("builds-answer"), sorted(said))
        for build in (said["running"][0], said["finished"][0]):
            self.assertEqual(drawn("builds-build"), sorted(build))
        for number in (0, 2):
            whole = set(self.ask("build", builder="full", number=number))
            self.assertEqual(drawn("builds-whole"), sorted(whole - set(drawn("builds-build"))))
        rows = {literals(row[0])[0]: literals(row[2]) for row in tableRows(page, "builds-answer")}
        self.assertEqual(sorted(rows["waiting"]), sorted(said["waiting"][0]))
        self.assertEqual(sorted({*rows["requests"]} - {"count"}), sorted(said["requests"][0]))
        (words,) = [literals(row[2]) for row in tableRows(page, "builds-build") if "``result``" in row[0]]
        self.assertEqual(words, Results)
        self.command(slave).end(0)
        self.settle()

    def test_codebases(self) -> None:
        """A request for several codebases tells those of the first, all changes, and beside it the others."""
        changes = [
            self.successResultOf(self.botmaster.store.addChange(Change("ann", ["a.c"], "", codebase=name)))
            for name in ("app", "lib", "lib")
        ]
        app, lib = SourceStamp(changes=changes[:1]), SourceStamp(changes=changes[1:])
        source = SourceStamp.together([app, lib, SourceStamp("dev", codebase="doc")])
        self.successResultOf(ensureDeferred(self.botmaster.submitBuildSet(BuildSet(["full"], source, "r"))))
        self.settle()
        (request,) = self.ask("builds")["requests"]
        self.assertEqual((request["codebase"], request["branch"]), ("app", None))
        self.assertEqual((request["changes"], request["changeCount"]), ([1, 2, 3], 3))
        beside = [(each["codebase"], each["branch"], each["changes"]) for each in request["beside"]]
        self.assertEqual(beside, [("lib", None, [2, 3]), ("doc", "dev", [])])
        (words,) = [each for each in pages()["reference/builds"].split("\n\n") if "has ``beside``" in each]
        told = set(literals(words)) - {"beside"}
        self.assertEqual(told, set(request["beside"][0]))

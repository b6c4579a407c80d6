"""Latent slaves: a build starts one, and it stops when no build needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import ensureDeferred, fail, succeed

from buildbot.buildslave import CommandLatentBuildSlave
from buildbot.latent.record import STARTED, InstanceRecord
from buildbot.scripts.status import masterPage, slavePage
from buildbot.store.interface import StoreFailed
from tests import clouds
from tests.stories.web import WebWorld

FILE = """
from buildbot.process.factory import BuildFactory
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.status.html import WebStatus
from buildbot.steps.shell import ShellCommand
from tests.clouds import CloudSlave
c = BuildmasterConfig = {}
def slave(name, **more):
    return CloudSlave(name, 'sekrit', **{'build_wait_timeout': 60, 'missing_timeout': 300, **more})
c['slaves'] = [slave('bot1')]
c['builders'] = [
    {'name': 'full', 'slavenames': [each.slavename for each in c['slaves']], 'builddir': 'full',
     'factory': BuildFactory([ShellCommand(command=['make'])])},
]
c['schedulers'] = [ForceScheduler('form', ['full'])]
c['status'] = [WebStatus(http_port=8010)]
c['slavePortnum'] = 9989
"""


class LatentCase(WebWorld):
    """A master with one latent slave, and a fake cloud."""

    STATUS = ""

    def setUp(self) -> None:
        clouds.CLOUD = self.cloud = clouds.Cloud()
        super().setUp()
        self.write(FILE)

    def begin(self, **slave: object) -> None:
        """Start the master; the slave gets other arguments."""
        if slave:
            more = ", ".join(f"{name}={value!r}" for name, value in slave.items())
            self.edit("slave('bot1')", f"slave('bot1', {more})")
        self.successResultOf(self.start())

    def again(self) -> None:
        """Stop the master, and start another one with the same store."""
        self.stop()
        self.cloud.calls.clear()
        self.start()
        self.settle()

    def want(self, revision: str = "1") -> int:
        """Force a build; return its request."""
        asked = ensureDeferred(
            self.master.commands["force"](builder="full", scheduler="form", who="ann", revision=revision)
        )
        self.settle()
        self.wait(1)
        request: int = self.successResultOf(asked)["request"]
        return request

    def attach(self, name: str = "bot1") -> Any:
        """The slave of an instance attaches."""
        slave = self.connect("0.7.12", name)
        self.wait(1)
        return slave

    def words(self, name: str = "bot1") -> str:
        """The state of an instance, from the status."""
        (slave,) = self.status(name)["slaves"]
        words: str = slave["instance"]["words"]
        return words

    def why(self) -> str:
        """The reason why the builder waits."""
        return self.master.botmaster.builders["full"].whyWaiting()

    def results(self) -> list[int | None]:
        """The results of the finished builds."""
        said = self.successResultOf(ensureDeferred(self.master.commands["builds"]("full", 10)))
        return [each["results"] for each in said["finished"]]

    def end(self, slave: Any) -> None:
        """End the command on a slave."""
        slave.commands.pop(0).end(0)
        self.wait(1)

    def notes(self) -> list[str]:
        """The instances in the store."""
        kept: dict[str, Any] = self.successResultOf(self.store.getStates("instance/"))
        return sorted(kept)


class LatentTests(LatentCase):
    """A build needs a slave."""

    def test_whole(self) -> None:
        """A build starts the slave, runs there, and the idle slave is stopped after its wait."""
        self.begin()
        self.wait(5)
        self.assertEqual((self.words(), self.cloud.calls), ("can be started", []))
        self.want()
        self.assertEqual(self.cloud.calls, ["start bot1"])
        self.assertEqual(self.why(), "slave bot1: started, not connected yet")
        self.assertEqual(self.notes(), ["instance/bot1"])
        bot = self.attach()
        self.assertEqual(self.words(), "started")
        self.end(bot)
        self.wait(58)
        self.assertEqual(self.cloud.left, 1)
        self.wait(3)
        self.assertEqual((self.words(), self.cloud.left), ("can be started", 0))
        self.assertEqual((self.connected(), self.notes(), self.results()), ([], [], [0]))

    def test_next(self) -> None:
        """A build that comes while the slave is there runs at once, and the wait begins anew."""
        self.begin()
        self.want()
        bot = self.attach()
        self.end(bot)
        self.wait(50)
        self.want("2")
        self.end(bot)
        self.wait(50)
        self.assertEqual((self.cloud.calls, self.words()), (["start bot1"], "started"))

    def test_freshEachTime(self) -> None:
        """build_wait_timeout=0: each build gets a new instance."""
        self.begin(build_wait_timeout=0)
        self.want()
        self.want("2")
        self.end(self.attach())
        self.assertEqual(self.cloud.calls, ["start bot1", "stop bot1", "start bot1"])
        self.end(self.attach())
        self.wait(1)
        self.assertEqual((self.cloud.left, self.cloud.most, self.results()), (0, 1, [0, 0]))

    def test_build(self) -> None:
        """start_instance gets a build with the properties of the request, the builder and the slave."""
        self.begin(properties={"image": "debian"})
        self.want("7")
        (build,) = self.cloud.builds
        said = [build.getProperty(name) for name in ("image", "revision", "buildername", "slavename")]
        self.assertEqual(said, ["debian", "7", "full", "bot1"])
        self.assertEqual(build.getProperty("x", None), None)

    def test_many(self) -> None:
        """Each build that needs a slave of its own starts one, up to the number of slaves; others wait."""
        self.edit("[slave('bot1')]", "[slave('bot1'), slave('bot2'), ('bot3', 'sekrit')]")
        self.edit("each.slavename for each in c['slaves']", "'bot1', 'bot2', 'bot3'][:3")
        self.begin()
        for revision in "1123":
            self.want(revision)
        self.assertEqual(self.cloud.calls, ["start bot1", "start bot2"])
        self.end(self.attach("bot3"))
        self.assertEqual(self.cloud.calls, ["start bot1", "start bot2"])

    def choosing(self, slaves: str) -> None:
        """Start the master with other slaves. Each request asks for one of them."""
        self.edit("[slave('bot1')]", slaves)
        self.edit("each.slavename for each in c['slaves']", "'bot1', 'bot2'")
        self.edit("'builddir': 'full',", "'builddir': 'full', 'canStartBuild': enforceChosenSlave,")
        self.edit("c = Build", "from buildbot.process.builder import enforceChosenSlave\nc = Build")
        self.edit("['full'])", "['full'], properties=[BuildslaveChoiceParameter()])")
        self.edit("import ForceScheduler", "import BuildslaveChoiceParameter, ForceScheduler")
        self.begin()

    def wantOn(self, name: str, revision: str = "1") -> None:
        """Force a build on a slave."""
        more = {"properties": {"slavename": name}, "revision": revision}
        asked = ensureDeferred(
            self.master.commands["force"](builder="full", scheduler="form", who="ann", **more)
        )
        self.settle()
        self.wait(1)
        self.successResultOf(asked)

    def test_chosen(self) -> None:
        """A request that asks for a slave by its property starts this slave, and no other one."""
        self.choosing("[slave('bot1'), slave('bot2')]")
        self.wantOn("bot2")
        self.assertEqual(self.cloud.calls, ["start bot2"])
        self.end(self.attach("bot2"))
        self.assertEqual(self.results(), [0])

    def test_chosenBesideIdle(self) -> None:
        """The slave that a request asks for starts, though another slave is idle."""
        self.choosing("[('bot1', 'sekrit'), slave('bot2')]")
        bot = self.attach("bot1")
        self.wantOn("bot1")
        self.end(bot)
        self.assertEqual(self.cloud.calls, [])
        self.wantOn("bot2")
        self.assertEqual(self.cloud.calls, ["start bot2"])

    def test_chosenAfterOthers(self) -> None:
        """The slave that a request asks for starts, though older requests wait for another one."""
        self.choosing("[slave('bot1'), ('bot2', 'sekrit')]")
        self.wantOn("bot2")
        self.wantOn("bot1")
        self.assertEqual(self.cloud.calls, ["start bot1"])

    def test_chosenWhileComing(self) -> None:
        """The slave that a request asks for starts, though two older requests wait for one that starts."""
        self.choosing("[slave('bot1'), slave('bot2')]")
        for number, name in enumerate(("bot1", "bot1", "bot2")):
            self.wantOn(name, str(number))
        self.assertEqual(self.cloud.calls, ["start bot1", "start bot2"])

    def test_cancelled(self) -> None:
        """A slave that was started for a build that nobody wants any more is stopped after its wait."""
        self.begin()
        request = self.want()
        ensureDeferred(self.master.commands["cancel"]("full", request))
        self.settle()
        self.attach()
        self.wait(61)
        self.assertEqual((self.cloud.left, self.notes()), (0, []))

    def test_paused(self) -> None:
        """A paused slave is not started; when the pause ends, it is."""
        self.begin()
        ensureDeferred(self.master.commands["pause"]("bot1", who="ann"))
        self.settle()
        self.want()
        self.assertEqual(
            (self.cloud.calls, self.why()), ([], "slave bot1: can be started, and paused (by ann)")
        )
        ensureDeferred(self.master.commands["unpause"]("bot1"))
        self.settle()
        self.wait(1)
        self.assertEqual(self.cloud.calls, ["start bot1"])


class TroubleTests(LatentCase):
    """Something fails."""

    def test_startFails(self) -> None:
        """The build waits while the start fails, with the reason; then it runs. No instance is left over."""
        self.cloud.startFails, self.cloud.leaks = "no room", True
        self.begin()
        self.want()
        self.assertEqual(self.cloud.calls, ["start bot1", "stop bot1"])
        self.assertEqual(self.why(), "slave bot1: not started again yet (no room)")
        self.wait(15)
        self.assertEqual(self.cloud.calls[2:], ["start bot1", "stop bot1"])
        self.cloud.startFails = ""
        self.wait(30)
        self.end(self.attach())
        self.assertEqual((self.results(), self.cloud.most), ([0], 1))

    def test_neverAttaches(self) -> None:
        """A slave that does not attach is stopped, and another start is tried."""
        self.begin()
        self.want()
        self.wait(300)
        self.assertEqual(self.cloud.calls, ["start bot1", "stop bot1"])
        self.assertIn("the slave did not attach in time", self.why())
        self.wait(15)
        self.end(self.attach())
        self.assertEqual(self.results(), [0])

    def test_another(self) -> None:
        """A build does not wait for a slave whose start has failed if another one can be started."""
        self.edit("[slave('bot1')]", "[slave('bot1'), slave('bot2')]")
        self.begin()
        self.cloud.startFails, self.cloud.stopFails = "no room", "no answer"
        self.cloud.holds = True
        self.want()
        self.cloud.answer()  # the start
        self.cloud.answer()  # the stop
        self.cloud.startFails, self.cloud.holds = "", False
        self.wait(1)
        self.assertIn("start bot2", self.cloud.calls)
        self.end(self.attach("bot2"))
        self.assertEqual(self.results(), [0])

    def test_anotherAfterWait(self) -> None:
        """A build does not wait for a slave that did not attach if another one can be started."""
        self.edit("[slave('bot1')]", "[slave('bot1'), slave('bot2')]")
        self.begin()
        self.cloud.stopFails = "no answer"
        self.want()
        self.wait(301)
        self.assertIn("start bot2", self.cloud.calls)

    def test_stopFails(self) -> None:
        """A stop that fails is repeated and shown as a trouble; meanwhile the slave is not started again."""
        self.begin()
        self.want()
        bot = self.attach()
        self.cloud.stopFails = "no answer"
        self.end(bot)
        self.wait(61)
        (trouble,) = self.status()["master"]["troubles"]
        self.assertIn("could not be stopped, and may still run", trouble["what"])
        self.want("2")
        self.wait(30)
        self.assertEqual(set(self.cloud.calls[1:]), {"stop bot1"})
        self.assertIn("could not be stopped (no answer)", self.why())
        self.cloud.stopFails = ""
        self.wait(60)
        self.assertEqual(self.cloud.calls[-1], "start bot1")
        self.assertEqual((self.cloud.most, self.status()["master"]["troubles"]), (1, []))

    def test_lost(self) -> None:
        """A slave that is lost during a build is stopped; the build is repeated on a new instance."""
        self.begin()
        self.want()
        self.attach().broker.transport.loseConnection()
        self.wait(1)
        self.assertEqual(self.cloud.calls, ["start bot1", "stop bot1"])
        self.assertIn("the slave was lost", self.why())
        self.wait(15)
        self.end(self.attach())
        self.assertEqual((self.results()[0], self.cloud.most), (0, 1))

    def test_nobodyAsked(self) -> None:
        """A slave that attaches though nobody asked is refused, and the status says why."""
        self.begin()
        stranger = self.attach()
        self.assertIsNone(stranger.perspective)
        (slave,) = self.status("bot1")["slaves"]
        self.assertEqual((slave["connected"], slave["refused"]["logins"]), (False, 1))
        self.assertIn("nobody waits for this slave now", slave["events"][-1]["text"])

    def test_storeFails(self) -> None:
        """While the store fails, nothing is started."""
        self.begin()
        works = self.store.setState

        def fails(key: str, value: object) -> Any:
            return fail(StoreFailed("disk full")) if key.startswith("instance/") else works(key, value)

        failing = self.patch(self.store, "setState", fails)
        self.want()
        self.wait(30)
        self.assertEqual((self.cloud.calls, self.why()), ([], "slave bot1: about to start"))
        failing.restore()
        self.wait(10)
        self.assertEqual(self.cloud.calls, ["start bot1"])


class RestartTests(LatentCase):
    """The master ends while an instance runs."""

    def test_stopped(self) -> None:
        """An instance stops with the master, which waits for that."""
        self.begin()
        self.want()
        self.end(self.attach())
        self.stop()
        self.assertEqual(self.cloud.left, 0)
        self.again()
        self.assertEqual((self.cloud.calls, self.notes()), ([], []))

    def test_stopFails(self) -> None:
        """A stop that fails when the master stops is repeated by the next master."""
        self.begin()
        self.want()
        self.end(self.attach())
        self.cloud.stopFails = "no answer"
        self.again()
        self.assertEqual((self.cloud.left, self.cloud.calls), (1, ["stop bot1"]))
        self.cloud.stopFails = ""
        self.wait(15)
        self.assertEqual((self.cloud.left, self.notes()), (0, []))

    def test_kept(self) -> None:
        """stop_with_master=False: the instance goes on, attaches to the next master, and builds there."""
        self.begin(stop_with_master=False)
        self.want()
        self.end(self.attach())
        self.again()
        self.assertEqual((self.cloud.left, self.cloud.calls), (1, []))
        self.assertEqual(self.words(), "started, not connected yet")
        bot = self.attach()
        self.want("2")
        self.end(bot)
        self.assertEqual((self.results(), self.cloud.calls), ([0, 0], []))

    def test_keptAndRemoved(self) -> None:
        """A kept instance whose slave has left the file meanwhile stays a trouble until someone stops it."""
        self.begin(stop_with_master=False)
        self.want()
        self.end(self.attach())
        self.stop()
        self.edit("c['slaves'] = [", "c['slaves'] = [slave('bot2')]\nunused = [")
        self.start()
        self.settle()
        (trouble,) = self.status()["master"]["troubles"]
        self.assertIn("slave bot1", trouble["what"])
        self.assertIn("put the slave back into the configuration", trouble["cure"])
        self.edit("c['slaves'] = [slave('bot2')]\nunused", "c['slaves']")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(60)
        self.assertEqual((self.cloud.left, self.notes(), self.status()["master"]["troubles"]), (0, [], []))

    def test_leftFile(self) -> None:
        """What a command has started is stopped, also if its slave has left the file meanwhile."""
        stopped: list[Any] = []

        def stop(slave: CommandLatentBuildSlave, fast: bool) -> Any:
            stopped.append(
                (slave.slavename, slave.stop_command, slave.instance_id, slave.environment["WORKERNAME"])
            )
            return fail(OSError("no answer")) if len(stopped) == 1 else succeed(None)

        self.patch(CommandLatentBuildSlave, "stop_instance", stop)
        self.begin()
        means = CommandLatentBuildSlave("gone", start_command=["go"], stop_command=["halt"]).means()
        note = InstanceRecord("gone", STARTED, 1000.0, 1000.0, "", "i-7", means)
        self.successResultOf(self.store.setState(note.key, note.toRecord()))
        self.again()
        self.assertEqual(self.notes(), ["instance/gone"])
        self.wait(16)
        self.assertEqual(stopped, 2 * [("gone", ["halt"], "i-7", "gone")])
        self.assertEqual(self.notes(), [])

    def test_duringStart(self) -> None:
        """A start that runs when the master stops is ended, and stopped."""
        self.begin()
        self.cloud.holds = True
        self.want()
        stopping = ensureDeferred(self.master.stopService())
        self.wait(1)
        self.cloud.holds = False
        self.cloud.answer()
        self.wait(1)
        self.successResultOf(stopping)
        self.assertEqual((self.cloud.calls, self.cloud.left), (["start bot1", "stop bot1"], 0))

    def test_tooLong(self) -> None:
        """A master does not wait for ever for the end of its instances; the next one stops them first."""
        self.begin()
        self.want()
        self.cloud.holds = True
        stopping = ensureDeferred(self.master.stopService())
        self.wait(59)
        self.assertNoResult(stopping)
        self.wait(1)
        self.successResultOf(stopping)
        self.cloud.holds = False
        self.cloud.calls.clear()
        self.start()
        self.settle()
        self.wait(1)
        self.assertEqual((self.cloud.calls, self.cloud.most), (["stop bot1", "start bot1"], 1))

    def test_cleanStop(self) -> None:
        """A master that stops after its builds starts no slave."""
        self.begin()
        self.master.cleanStop.begin("ann")
        self.want()
        self.assertEqual(self.cloud.calls, [])

    def test_badStart(self) -> None:
        """A master that cannot start leaves the instances alone; the next one goes on with them."""
        self.begin(stop_with_master=False)
        self.want()
        self.end(self.attach())
        self.stop()
        self.cloud.calls.clear()
        self.reactor.taken = 9989
        self.failureResultOf(self.start())
        self.stop()
        self.reactor.taken = None
        self.start()
        self.settle()
        self.assertEqual((self.cloud.calls, self.words()), ([], "started, not connected yet"))


class ReconfigTests(LatentCase):
    """The slave changes in the file."""

    def test_equal(self) -> None:
        """A reconfig of the same file changes nothing, also while the instance runs."""
        self.begin()
        self.want()
        self.end(self.attach())
        self.assertEqual(self.reconfig()["changes"], [])
        self.assertEqual(self.words(), "started")

    def test_changed(self) -> None:
        """A changed slave is stopped after its build, and its next build starts it in its new form."""
        self.begin()
        self.want()
        bot = self.attach()
        self.edit("slave('bot1')", "slave('bot1', size='large')")
        outcome = self.reconfig()
        self.assertEqual(outcome["changes"], ["~ bot bot1: how it is started and stopped"])
        self.assertIn(
            "bot1 changes: its instance is stopped after its builds", "\n".join(outcome["warnings"])
        )
        self.assertEqual(self.words(), "started, and stops after its builds")
        self.want("2")
        self.end(bot)
        self.wait(1)
        self.assertEqual(self.cloud.calls, ["start bot1", "stop bot1", "start bot1"])
        instance = self.master.botmaster.instances.all["bot1"]
        self.assertEqual(getattr(instance.slave, "size", ""), "large")

    def test_changedTwice(self) -> None:
        """A slave that is changed twice during a build is stopped after it: the build goes on."""
        self.begin()
        self.want()
        bot = self.attach()
        self.edit("slave('bot1')", "slave('bot1', size='large')")
        self.reconfig()
        self.edit("size='large'", "size='huge'")
        self.reconfig()
        self.wait(1)
        self.assertEqual(self.cloud.calls, ["start bot1"])
        self.end(bot)
        self.assertEqual((self.cloud.calls, self.results()), (["start bot1", "stop bot1"], [0]))

    def test_removed(self) -> None:
        """A removed slave is stopped, and nothing is left of it."""
        self.begin()
        self.want()
        self.end(self.attach())
        self.edit("[slave('bot1')]", "[slave('bot2')]")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(1)
        self.assertEqual((self.cloud.left, self.notes()), (0, []))
        self.assertEqual(list(self.master.botmaster.instances.all), ["bot2"])

    def test_becomesPlain(self) -> None:
        """A latent slave that becomes a plain one is stopped first; then any slave of its name may attach."""
        self.begin()
        self.want()
        self.end(self.attach())
        self.edit("[slave('bot1')]", "[BuildSlave('bot1', 'sekrit')]")
        self.edit("from tests.clouds", "from buildbot.buildslave import BuildSlave\nfrom tests.clouds")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(1)
        self.assertEqual(self.cloud.left, 0)
        self.attach()
        self.assertEqual(self.connected(), ["bot1"])
        self.edit("[BuildSlave('bot1', 'sekrit')]", "[slave('bot1')]")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(1)
        self.assertEqual((self.connected(), self.words()), ([], "can be started"))
        self.want("2")
        self.assertEqual(self.cloud.left, 1)

    def test_becomesPlainAfterFailures(self) -> None:
        """A slave whose starts have failed may attach as a plain one as soon as its last stop has ended."""
        self.begin(retry_wait=3000)
        self.cloud.startFails = "no room"
        self.want()
        self.cloud.holds = True
        self.wait(3000)
        self.cloud.answer()  # the start
        self.edit("[slave('bot1', retry_wait=3000)]", "[('bot1', 'sekrit')]")
        self.edit("each.slavename for each in c['slaves']", "'bot1'")
        self.assertTrue(self.reconfig()["applied"])
        self.cloud.answer()  # the stop
        self.wait(1)
        self.attach()
        self.assertEqual(self.connected(), ["bot1"])

    def test_becomesLatent(self) -> None:
        """A plain slave that becomes a latent one is disconnected; its build is repeated on an instance."""
        self.edit("[slave('bot1')]", "[BuildSlave('bot1', 'sekrit')]")
        self.edit("from tests.clouds", "from buildbot.buildslave import BuildSlave\nfrom tests.clouds")
        self.begin()
        self.attach()
        self.want()
        self.edit("[BuildSlave('bot1', 'sekrit')]", "[slave('bot1')]")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(1)
        self.assertEqual(
            (self.cloud.calls, self.master.botmaster.instances.all["bot1"].builds), (["start bot1"], 0)
        )
        self.end(self.attach())
        self.wait(61)
        self.assertEqual((self.results()[0], self.cloud.left), (0, 0))

    def mistyped(self, change: Callable[[], None]) -> list[list[str]]:
        """A stop command fails; then the file changes. Returns the stop commands that ran."""
        stops: list[list[str]] = []

        def stop(slave: CommandLatentBuildSlave, fast: bool) -> Any:
            stops.append(slave.stop_command)
            return succeed(None) if slave.stop_command == ["halt"] else fail(OSError("no such program"))

        self.patch(CommandLatentBuildSlave, "start_instance", lambda slave, build: succeed("i-1"))
        self.patch(CommandLatentBuildSlave, "stop_instance", stop)
        command = "CommandLatentBuildSlave(name, 'sekrit', ['go'], ['hatl'], missing_timeout=60)"
        self.edit("    return CloudSlave(", f"    return {command}\n    return CloudSlave(")
        self.edit(
            "from tests.clouds", "from buildbot.buildslave import CommandLatentBuildSlave\nfrom tests.clouds"
        )
        self.begin()
        self.want()
        self.wait(61)
        change()
        self.assertTrue(self.reconfig()["applied"])
        self.wait(60)
        return stops

    def test_mendedStop(self) -> None:
        """A stop command that is mended in the file stops what has run before."""
        stops = self.mistyped(lambda: self.edit("['hatl']", "['halt']"))
        self.assertEqual((stops[0], stops[-1]), (["hatl"], ["halt"]))
        self.assertNotIn("stopped", self.words())
        self.assertEqual(self.status()["master"]["troubles"], [])

    def test_otherStart(self) -> None:
        """A slave that starts in another way does not stop what has run before: it may be elsewhere."""
        stops = self.mistyped(lambda: self.edit("['go'], ['hatl']", "['elsewhere'], ['halt']"))
        self.assertNotIn(["halt"], stops)
        self.assertIn("could not be stopped", self.words())

    def test_readded(self) -> None:
        """A slave that comes back to the file while its instance stops starts only after that."""
        self.begin()
        self.want()
        self.attach()
        self.cloud.holds = True
        self.edit("[slave('bot1')]", "[slave('bot2')]")
        self.assertTrue(self.reconfig()["applied"])
        self.edit("[slave('bot2')]", "[slave('bot1')]")
        self.assertTrue(self.reconfig()["applied"])
        self.want("2")
        self.assertNotIn("start bot1", self.cloud.calls[1:])
        self.cloud.holds = False
        self.cloud.answer()
        self.wait(16)
        self.end(self.attach())
        self.assertEqual((self.results()[0], self.cloud.most), (0, 1))


class ShownTests(LatentCase):
    """What people see of a latent slave."""

    def lines(self) -> str:
        """The output of C{buildbot status}, and of C{buildbot status bot1}."""
        said, now = self.status(), self.reactor.seconds()
        return "\n".join(
            [*masterPage(said["master"], said["slaves"], now), *slavePage(said["slaves"][0], now)]
        )

    def test_states(self) -> None:
        """The status and the pages show the state of the instance, and since when."""
        self.begin()
        for place in ("/buildslaves", "/buildslaves/bot1"):
            self.assertIn("can be started", self.ask(place).text)
        self.assertIn("can be started", self.ask("/builders/full").text)
        self.assertEqual(self.master.status.getBuilder("full").getState()[0], "idle")
        self.assertRegex(self.lines(), r"(?m)^bot1 +can be started +")
        self.want()
        self.assertRegex(self.lines(), r"(?m)^state: +started, not connected yet$")
        self.attach()
        self.wait(30)
        self.assertRegex(self.lines(), r"(?m)^bot1 +started +\S.*31 s")
        self.assertIn("started", self.ask("/buildslaves/bot1").text)

    def test_metrics(self) -> None:
        """A latent slave that nobody needs is not missing; its failures are counted."""
        self.cloud.startFails = "no room"
        self.begin()
        said = self.ask("/metrics").text
        self.assertIn('buildbot_slaves{state="off"} 1', said)
        self.assertNotIn("buildbot_slave_connected{", said)
        self.want()
        self.assertIn('buildbot_slave_instance_failures{slave="bot1"} 1', self.ask("/metrics").text)

    def test_failure(self) -> None:
        """A failed start is shown with its reason and the time of the next attempt."""
        self.cloud.startFails = "no <room>"
        self.begin()
        self.want()
        self.assertIn("bot1 (not started again yet) failed: no <room>; tried again at", self.lines())
        self.assertIn("no &lt;room&gt;", self.ask("/buildslaves").text)
        page = self.ask("/buildslaves/bot1").text
        self.assertIn("Next attempt", page)
        self.assertIn("no &lt;room&gt;", page)

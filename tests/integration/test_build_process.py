"""The commands for builds, with a real master and a real slave."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import Any

from buildbot.control import client
from tests.integration.directories import LIMIT, TYPED, ProcessCase, Said, hearCtrlC

#: Added to the sample: a builder whose step lasts until the file GO is there, and one whose step never ends.
BUILDERS = r"""
slow = factory.BuildFactory()
counting = "echo 1; echo 2; until test -e GO; do sleep 0.1; done; echo 3; echo e >&2"
slow.addStep(ShellCommand, name="count", command=counting)
slow.addStep(ShellCommand, name="after", command="echo after")
forever = factory.BuildFactory()
forever.addStep(ShellCommand, name="wait", command="echo begun; sleep 1000")
c['builders'] += [
    {'name': "slow/2", 'slavename': "bot1", 'builddir': "slow", 'factory': slow},
    {'name': "forever", 'slavename': "bot1", 'builddir': "forever", 'factory': forever},
]
"""


class BuildsCase(ProcessCase):
    """The running demo."""

    def setUp(self) -> None:
        super().setUp()
        self.demo = self.ok("demo", self.here)
        self.master, self.slave = self.path("master"), self.path("slave")

    def ask(self, command: str, **params: Any) -> Any:
        return client.ask(self.master, command, LIMIT, **params)

    def json(self, *words: str) -> Any:
        """The JSON output of a command."""
        return json.loads(self.ok(words[0], "--json", self.master, *words[1:]).out)

    def told(self) -> str:
        """The end of the master's log."""
        return f"\n{self.read('master/twistd.log')[-3000:]}"

    def finished(self, builder: str, number: int) -> dict[str, Any]:
        """A build, when it is finished."""

        def over() -> Any:
            builds = self.ask("builds", builder=builder, count=10)["finished"]
            return next((build for build in builds if build["number"] == number), None)

        build: dict[str, Any] = self.until(over, f"build {number} of {builder} is over")
        return build

    def addBuilders(self) -> None:
        """Reconfigure the master with builders for all tests."""
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(BUILDERS.replace("GO", self.path("go")))
        self.ok("reconfig", self.master)
        self.until(lambda: len(self.ask("status", slave="bot1")["slaves"][0]["attachedTo"]) == 3, "attached")

    def go(self) -> None:
        """End the builds of slow/2."""
        with open(self.path("go"), "w"):
            pass

    def sendchange(self, *words: str, **more: str) -> Said:
        """Send a change to the master, with the right password."""
        with open(self.path("master/master.cfg")) as stream:
            text = stream.read()
        port = re.search(r"slavePortnum'\] = 'tcp:(\d+)", text)
        password = re.search(r'passwd="(\w+)"', text)
        assert port and password
        more = {"BUILDBOT_AUTH": f"change:{password[1]}", **more}
        return self.run_("sendchange", "--master", f"localhost:{port[1]}", "--username", "me", *words, **more)

    def tearDown(self) -> None:
        for here in (self.slave, self.master):
            self.run_("stop", "--kill", here)
        self.assertEqual(self.running(), [])
        for here in (self.slave, self.master):
            with open(os.path.join(here, "twistd.log"), errors="replace") as stream:
                self.assertNotIn("Traceback", stream.read())


class CommandTests(BuildsCase):
    """Each command. Two demos serve all of them, since a demo takes as long as a dozen commands."""

    def test_demoPausedAndReconfigured(self) -> None:
        """The demo, a pause, and a reconfig during a build; each part says what it proves."""
        self._demo()
        self._pause()
        self._reconfigDrain()

    def test_builds(self) -> None:
        """Builds, their logs and their slave; each part says what it proves."""
        self._sendchange()
        self._force()
        self.addBuilders()
        self._drain()
        self._stopbuild()
        self._status()
        self._follow()

    def _demo(self) -> None:
        """The demo shows a change, its successful build, the log, and the next commands; called again, a
        second build.
        """
        lines = self.demo.out.splitlines()
        self.assertIn("change sent successfully", lines)
        (build,) = [line for line in lines if line.startswith("first/0 ")]
        self.assertRegex(build, r"^first/0 +success +bot1 .* change 1 +scheduler quick$")
        self.assertEqual(
            lines[lines.index(f"$ {TYPED} log {self.master} first/0/hello") + 1], "Hello from the slave"
        )
        self.assertIn(f"  {TYPED} force {self.master} first", lines)
        again = self.ok("demo", self.here)
        self.assertRegex(again.out, r"\nfirst/1 +success")
        self.assertNotIn("Traceback", self.demo.out + again.out)

    def _sendchange(self) -> None:
        """A change is built; status 0 only if the master has it."""
        said = self.sendchange("--comments", "größer", "--revision", "r2", "sräc.c", "b.c")
        self.assertEqual((said.status, said.out), (0, "change sent successfully\n"), said)
        build = self.finished("first", 1)
        self.assertEqual((build["result"], build["changes"]), ("success", [2]))
        (change,) = self.ask("build", builder="first", number=1)["sourcestamp"]["changes"]
        told = [change[key] for key in ("who", "comments", "revision", "files")]
        self.assertEqual(told, ["me", "größer", "r2", ["sräc.c", "b.c"]])
        said = self.sendchange("a.c", BUILDBOT_AUTH="change:canary-9")
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertIn("refuses the login", said.err)
        self.assertNotIn("canary-9", said.err)
        said = self.run_("sendchange", "--master", "localhost:1", "--username", "me", "a.c")
        self.assertEqual(said.status, 1)
        self.assertIn("cannot connect to localhost:1", said.err)

    def _force(self) -> None:
        """A forced build has its number, its properties, its reason and its log at once."""
        said = self.json("force", "first", "--branch", "x", "--property", "a=ä", "--reason", "why not")
        self.assertEqual((said["build"], said["why"]), (2, ""))
        build = self.finished("first", 2)
        self.assertRegex(build["reason"], r"^forced by .*: why not$")
        self.assertEqual(build["branch"], "x")
        self.assertEqual(self.ask("build", builder="first", number=2)["properties"]["a"], "ä")
        self.assertEqual(self.ok("log", self.master, "first/2/hello").out, "Hello from the slave\n")
        self.assertIn("argv", self.ok("log", "--headers", self.master, "first/2/hello").out)
        self.assertIn("first/2/hello/stdio", self.ok("log", self.master, "first/2").out)
        self.assertIn("no builder 'fast'", self.fails("force", self.master, "fast").err)
        self.assertIn("has no build 9", self.fails("log", self.master, "first/9/hello").err)

    def _follow(self) -> None:
        """A log can be followed from before the start of its step to its end, and read later without a
        master.
        """
        self.ok("force", self.master, "slow/2")
        running = self.json("builds", "slow/2")["running"]
        self.assertEqual([build["builder"] for build in running], ["slow/2"])
        words = [sys.executable, "-m", "buildbot", "log", "--follow", self.master, "slow/2/1/after"]
        with subprocess.Popen(words, env=self.environ, stdout=-1, stderr=-1, text=True) as following:
            self.addCleanup(following.kill)
            assert following.stderr is not None
            self.assertIn("waiting for step after of build 1 to start", following.stderr.readline())
            self.go()
            out, _ = following.communicate(timeout=LIMIT)
        self.assertEqual((following.returncode, out), (0, "after\n"))
        self.ok("force", self.master, "slow/2")
        self.until(lambda: self.ask("build", builder="slow/2", number=2)["steps"], "the first step")
        said = self.ok("log", "--follow", self.master, "slow/2/2/count")
        self.assertEqual(sorted(said.out.split()), ["1", "2", "3", "e"])
        self.finished("slow/2", 2)
        self.ok("stop", self.master)
        self.assertEqual(
            sorted(self.ok("log", self.master, "slow/2/2/count").out.split()), ["1", "2", "3", "e"]
        )
        self.assertIn("no master is running", self.fails("log", self.master, "slow/2/2/never").err)

    def _stopbuild(self) -> None:
        """Control-C ends a follower of a log, and nothing else; a stopped build shows by whom, and the next
        follower learns that it has ended.
        """
        self.ok("force", self.master, "forever")
        self.until(lambda: self.ask("build", builder="forever", number=0)["steps"], "the step")
        words = [sys.executable, "-m", "buildbot", "log", "--follow", self.master, "forever/0/wait"]
        with subprocess.Popen(
            words, env=self.environ, stdout=-1, stderr=-1, text=True, preexec_fn=hearCtrlC
        ) as following:
            self.addCleanup(following.kill)
            assert following.stdout is not None
            self.assertEqual(following.stdout.readline(), "begun\n")
            following.send_signal(signal.SIGINT)
            _, err = following.communicate(timeout=LIMIT)
        self.assertEqual((following.returncode, err), (130, "interrupted\n"))
        self.assertEqual(len(self.json("builds", "forever")["running"]), 1)
        with subprocess.Popen(words, env=self.environ, stdout=subprocess.PIPE, text=True) as following:
            self.addCleanup(following.kill)
            assert following.stdout is not None
            self.assertEqual(following.stdout.readline(), "begun\n")
            said = self.ok("stopbuild", self.master, "forever", "--reason", "enough")
            self.assertEqual(said.out, "build 0 of forever is being stopped\n")
            self.assertEqual(following.wait(LIMIT), 0)
        build = self.finished("forever", 0)
        self.assertEqual(build["result"], "failure")
        self.assertRegex(" ".join(build["text"]), "stopped by .*: enough")
        self.assertIn("no build of forever is running", self.fails("stopbuild", self.master, "forever").err)

    def _pause(self) -> None:
        """O7: a pause survives a restart and a reconfig; a forced build waits with the reason, then
        starts.
        """
        self.assertIn("is paused", self.ok("pause", self.master, "bot1", "--reason", "new disk").out)
        self.assertRegex(self.ok("force", self.master, "first").out, "waits: .*new disk")
        self.ok("restart", self.master)
        self.addBuilders()
        said = self.ok("status", self.master).out
        self.assertRegex(said, r"bot1 is paused by .* ago: new disk")
        self.assertRegex(said, r"waiting for first: 1 request, .*new disk")
        self.assertRegex(self.ok("builds", self.master).out, r"waiting for first: 1 request, .*new disk")
        self.assertEqual(self.json("pause", "bot1")["kind"], "paused")
        self.assertIn("is no longer paused", self.ok("unpause", self.master, "bot1").out)
        self.assertEqual(self.finished("first", 2)["result"], "success")
        self.assertIn("no slave 'bot9'", self.fails("pause", self.master, "bot9").err)

    def _drain(self) -> None:
        """A drained slave finishes its build and is disconnected; after unpause, it builds again."""
        self.ok("force", self.master, "slow/2")
        self.assertIn("1 build still running there", self.ok("drain", self.master, "bot1").out)
        self.go()
        self.assertEqual(self.finished("slow/2", 0)["result"], "success")
        self.until(lambda: not self.ask("status")["master"]["connected"], "the slave is gone")
        self.ok("unpause", self.master, "bot1")
        self.ok("force", self.master, "first")
        self.assertEqual(self.finished("first", 3)["result"], "success")
        os.unlink(self.path("go"))

    def _reconfigDrain(self) -> None:
        """With --drain a removed slave finishes its build first."""
        self.ok("force", self.master, "slow/2")
        self.until(lambda: self.ask("builds", builder="slow/2")["running"], "the build runs")
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(
                "c['bots'] = [('bot2', 'x')]\nfor b in c['builders']:\n    b['slavename'] = 'bot2'\n"
            )
        self.assertIn("- bot bot1", self.ok("reconfig", "--drain", self.master).out)
        self.go()
        self.assertEqual(self.finished("slow/2", 0)["result"], "success")

    def _status(self) -> None:
        """The status shows running builds, waiting requests, and how many builds are kept."""
        self.ok("force", self.master, "forever")
        self.ok("force", self.master, "forever", "--revision", "2")
        said = self.ok("status", self.master).out
        self.assertRegex(said, r"\nrunning: forever/1 on bot1, wait, for \d+ s\n")
        self.assertRegex(said, r"\nwaiting for forever: 1 request, the oldest for \d+ s: ")
        self.assertIn("keeps the last 500 builds of each builder, none older than 365 days", said)
        self.assertIn("1 running", self.ok("status", self.master, "bot1").out)
        cancelled = self.ok("stopbuild", "--pending", self.master, "forever")
        self.assertIn("1 waiting request cancelled", cancelled.out)
        self.finished("forever", 1)

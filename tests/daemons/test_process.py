"""The processes that the command C{buildbot} starts, asks and stops.

They run a fake service: L{tests.daemons.test_newcomer} has real ones.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from tests.commandline import withoutWaits
from tests.integration.directories import LIMIT, TYPED, ProcessCase, hearCtrlC


class StartTests(ProcessCase):
    """A start reports the truth (O1)."""

    def test_untilReady(self) -> None:
        """It ends when everything is ready, however long the .tac and the service take; not before (O1)."""
        self.make(before="import time; time.sleep(0.7)", readyAfter=0.7)
        said = self.ok("start", self.here)
        self.assertGreater(said.took, 1)
        self.assertEqual(said.out, f"slaves: none at all\nBuildmaster started (pid {self.pid()}).\n")
        self.assertEqual(self.files(), {"buildbot.tac", "buildbot.lock", "control.sock", "twistd.pid"})
        self.assertEqual(self.read("twistd.pid"), f"{self.pid()}\n")
        for name in self.files() - {"buildbot.tac"} | {"twistd.log"}:
            self.assertEqual(os.stat(self.path(name)).st_mode & 0o077, 0, name)
        said = self.ok("stop", self.here)
        self.assertRegex(said.out, r"^buildmaster process \d+ has stopped\n$")
        self.assertEqual(self.files(), {"buildbot.tac"})

    def test_quiet(self) -> None:
        """With --quiet a success prints nothing."""
        self.make()
        for verb in ("start", "restart", "stop"):
            self.assertEqual(self.ok(verb, "--quiet", self.here).out, "")

    def test_detached(self) -> None:
        """The daemon keeps neither the terminal nor the output of its starter."""
        self.make()
        self.ok("start", self.here)  # would wait for the end of its output
        self.assertEqual(os.getsid(self.pid()), self.pid())
        links = [os.path.realpath(f"/proc/{self.pid()}/fd/{number}") for number in (0, 1, 2)]
        self.assertEqual(links, ["/dev/null", self.path("twistd.log"), self.path("twistd.log")])

    def test_refused(self) -> None:
        """The service's reason of a failure is printed; no process is left running."""
        self.make(fails=("cannot listen on tcp 9989: in use by pid 7", "and another"), readyAfter=0.1)
        self.assertEqual(self.startFails(), "cannot listen on tcp 9989: in use by pid 7\nand another\n")

    def test_broken(self) -> None:
        """An exception of a service is reported; the log has the traceback."""
        self.make(raises="odd")
        self.assertEqual(self.startFails(), "ValueError: odd\n")
        self.assertIn("Traceback", self.read())

    def test_tacErrors(self) -> None:
        """Any error in the .tac is reported with the user's line."""
        for before, line in (
            ("nonsense", "NameError: name 'nonsense' is not defined"),
            ("raise SystemExit('get that first')", "get that first"),
            ("import sys; sys.exit(3)", "SystemExit: 3"),
        ):
            self.make(before=before)
            self.assertRegex(self.startFails(), rf"^({self.here}/buildbot.tac:6: )?{re.escape(line)}\n$")
        said = self.run_("--verbose", "start", self.here)
        self.assertIn("Traceback", said.err)

    def test_diesWithoutAWord(self) -> None:
        """A process that ends without a report is reported with its status or signal, and its last output."""
        self.make(before="os.write(2, b'last words'); os._exit(7)")
        self.assertEqual(
            self.startFails(), "the process ended with status 7 before it was ready\nlast words\n"
        )
        self.make(before="import signal; os.kill(os.getpid(), signal.SIGSEGV)")
        self.assertEqual(self.startFails(), "the process was killed by SIGSEGV before it was ready\n")

    def test_tooLong(self) -> None:
        """A start that takes too long is ended, with all its child processes, and reported (O1)."""
        child = (
            f"import subprocess; subprocess.Popen(['sleep', '1000', {self.home!r}], executable='/bin/cat')"
        )
        for before, options in (
            (f"{child}\nimport time; time.sleep(1000)", {}),
            ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", {"readyAfter": 1000}),
        ):
            self.make(before=before, **options)
            self.assertRegex(
                self.startFails("--timeout", "1"),
                r"^not ready within 1 s, so process \d+ was stopped: --timeout allows",
            )

    def test_interrupted(self) -> None:
        """Ctrl-C or SIGTERM during the wait ends the started process."""
        self.make(before="open('loading', 'w'); import time; time.sleep(1000)")
        command = [sys.executable, "-m", "buildbot", "start", self.here]
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen(
                command, env=self.environ, stderr=subprocess.PIPE, text=True, preexec_fn=hearCtrlC
            ) as starting:
                self.until(lambda: os.path.exists(self.path("loading")), "it loads")
                starting.send_signal(number)
                _, err = starting.communicate(timeout=LIMIT)
            self.assertEqual((starting.returncode, withoutWaits(err)), (130, "interrupted\n"))
            self.assertEqual((self.running(), self.files()), ([], {"buildbot.tac", "loading"}))
            os.unlink(self.path("loading"))

    def test_twice(self) -> None:
        """A second start is refused at once, with pid and time, and disturbs nothing."""
        self.make()
        self.ok("start", self.here)
        said = self.fails("start", self.here)
        self.assertRegex(said.err, rf"is already running, pid {self.pid()} since \d{{4}}-")
        self.assertLess(said.took, 100)  # it does not wait the 120 s that a start may take
        said = self.run_("start", "--nodaemon", self.here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.ok("status", self.here)

    def test_stranger(self) -> None:
        """A daemon that another program runs there is not touched, also by our own process."""
        self.make()
        with subprocess.Popen(["cat"], cwd=self.here, stdin=subprocess.PIPE) as other:
            self.write("twistd.pid", f"{other.pid}")
            self.assertIn("was not started by this command", self.startFails())
            self.assertIn("was not started by this command", self.fails("stop", self.here).err)
            done = subprocess.run(
                [sys.executable, "-m", "buildbot.daemon.run", self.here],
                env=self.environ,
                capture_output=True,
                text=True,
                timeout=LIMIT,
            )
            self.assertEqual((done.returncode, self.read("twistd.pid")), (1, f"{other.pid}"))
            self.assertIn("was not started by this command", done.stderr)
            self.assertIsNone(other.poll())
        self.ok("start", self.here)

    def test_bothAtOnce(self) -> None:
        """Of two simultaneous starts one wins, and the other reports it."""
        self.make(readyAfter=0.5)
        command = [sys.executable, "-m", "buildbot", "start", self.here]
        racing = [
            subprocess.Popen(command, env=self.environ, stdout=-1, stderr=-1, text=True) for _ in range(3)
        ]
        said = [process.communicate(timeout=LIMIT) for process in racing]
        self.assertEqual(sorted(process.returncode for process in racing), [0, 1, 1], said)
        self.assertEqual(sum("already running, pid" in err for _, err in said), 2)
        self.ok("status", self.here)

    def test_unusable(self) -> None:
        """A missing directory, a file, or a foreign directory gives one line with the remedy."""
        self.assertIn(f"there is no directory {self.here}: `{TYPED} create-master", self.startFails())
        os.mkdir(self.here)
        self.assertIn(f"no buildbot.tac in {self.here}", self.startFails())
        self.assertIn("is not a directory", self.fails("start", "/dev/null").err)
        said = self.run_("start", "--nodaemon", self.home)
        self.assertEqual((said.status, said.out), (1, ""))

    def test_shadowed(self) -> None:
        """Modules in the current directory are not imported instead of ours or Python's."""
        self.make()
        for name in ("twisted.py", "queue.py", "buildbot"):
            path = os.path.join(self.home, name)
            if name == "buildbot":
                os.mkdir(path)
                path = os.path.join(path, "__init__.py")
            with open(path, "w") as stream:
                stream.write("raise SystemExit('imported from the current directory')")
        program = f"import sys; sys.path[:1] = []; sys.argv[1:] = ['start', {self.here!r}]"
        done = subprocess.run(
            [sys.executable, "-c", f"{program}\nfrom buildbot.scripts.runner import run; run()"],
            env=self.environ,
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        self.assertEqual((done.returncode, withoutWaits(done.stderr)), (0, ""))


class StopTests(ProcessCase):
    """A stop reaches the right process, and ends in time (O3, O4)."""

    def start(self, **options: Any) -> int:
        """Start a service with these options; return its pid."""
        self.make(**options)
        self.ok("start", self.here)
        return self.pid()

    def test_reusedPid(self) -> None:
        """A pid file with the pid of another process neither prevents a start nor lets that process be
        stopped (O4).
        """
        with subprocess.Popen(["sleep", "1000"]) as stranger:
            self.addCleanup(stranger.kill)
            self.make()
            self.write("twistd.pid", f"{stranger.pid}\n")
            self.write(
                "buildbot.lock", f'{{"pid": {stranger.pid}, "since": 1, "kind": "buildmaster", "born": 1}}'
            )
            self.assertIn("no buildmaster is running", self.ok("stop", self.here).out)
            self.assertIn("no buildmaster is running", self.fails("status", self.here).err)
            self.ok("start", self.here)
            self.write("twistd.pid", f"{stranger.pid}\n")
            self.ok("restart", self.here)
            self.ok("stop", self.here)
            self.assertIsNone(stranger.poll())
            stranger.kill()

    def test_killed(self) -> None:
        """After any number of SIGKILLs everything works again (O4)."""
        for _ in range(2):
            os.kill(self.start(), signal.SIGKILL)
            self.assertIn("no buildmaster is running", self.ok("stop", self.here).out)
            self.fails("reconfig", self.here)
        self.start()

    def test_notRunning(self) -> None:
        """Stopping when nothing runs is no error; restarting then starts."""
        self.make()
        self.assertEqual(self.ok("stop", self.here).out, f"no buildmaster is running in {self.here}\n")
        self.assertIn("Buildmaster started (pid ", self.ok("restart", self.here).out)
        before = self.pid()
        self.ok("restart", self.here)
        self.assertNotEqual(self.pid(), before)

    def test_mute(self) -> None:
        """A service that never stops delays the end by less than ten seconds, and is named (O3)."""
        self.start(neverStops=True)
        words = [sys.executable, "-m", "buildbot", "stop", self.here]
        with subprocess.Popen(words, env=self.environ, stdout=-1, stderr=-1, text=True) as stopping:
            self.until(lambda: "SIGTERM: stopping" in self.read(), "it is told to stop")
            begun = time.monotonic()  # a busy machine takes seconds to load the command itself
            _, err = stopping.communicate(timeout=LIMIT)
        self.assertLess(time.monotonic() - begun, 40)  # else it would wait for ever
        self.assertEqual((stopping.returncode, withoutWaits(err)), (0, ""))
        self.assertIn("ending without waiting for FakeMaster 'fake'", self.read())
        self.assertEqual(self.files(), {"buildbot.tac"})

    def test_secondSignal(self) -> None:
        """A second SIGTERM ends the process at once, even if the reactor is blocked (O3)."""
        for options in ({"neverStops": True}, {"blocksOnStop": 1000}):
            pid = self.start(**options)
            os.kill(pid, signal.SIGTERM)
            self.until(lambda: "SIGTERM: stopping" in self.read(), "the first is heard")
            self.ok("stop", self.here)
            self.assertIn("SIGTERM: ending at once", self.read())
            self.assertEqual(self.files(), {"buildbot.tac"})
            os.unlink(self.path("twistd.log"))

    def test_kill(self) -> None:
        """A process that ignores signals is waited for as long as given, then killed if wanted."""
        pid = self.start()
        os.kill(pid, signal.SIGSTOP)
        said = self.fails("stop", "--timeout=0.3", self.here)
        self.assertIn(f"has not stopped within 0.3 s: `{TYPED} stop --kill {self.here}` kills it", said.err)
        said = self.ok("stop", "--timeout=0.3", "--kill", self.here)
        self.assertIn("was killed", said.out)
        self.assertEqual((self.files(), self.running()), ({"buildbot.tac"}, []))


class ForegroundTests(ProcessCase):
    """C{start --nodaemon}, as used by systemd and containers (O5)."""

    def foreground(self, **more: str) -> subprocess.Popen[str]:
        """Start a master in the foreground; it is killed when the test ends."""
        process = subprocess.Popen(
            [sys.executable, "-m", "buildbot", "start", "--nodaemon", self.here],
            env={**self.environ, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_withoutFiles(self) -> None:
        """It logs to standard output, notifies systemd, and needs no log and no pid file (O5)."""
        self.make()
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(f"\0buildbot-{os.getpid()}-process")
        manager.settimeout(LIMIT)
        environ = {"NOTIFY_SOCKET": f"@buildbot-{os.getpid()}-process", "WATCHDOG_USEC": "200000"}
        process = self.foreground(**environ)
        self.assertEqual(manager.recv(1000), b"READY=1\nSTATUS=slaves: none at all")
        self.assertEqual({manager.recv(1000) for _ in range(3)}, {b"WATCHDOG=1"})
        told: list[bytes] = []
        hearing = threading.Thread(target=self.hear, args=(manager, told), daemon=True)
        hearing.start()
        os.unlink(self.path("twistd.pid"))
        self.assertFalse(os.path.exists(self.path("twistd.log")))
        self.assertEqual(self.pid(), process.pid)
        for words in (
            ["status", self.here],
            ["status", "--json", self.here],
            ["reconfig", self.here],
            ["disconnect", self.here, "bot1"],
            ["stop", self.here],
        ):
            self.ok(*words)
        out, err = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertIn("asked for the status", out)
        hearing.join(LIMIT)
        self.assertEqual(told[-1], b"STOPPING=1")
        self.assertEqual(self.files(), {"buildbot.tac"})

    def hear(self, manager: socket.socket, told: list[bytes]) -> None:
        """Hear, in a thread, what the service manager is sent up to the end: its queue is short."""
        while not told or told[-1] != b"STOPPING=1":
            told.append(manager.recv(1000))

    def test_interrupted(self) -> None:
        """Ctrl-C ends it like SIGTERM."""
        self.make()
        process = self.foreground()
        self.until(lambda: self.run_("status", self.here).status == 0, "it is ready")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, self.files()), (0, {"buildbot.tac"}))

    def test_failed(self) -> None:
        """A failed start has a status for a service manager (O5)."""
        self.make(fails=("no such luck",))
        process = self.foreground()
        out, _ = process.communicate(timeout=LIMIT)
        self.assertEqual(process.returncode, 1)
        self.assertIn("no such luck", out)


class DaemonTests(ProcessCase):
    """A running daemon."""

    name = "a näme with\tblanks, " + "and longer than a socket address " * 3

    def test_oddName(self) -> None:
        """A directory may have any name, and be given relative to the current one."""
        self.make()
        self.assertIn("Buildmaster started (pid ", self.ok("start", self.name).out)
        self.assertIn("0 of 0 slaves", self.run_("status", ".", cwd=self.here).out)
        self.assertEqual(self.run_("reconfig", cwd=self.here).status, 0)
        self.ok("stop", os.path.join("..", os.path.basename(self.home), self.name))

    def test_slowReconfig(self) -> None:
        """A reconfig is waited for as long as it takes; if the master ends first, it fails (O2)."""
        self.make()
        self.ok("start", self.here)
        said = self.ok("reconfig", "--timeout", "1", self.here)
        self.assertGreater(said.took, 1)
        self.assertTrue(said.out.endswith("of the configuration is in force\n"))
        command = [sys.executable, "-m", "buildbot", "reconfig", "--timeout", "1000", self.here]
        with subprocess.Popen(command, env=self.environ, stdout=-1, stderr=-1, text=True) as waiting:
            self.until(lambda: "a reconfig takes 1000" in self.read(), "the master is asked")
            self.ok("stop", self.here)
            out, err = waiting.communicate(timeout=LIMIT)
        self.assertEqual((waiting.returncode, out, withoutWaits(err)), (1, "", "the master is stopping\n"))

    def test_log(self) -> None:
        """The log is limited, reopened on SIGUSR1, and has output of other code on the descriptors (G6)."""
        self.make(before="rotateLength = 400; maxRotatedFiles = 2", prints="from below\n")
        self.ok("start", self.here)
        for _ in range(8):
            self.ok("status", self.here)
        logs = sorted(name for name in os.listdir(self.here) if name.startswith("twistd.log"))
        self.assertEqual(logs, ["twistd.log", "twistd.log.1", "twistd.log.2"])
        self.assertIn("from below", "".join(map(self.read, logs)))
        os.rename(self.path("twistd.log"), self.path("moved"))
        os.kill(self.pid(), signal.SIGUSR1)
        self.until(lambda: os.path.exists(self.path("twistd.log")), "it is opened again")
        self.ok("status", self.here)
        self.assertIn("asked for the status", self.read())

    def test_hangup(self) -> None:
        """A SIGHUP without a handler does not end the process, even while it starts."""
        self.make(before="import signal; signal.raise_signal(signal.SIGHUP)")
        self.ok("start", self.here)
        os.kill(self.pid(), signal.SIGHUP)
        self.ok("status", self.here)

"""A real master and a real slave, right after the installation."""

from __future__ import annotations

import os
import re
import socket
import urllib.request

from tests.integration.directories import ProcessCase
from tests.integration.processes import ROOT
from tests.ports import freePort


class MasterTests(ProcessCase):
    """A real master, for a newcomer."""

    def create(self) -> int:
        """Make a master's directory; return its free port."""
        self.ok("create-master", self.here)
        port = freePort()
        text = self.read("master.cfg")
        text = text.replace("tcp:8010:", "tcp:0:")
        self.write("master.cfg", text.replace("= 9989", f"= 'tcp:{port}:interface=127.0.0.1'"))
        return port

    def test_newcomer(self) -> None:
        """Create, check, start, status, reconfigure, stop: every command prints its result."""
        port = self.create()
        self.assertEqual(self.ok("checkconfig", self.here).out, "Config file is good!\n")
        self.assertRegex(
            self.ok("start", self.here).out, rf"^slaves: tcp {port}.*; 1 builder, 0 of 1 slave connected\n"
        )
        self.assertRegex(self.ok("status", self.here).out, r"\nbot1 +not connected")
        self.assertIn("state:    not connected", self.ok("status", self.here, "bot1").out)
        self.assertIn("no slave 'bot9'", self.fails("status", self.here, "bot9").err)
        self.assertIn("was not connected", self.ok("disconnect", self.here, "bot1").out)
        self.assertIn("no slave 'bot9'", self.fails("disconnect", self.here, "bot9").err)
        self.write("master.cfg", self.read("master.cfg") + "\nc['bots'].append(('bot2', 'x'))\n")
        self.assertIn("bot2", self.ok("reconfig", "--dry-run", self.here).out)
        self.assertIn("+ bot bot2", self.ok("reconfig", self.here).out)
        self.write("master.cfg", self.read("master.cfg") + "\nnonsense\n")
        for verb in ("reconfig", "checkconfig"):
            self.assertRegex(self.fails(verb, self.here).err, r"master\.cfg:\d+: NameError.*'nonsense'")
        self.assertRegex(self.ok("status", self.here).out, r"\nbot2 ")
        self.ok("stop", self.here)
        self.assertEqual(self.files(), {"buildbot.tac", "master.cfg", "master.cfg.sample"})

    def test_portInUse(self) -> None:
        """A port that is in use is reported, and no process is left running."""
        port = self.create()
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            self.assertRegex(self.startFails(), rf"(?i)cannot listen on .*{port}")

    def test_webPortInUse(self) -> None:
        """A port of the web pages that is in use is reported as well, with the process that uses it."""
        self.create()
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.write("master.cfg", self.read("master.cfg").replace("tcp:0:", f"tcp:{port}:"))
            said = self.startFails()
        self.assertRegex(said, rf"cannot start WebStatus: cannot listen on tcp:{port}:.* in use")

    def test_noConfiguration(self) -> None:
        """Without the configuration, the start prints what to copy."""
        self.create()
        os.unlink(self.path("master.cfg"))
        sample = f"cp {self.here}/master.cfg.sample {self.here}/master.cfg"
        self.assertEqual(self.startFails(), f"no master.cfg in {self.here}: `{sample}` makes one\n")

    def test_badConfiguration(self) -> None:
        """The start itself reports every error of the configuration, and leaves no process running."""
        self.create()
        good = self.read("master.cfg")
        for more, errors in (
            ("c['bots'] = 7\nc['builders'] = 8\n", ["bots", "builders"]),
            ("import sys; sys.exit(3)\n", ["SystemExit"]),
            ("c = =\n", [r"master\.cfg:\d+: .*syntax"]),
        ):
            self.write("master.cfg", good + more)
            said = self.startFails()
            for error in errors:
                self.assertRegex(said, error)

    def test_slowConfiguration(self) -> None:
        """The start waits for a slow configuration (O1)."""
        self.create()
        self.write("master.cfg", self.read("master.cfg") + "import time; time.sleep(1)\n")
        self.assertGreater(self.ok("start", self.here).took, 1)

    def test_oldTac(self) -> None:
        """The buildbot.tac of 0.7.5, and that of 0.7.12 with its own log, work unchanged."""
        self.create()
        self.write(
            "buildbot.tac",
            "\nfrom twisted.application import service\nfrom buildbot.master import BuildMaster\n\n"
            f"basedir = r'{self.here}'\nconfigfile = r'master.cfg'\n\n"
            "application = service.Application('buildmaster')\n"
            "BuildMaster(basedir, configfile).setServiceParent(application)\n\n",
        )
        self.ok("start", self.here)
        self.ok("stop", self.here)
        self.write(
            "buildbot.tac",
            self.read("buildbot.tac")
            + "from twisted.python.logfile import LogFile\n"
            + "from twisted.python.log import ILogObserver, FileLogObserver\n"
            + "logfile = LogFile.fromFullPath('own.log', rotateLength=1000000, maxRotatedFiles=None)\n"
            + "application.setComponent(ILogObserver, FileLogObserver(logfile).emit)\n",
        )
        self.ok("start", self.here)
        self.ok("stop", self.here)
        self.assertIn("BuildMaster is running", self.read("own.log"))

    def test_demo(self) -> None:
        """The demo shows a slave at work, twice, and the printed commands stop it (1.1)."""
        said = self.ok("demo", self.here)
        self.assertRegex(said.out, r"\nbot1 +connected")
        self.assertLess(said.took, 200)
        found = re.search(r"web pages of the master: (http://localhost:\d+/)\n", said.out)
        assert found is not None
        with urllib.request.urlopen(found[1], timeout=120) as page:
            self.assertIn("<h1>", page.read().decode())
        again = self.ok("demo", self.here)
        self.assertEqual(again.out.count("already running, pid"), 2)
        for line in said.out.splitlines()[-2:]:
            words = line.split()
            self.assertEqual(words[1:4], ["-m", "buildbot", "stop"])  # as it was called
            self.ok(*words[3:])
        self.assertEqual(self.running(), [])

    def test_slaveWithoutWorker(self) -> None:
        """Without buildbot-worker, a slave's start prints what to install."""
        self.ok("create-slave", self.here, "localhost:9989", "bot1", "canary")
        with open(os.path.join(self.home, "buildbot_worker.py"), "w") as stream:
            stream.write("raise ImportError('No module named buildbot_worker')")
        self.environ["PYTHONPATH"] = f"{self.home}{os.pathsep}{ROOT}"
        said = self.startFails()
        self.assertEqual(
            said,
            "a slave needs buildbot-worker (No module named buildbot_worker): "
            "pip install 'buildbot-classic[slave]'\n",
        )

"""The program that reads pickles of an old master, and the command that uses it."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from buildbot.importing import pickled
from buildbot.importing import reader as module
from buildbot.importing.reader import PickleReader, Unreadable
from buildbot.store.files import FILE
from tests.commandline import command
from tests.oldhistory import RELEASES, SAMPLES

#: A tuple of two that are the same, sixty times; then its hash, which takes as long as the universe is old.
_ENDLESS = b"\x80\x02Nq\x00" + b"h\x00h\x00\x86q\x00" * 60 + b"}h\x00Ns."
#: A memo with room for two thousand million values.
_LARGE = b"\x80\x02Nr\xff\xff\xff\x7f."
#: The hash of a tuple in a tuple …, too deep for the stack of the program.
_DEEP = b"\x80\x02N" + b"\x85" * 3_000_000 + b"q\x00}h\x00Ns."


#: The builds of the large builder.
_BUILDS = 100

#: The command that stops at the fifth log, and says so, until it is interrupted.
_PAUSING = """
import time
from buildbot.importing import work
from buildbot.scripts.runner import run

def pausing(*words, **more):
    copied.append(words)
    if len(copied) == 5:
        print("pauses", flush=True)
        time.sleep(1000)
    return copyLog(*words, **more)

copyLog, copied = work.copyLog, []
work.copyLog = pausing
run()
"""


class ReaderTests(SynchronousTestCase):
    """The program."""

    def test_same(self) -> None:
        """It reads builds as its module does in this process."""
        reader = PickleReader()
        self.addCleanup(reader.close)
        for release in RELEASES:
            data = (SAMPLES / release / "b0" / "0").read_bytes()
            self.assertEqual(reader.read(data), pickled.read(data))

    def test_hostile(self) -> None:
        """A pickle that would take all memory or time is unreadable, and the next one is read."""
        reader = PickleReader(cpu=0.3)
        self.addCleanup(reader.close)
        for data in (_ENDLESS, _LARGE, _DEEP, b"\x80\x02cos\nsystem\nU\x04true\x85R."):
            self.assertRaises(Unreadable, reader.read, data)
            self.assertEqual(reader.read(b"I5\n."), 5)

    def test_closed(self) -> None:
        """After its end nothing is read, and no program is started; a second end does no harm."""
        reader = PickleReader()
        self.assertEqual(reader.read(b"I5\n."), 5)
        reader.close()
        reader.close()
        self.assertIn("has ended", str(self.assertRaises(Unreadable, reader.read, b"I5\n.")))

    def test_tooLarge(self) -> None:
        """A file that is larger than any pickle of a master is not read at all."""
        self.patch(module, "LARGEST", 10)
        reader = PickleReader()
        self.addCleanup(reader.close)
        self.assertIn("it has 11 bytes", str(self.assertRaises(Unreadable, reader.read, b"x" * 11)))
        self.assertEqual(reader.read(b"I5\n."), 5)

    def test_interrupted(self) -> None:
        """After Ctrl-C while a pickle is read, the next pickle has its own answer, not that of the first."""
        reader = PickleReader()
        self.addCleanup(reader.close)
        packing, packer = [KeyboardInterrupt()], module._LENGTH

        class Interrupted:
            """The first answer is interrupted before it is read."""

            size = packer.size

            def pack(self, length: int) -> bytes:
                return packer.pack(length)

            def unpack(self, head: bytes) -> tuple[int]:
                if packing:
                    raise packing.pop()
                return packer.unpack(head)

        self.patch(module, "_LENGTH", Interrupted())
        self.assertRaises(KeyboardInterrupt, reader.read, b"I5\n.")
        self.assertEqual(reader.read(b"I6\n."), 6)

    def test_noFiles(self) -> None:
        """It can open no file, even if a pickle could make it try."""
        script = (
            "import importlib.util as u; s = u.spec_from_file_location('p', FILE)\n"
            "p = u.module_from_spec(s); s.loader.exec_module(p); p._limit()\n"
            "try: open('/etc/passwd')\n"
            "except OSError as error: print(error.strerror)\n"
        ).replace("FILE", repr(pickled.__file__))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "Too many open files\n")


class KilledTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        old, self.here = Path(self.mktemp()), self.mktemp()
        shutil.copytree(SAMPLES / "0.7.12", old)
        for number in range(2, _BUILDS):
            shutil.copy(old / "b0" / "0", old / "b0" / str(number))
        command("create-master", "--quiet", self.here)
        self.words = [sys.executable, "-m", "buildbot", "import", "--quiet", str(old), self.here]

    def whole(self) -> None:
        """Run the command to its end; then every build is there once."""
        done = subprocess.run(self.words, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        with closing(sqlite3.connect(os.path.join(self.here, FILE))) as store:
            rows = store.execute("SELECT builder, COUNT(*) FROM builds GROUP BY 1 ORDER BY 1").fetchall()
        self.assertEqual(rows, [("full", _BUILDS), ("odd name (x86)/%", 2)])
        self.assertEqual(list(Path(self.here, "logs").rglob("*.import")), [])

    def test_interrupted(self) -> None:
        """Ctrl-C ends an import at once, with words; the same command goes on, and a check agrees."""
        words = [sys.executable, "-c", _PAUSING, *self.words[3:]]
        running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(running.kill)
        assert running.stdout is not None
        self.assertEqual(running.stdout.readline(), "pauses\n")
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=120)
        self.assertEqual(running.returncode, 130)
        self.assertIn("the same command continues the import\n", said)
        self.assertNotIn("Traceback", said)
        self.whole()

    def test_killed(self) -> None:
        """An import that is killed again and again ends with every build once."""
        for seconds in (0.4, 0.6, 0.8):
            running = subprocess.Popen(self.words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(seconds)
            running.send_signal(signal.SIGKILL)
            running.wait()
        self.whole()

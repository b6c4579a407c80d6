"""Standard streams of all kinds for a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import product

from twisted.trial import unittest

from tests.examples import sample
from tests.integration.directories import hearCtrlC

#: Absolute, since Python 3.12 cannot start in a deleted directory with a relative path.
_PATH = os.pathsep.join(os.path.abspath(each) for each in sys.path)


class Case(unittest.TestCase):
    """The command in a separate process."""

    def shell(self, line: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line, in which $BB is the command."""
        return subprocess.run(
            ["sh", "-c", line],
            env={
                **os.environ,
                "PYTHONPATH": _PATH,
                "BB": f"{sys.executable} -m buildbot",
                **more,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )


class StreamsTests(Case):
    """F12: no traceback, whatever the streams are."""

    def test_fullDisk(self) -> None:
        """A full standard output is reported, with status 1, for help and answers alike."""
        for line in ("--help", "--version", "create-master --help", "create-master $(mktemp -d)/m"):
            said = self.shell(f"$BB {line} >/dev/full")
            self.assertEqual(
                (said.returncode, said.stderr.splitlines()[0]),
                (
                    1,
                    "buildbot: cannot write to standard output: "
                    "No space left on device; make room on that disk",
                ),
                said.stderr,
            )
            self.assertNotIn("Traceback", said.stderr)

    def test_fullError(self) -> None:
        """A full standard error does not change the status."""
        self.assertEqual(self.shell("$BB nonsense 2>/dev/full").returncode, 2)
        self.assertEqual(self.shell("$BB status /nowhere 2>/dev/full").returncode, 1)

    def test_readerGone(self) -> None:
        """If the reader of the output has ended, the command fails silently."""
        said = self.shell("{ $BB --help; echo $? >&2; } | true")
        self.assertEqual(said.stderr, "1\n")

    def test_cannotWait(self) -> None:
        """A non-blocking pipe gets the whole output."""
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        with open(reading, "rb") as pipe:
            child = subprocess.Popen(
                [sys.executable, "-c", _LONG],
                stdout=writing,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": _PATH},
            )
            os.close(writing)
            got = pipe.read()
            assert child.stderr is not None
            with child.stderr:
                said = child.stderr.read()
        self.assertEqual((child.wait(), said, len(got)), (0, b"", 1_000_001))

    def test_oddInput(self) -> None:
        """A closed standard input is reported."""
        said = self.shell("$BB sendchange --master h:1 --username me --logfile - x <&-")
        self.assertEqual((said.returncode, said.stderr), (1, "--logfile: standard input is closed\n"))

    def test_deletedDirectory(self) -> None:
        """A deleted current directory is reported; absolute names work."""
        gone = os.path.abspath(self.mktemp())
        os.mkdir(gone)
        command = os.path.abspath(self.mktemp())  # as pip installs it: a file
        with open(command, "w") as stream:
            stream.write(_RUN)
        line = f"cd {gone} && rmdir {gone} && exec {sys.executable} {command}"
        for words_, reason in (("start m", "the current directory has been deleted"), ("start /x", "/x")):
            os.makedirs(gone, exist_ok=True)
            said = self.shell(f"{line} {words_}")
            self.assertEqual(said.returncode, 1)
            self.assertIn(reason, said.stderr)
            self.assertNotIn("Traceback", said.stderr)

    def test_tooManyFiles(self) -> None:
        """A process that may open no more files ends with a line."""
        program = (
            "import resource; from buildbot.__main__ import run; "
            "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); run()"
        )
        unmeasured = "unset COVERAGE_PROCESS_START COVERAGE_PROCESS_CONFIG;"  # it would need another file
        said = self.shell(f"{unmeasured} exec {sys.executable} -c '{program}'")
        self.assertEqual(said.returncode, 1)
        self.assertRegex(said.stderr, r"^buildbot: cannot load its modules: .*Too many open files.*\n$")

    def test_closedStreams(self) -> None:
        """A closed standard output, or error, is no error."""
        for closed in (">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(
                ["sh", "-c", f'exec "$0" -m buildbot start --help {closed}', sys.executable],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
            )
            self.assertEqual((done.returncode, done.stderr), (0, b""), closed)


_RUN = "import sys; from buildbot.__main__ import run; run()"
_LONG = "from buildbot.scripts import streams; streams.prepare(); print(chr(120) * 1000000); streams.finish()"


class SignalTests(Case):
    """F12: no traceback, whenever a signal comes."""

    def test_atAnyTime(self) -> None:
        """SIGINT and SIGTERM, at any time after the start, end the command with a word at the most."""
        modules = ("buildbot.scripts.streams", "buildbot.scripts.output", "buildbot.scripts.startup")
        for number, begun in sample(product((signal.SIGINT, signal.SIGTERM), modules), 3):
            program = _INTERRUPTED.format(module=begun, number=int(number))
            said = subprocess.run(
                [sys.executable, "-c", program, "start", "/nowhere"],
                env={**os.environ, "PYTHONPATH": _PATH},
                capture_output=True,
                text=True,
                timeout=300,
                preexec_fn=hearCtrlC,
            )
            self.assertNotIn("Traceback", said.stderr, (number, begun))
            self.assertIn(said.returncode, (130, -int(number)), (number, begun))


#: Runs the command, and sends it a signal when it loads a certain module.
_INTERRUPTED = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Finder())
from buildbot.__main__ import run
run()
"""


class StartTests(unittest.TestCase):
    """A command starts fast."""

    def test_light(self) -> None:
        """Asking a master does not load Twisted's reactor, or a master."""
        program = (
            "import sys\n"
            "from buildbot.scripts import runner, startup, stop, reconfig, status, disconnect\n"
            "print(*sorted(name for name in sys.modules if name.startswith(('twisted', 'buildbot'))))"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        heavy = (
            "twisted.internet",
            "twisted.logger",
            "twisted.spread",
            "buildbot.buildmaster",
            "buildbot.config",
        )
        self.assertEqual([name for name in loaded if name.startswith(heavy)], [])
        self.assertIn("buildbot.control.client", loaded)

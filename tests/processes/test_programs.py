"""Programs that the master runs: real ones, started by a real reactor."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial import unittest

from buildbot.programs import running
from buildbot.programs.running import Program, ProgramFailed, run


def python(code: str, *arguments: str) -> list[str]:
    """The command that runs Python code."""
    return [sys.executable, "-c", code, *arguments]


def isAlive(pid: int) -> bool:
    """True while a process runs."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class RunTests(unittest.TestCase):
    """A program is run, without a shell."""

    async def refused(self, command: Sequence[str], seconds: float = 60, **kw: Any) -> ProgramFailed:
        """Run a program that fails."""
        try:
            await run(reactor, command, seconds, **kw)
        except ProgramFailed as failed:
            return failed
        self.fail("it did not fail")

    async def test_output(self) -> None:
        """The caller gets the whole output; the program gets input, environment and arguments unchanged."""
        code = "import os,sys; sys.stdout.write(repr((sys.stdin.read(), os.environ['A'], sys.argv[1:])))"
        output = await run(reactor, python(code, "a b", "$A", "*"), 60, env={"A": "1"}, stdin=b"in")
        self.assertEqual(output, repr(("in", "1", ["a b", "$A", "*"])).encode())

    async def test_fails(self) -> None:
        """An exit status is an error, with the end of the program's own words, and without passwords (S3)."""
        code = "import sys; print('out'); sys.exit('no\\nhttps://me:s3cret@host/ is gone')"
        failed = await self.refused(python(code))
        self.assertEqual(str(failed), "python: no; https://me:XXXX@host/ is gone".replace("python", _NAME))
        self.assertEqual((failed.status, failed.output), (1, b"out\n"))

    async def test_bounded(self) -> None:
        """The system ends a program some time after its limit, also if its master no longer can."""
        self.patch(running, "BOUND", 1)
        self.patch(Program, "_tooLate", lambda program: None)
        program = Program(reactor, 0.5)
        try:
            await program.start(python("import time; time.sleep(60)"), isBounded=True)
        except ProgramFailed as failed:
            self.assertIn("was killed by signal 14", str(failed))
        else:
            self.fail("it did not end")

    async def test_silent(self) -> None:
        """A program that fails without a word is named with its status."""
        self.assertEqual(str(await self.refused(["false"])), "false: ended with status 1")

    async def test_missing(self) -> None:
        """A program that does not exist is an error, and so is a directory that does not."""
        self.assertEqual(str(await self.refused(["no-such-program", "x"])), f"no-such-program x: {_ENOENT}")
        failed = await self.refused(["true"], cwd="/no/such/place")
        self.assertIn("/no/such/place", str(failed))

    async def test_late(self) -> None:
        """After its time the program is ended, with the children that it has started."""
        code = (
            "import subprocess,sys,time\n"
            "print(subprocess.Popen(['sleep', '600']).pid, flush=True)\n"
            "time.sleep(600)"
        )
        time, printed = _OwnTime(), bytearray()
        running = Program(time, 1, heard=printed.extend).start(python(code))
        while not printed.endswith(b"\n"):
            await _soon()
        time.advance(1)
        with self.assertRaises(ProgramFailed) as caught:
            await running
        self.assertEqual(str(caught.exception), f"{_NAME}: did not end within 1 seconds")
        while isAlive(int(printed)):  # the signal was sent: it ends any moment
            await _soon()

    async def test_lateBySystemClock(self) -> None:
        """The time limit is in real seconds."""
        failed = await self.refused(["sleep", "600"], 0.1)
        self.assertEqual(str(failed), "sleep 600: did not end within 0.1 seconds")

    async def test_tooMuch(self) -> None:
        """A program that prints without end is killed."""
        program = Program(reactor, 60, most=100_000)
        with self.assertRaisesRegex(ProgramFailed, "yes: printed more than 100000 bytes"):
            await program.start(["yes"])

    async def test_stopped(self) -> None:
        """A cancelled run is killed."""
        program = Program(reactor, 60)
        running = program.start(["sleep", "600"])
        assert program.transport is not None
        pid = program.transport.pid
        running.cancel()
        with self.assertRaises(CancelledError):
            await running
        while isAlive(pid):
            await _soon()


class _OwnTime(Clock):
    """The processes of the real reactor, and a time that passes only when a test says so."""

    def spawnProcess(self, *words: Any, **more: Any) -> Any:
        """Start a process."""
        return reactor.spawnProcess(*words, **more)


def _soon() -> Deferred[None]:
    return deferLater(reactor, 0.01)


_NAME = os.path.basename(sys.executable)
_ENOENT = os.strerror(2)

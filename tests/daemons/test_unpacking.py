"""Archives unpacked by a real child process: hostile ones, and the end of the child."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import asdict, replace

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial import unittest

from buildbot.events.turns import Turns
from buildbot.steps.unpack import BadArchive, Order
from buildbot.steps.unpacking import Unpacking, orderFor
from tests.benchmarks.machine import ROOT

#: A master that unpacks an archive, and is killed when that has started.
_KILLED = """
import json, os, signal, sys
from twisted.internet import reactor, task
from buildbot.steps.unpack import Order
from buildbot.steps.unpacking import Unpacking

order = Order(**json.loads(sys.argv[1]))
Unpacking(order, reactor).start()
began = lambda: os.path.exists(os.path.join(order.aside, "zeros")) and os.kill(os.getpid(), signal.SIGKILL)
task.LoopingCall(began).start(0.01)
reactor.run()
"""


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar archive of these members."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def slowHeader() -> bytes:
    """A header that takes some releases of tarfile minutes."""
    body = b"1" * 60_000 + b" x"
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(body)
    return gzip.compress(header.tobuf(tarfile.GNU_FORMAT) + body + bytes(-len(body) % 512 + 1024))


class UnpackingTests(unittest.TestCase):
    """H4: the child process."""

    def setUp(self) -> None:
        self.base = os.path.abspath(self.mktemp())
        os.makedirs(self.base)

    def order(self, data: bytes, size: int = 1 << 20) -> Order:
        """An order to unpack these bytes."""
        path = os.path.join(self.base, "archive")
        with open(path, "wb") as file:
            file.write(data)
        return orderFor(path, os.path.join(self.base, "there"), size, 0o644)

    async def refused(self, order: Order) -> str:
        """The reason why these bytes are not unpacked; checks that no file is left."""
        try:
            await Unpacking(order).start()
        except BadArchive as error:
            self.assertEqual(sorted(os.listdir(self.base)), ["archive", "there"])
            self.assertEqual(os.listdir(order.directory), [])
            return str(error)
        raise AssertionError("it was unpacked")

    async def test_good(self) -> None:
        """H4, F11: a valid archive is unpacked by another process, with the requested modes."""
        order = self.order(packed((tarfile.TarInfo("d/f"), b"x" * 1000)))
        await Unpacking(order).start()
        path = os.path.join(order.directory, "d", "f")
        self.assertEqual((os.path.getsize(path), os.stat(path).st_mode & 0o777), (1000, 0o644))
        self.assertEqual(sorted(os.listdir(self.base)), ["archive", "there"])

    async def test_bombs(self) -> None:
        """H4: small archives that become large, or take long, are refused with the reason."""
        zeros = gzip.compress(packed((tarfile.TarInfo("zeros"), bytes(8 << 20))))
        self.assertIn("more than 1048576 bytes", await self.refused(self.order(zeros)))
        many = gzip.compress(packed(*[(tarfile.TarInfo(f"f{n}"), b"") for n in range(3000)]))
        self.assertIn("more than 1048576 bytes", await self.refused(self.order(many)))
        self.assertNotEqual(await self.refused(self.order(b"nonsense" * 1000)), "")

    async def test_computing(self) -> None:
        """H4: an archive that takes too much CPU time is ended."""
        started = time.monotonic()
        await self.refused(replace(self.order(slowHeader()), seconds=1))
        self.assertLess(time.monotonic() - started, 30)

    async def test_nonsense(self) -> None:
        """H4: an invalid archive is refused with a reason."""
        for data in (b"BZh9" + bytes(1000), b"\x1f\x8b" + bytes(1000)):
            self.assertNotEqual(await self.refused(self.order(data)), "")

    def test_masterKilled(self) -> None:
        """H4: when the master is killed, the child ends by itself, and no file is left."""
        order = self.order(gzip.compress(packed((tarfile.TarInfo("zeros"), bytes(300 << 20)))), 1 << 30)
        killed = subprocess.run(
            [sys.executable, "-c", _KILLED, json.dumps(asdict(order))], cwd=ROOT, timeout=300
        )
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        ends = time.monotonic() + 120
        while os.listdir(self.base) != ["there"] and time.monotonic() < ends:
            time.sleep(0.05)
        self.assertEqual(os.listdir(self.base), ["there"])
        self.assertEqual(os.listdir(order.directory), [])

    async def test_turns(self) -> None:
        """H4: the number of simultaneous archives is limited; a waiting one can be cancelled."""
        self.patch(Unpacking, "turns", Turns(1))
        orders = [self.order(packed((tarfile.TarInfo("f"), b"x"))) for _ in range(3)]
        first, second, third = map(Unpacking, orders)
        doing = [each.start() for each in (first, second, third)]
        second.stop()
        self.assertIn("stopped", str(self.failureResultOf(doing[1], BadArchive).value))
        await doing[0]
        await doing[2]
        self.assertEqual(Unpacking.turns.taken, 0)
        self.assertEqual(os.listdir(orders[0].directory), ["f"])

    async def test_stopped(self) -> None:
        """H4: cancelled unpacking ends at once; no file is left."""
        order = self.order(gzip.compress(packed((tarfile.TarInfo("zeros"), bytes(200 << 20)))), 1 << 30)
        unpacking = Unpacking(order)
        done = unpacking.start()
        while not os.path.exists(order.aside):
            await deferLater(reactor, 0.01)  # until the child has started
        unpacking.stop()
        with self.assertRaises(BadArchive) as caught:
            await done
        self.assertIn("stopped", str(caught.exception))
        self.assertEqual(sorted(os.listdir(self.base)), ["archive", "there"])

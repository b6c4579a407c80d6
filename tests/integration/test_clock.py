# -*- test-case-name: tests.integration.test_clock -*-
"""A real master whose system clock is put forward and back, by an hour and by 400 days, during builds."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from typing import Any

from twisted.trial.unittest import SkipTest

from tests.integration.generations import OLD_SLAVE, SLAVE, WORKER
from tests.integration.masters import MasterTestCase, RealMaster
from tests.integration.processes import moments

#: A preloaded library that shifts the system clock by the seconds in a file.
SHIM = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void) {
    char text[32];
    const char *path = getenv("CLOCK_OFFSET_FILE");
    int file = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    int length = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    if (length <= 0) return 0;
    text[length] = 0;
    return atol(text);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, which, now);
    if (!result && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += offset();
    return result;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec both;
    int result = clock_gettime(CLOCK_REALTIME, &both);
    now->tv_sec = both.tv_sec;
    now->tv_usec = both.tv_nsec / 1000;
    return result;
}

time_t time(time_t *now) {
    struct timespec both;
    clock_gettime(CLOCK_REALTIME, &both);
    if (now) *now = both.tv_sec;
    return both.tv_sec;
}
"""

#: The errors of the clock in seconds, in order.
JUMPS = (-3600, 3600, -400 * 86400, 400 * 86400, 0)
#: Seconds: the tree-stable timer, Periodic, the frozen slave's keepalive, between two of WATCHDOG=1.
TIMER, PERIOD, KEEPALIVE, BEAT = 3, 3, 3.0, 1
#: Seconds of a build during which the clock is changed.
LASTS = 4
#: Extra seconds for a busy machine.
SLACK = 60.0

CONFIG = f"""
from buildbot.changes.pb import PBChangeSource
from buildbot.process.factory import BuildFactory, s
from buildbot.scheduler import Periodic, Scheduler
from buildbot.steps.shell import ShellCommand
for each, seconds in zip(c['builders'], (2, 0, {LASTS}, 0)):
    each['factory'] = BuildFactory([s(ShellCommand, command=['sleep', str(seconds)])])
c['sources'] = [PBChangeSource(user='hook', passwd='sesame')]
c['schedulers'] = [Scheduler('changes', None, {TIMER}, ['change']), Periodic('often', ['often'], {PERIOD})]
"""


class WrongClock(MasterTestCase):
    """A master, slaves of three generations, and a clock that is changed."""

    async def test_putForthAndBack(self) -> None:
        """F4: timers, keepalives and the watchdog work while the clock is wrong, no duration is negative,
        changes pushed together are one build, and no history is lost.
        """
        master = await self.createMaster()
        master.write(
            master.config(
                bots={"old": "sesame", "mid": "sesame", "new": "sesame", "frozen": "sesame"},
                builders={"change": ["old"], "often": ["new"], "during": ["mid"], "none": ["frozen"]},
                keepalive={"frozen": KEEPALIVE},
                after=CONFIG,
            )
        )
        beats = self.watch(master)
        self.preload(master)
        await master.start()
        kinds = {"old": OLD_SLAVE, "mid": SLAVE, "new": WORKER, "frozen": SLAVE}
        slaves = await self.startSlaves(master.port, [(kind, name, "sesame") for name, kind in kinds.items()])
        await master.whenConnected(*kinds)
        rows = []
        for number, jump in enumerate(JUMPS):
            await master.ask("force", builder="during", reason=f"before {jump}")
            await moments(1.0)
            begun = time.monotonic()  # the command that sends them may end late
            await self.push(master, number)
            before = await self.finished(master)
            self.beatsIn(beats)
            self.put(jump)
            if number == 0:
                slaves["frozen"].freeze()
            built = await master.whenFinished("change", number, TIMER + 2 + SLACK)
            took = time.monotonic() - begun
            after, periods, heard = await self.watched(master, before, beats)
            rows.append((jump, round(took, 1), len(built["changes"]), periods, heard))
            self.assertGreaterEqual(took, TIMER - 1, "built before the tree was stable")
            self.assertEqual(len(built["changes"]), 3)
            self.assertGreaterEqual(periods, 2)  # the second has begun and ended with this clock
            self.assertGreater(heard, PERIOD / BEAT)
            self.assertLessEqual(before, after, "history is lost")
        self.tell("wrong by", "change built after", "changes in it", "Periodic", "WATCHDOG=1", rows=rows)
        await master.whenStatus(lambda said: not said["frozen"]["connected"], "frozen is off line", SLACK)
        self.assertEqual(await master.connected(), {"old", "mid", "new"})
        builds = (await master.ask("builds", count=1000))["finished"]
        for build in builds:
            least = LASTS - 0.5 if build["builder"] == "during" else 0.0
            self.assertGreaterEqual(build["finished"] - build["started"], least)
            self.assertLess(build["finished"] - build["started"], LASTS + SLACK)
        self.assertEqual(sum(build["builder"] == "during" for build in builds), len(JUMPS))
        slaves["frozen"].thaw()
        self.assertNoTracebacks(master)

    def preload(self, master: RealMaster) -> None:
        """Compile the library, and load it in the master's process only."""
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SkipTest("there is no C compiler, to make a library that moves the clock of a process")
        source, library = (os.path.join(self.directory, f"clock.{end}") for end in ("c", "so"))
        self.offset = os.path.join(self.directory, "offset")
        with open(source, "w", encoding="ascii") as stream:
            stream.write(SHIM)
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
        self.put(0)
        master.environ.update(LD_PRELOAD=library, CLOCK_OFFSET_FILE=self.offset)

    def put(self, seconds: int) -> None:
        """From now on the master's clock is wrong by C{seconds}."""
        with open(self.offset + ".new", "w", encoding="ascii") as stream:
            stream.write(str(seconds))
        os.replace(self.offset + ".new", self.offset)

    def watch(self, master: RealMaster) -> socket.socket:
        """Replace systemd's socket and record the master's messages."""
        path = os.path.join(self.directory, "notify")
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(listening.close)
        directory = os.open(self.directory, os.O_RDONLY)
        self.addCleanup(os.close, directory)
        listening.bind(f"/proc/self/fd/{directory}/notify")  # the path itself may be too long for a socket
        listening.setblocking(False)
        short = os.path.join("/tmp", f"buildbot-notify-{os.getpid()}")
        os.symlink(path, short)
        self.addCleanup(os.unlink, short)
        master.environ.update(NOTIFY_SOCKET=short, WATCHDOG_USEC=str(2 * BEAT * 1_000_000))
        return listening

    def beatsIn(self, listening: socket.socket) -> int:
        """The number of WATCHDOG=1 since the last call."""
        found = 0
        while True:
            try:
                found += listening.recv(1000).startswith(b"WATCHDOG=1")
            except BlockingIOError:
                return found

    async def finished(self, master: RealMaster) -> set[tuple[str, int]]:
        """The master's finished builds."""
        builds: list[dict[str, Any]] = (await master.ask("builds", count=1000))["finished"]
        return {(build["builder"], build["number"]) for build in builds}

    async def watched(
        self, master: RealMaster, before: set[tuple[str, int]], beats: socket.socket
    ) -> tuple[set[tuple[str, int]], int, int]:
        """Wait for two builds of Periodic and enough messages for the watchdog, but not forever.

        @param before: the builds that had finished before.
        @return: all finished builds, the number of Periodic's new ones, and the number of messages.
        """
        heard, ends = 0, time.monotonic() + 2 * PERIOD + SLACK
        while True:
            after = await self.finished(master)
            periods = sum(name == "often" for name, _ in after - before)
            heard += self.beatsIn(beats)
            if (periods >= 2 and heard > PERIOD / BEAT) or time.monotonic() > ends:
                return after, periods, heard
            await moments(0.2)

    async def push(self, master: RealMaster, number: int) -> None:
        """Send three changes at once, with times of other clocks."""
        path = os.path.join(self.directory, "changes")
        with open(path, "w", encoding="ascii") as stream:
            for when in (1e9, 4e9, time.time()):
                change = {
                    "who": "ann",
                    "files": ["a.c"],
                    "comments": "",
                    "revision": f"r{number}",
                    "when": when,
                }
                stream.write(json.dumps(change) + "\n")
        where = ("--master", f"127.0.0.1:{master.port}", "--auth", "hook:sesame")
        sent = await master.run("sendchange", *where, "--changes", path)
        self.assertEqual(sent.status, 0, sent.words)

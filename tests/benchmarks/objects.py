"""A very long log in object storage: C{python -m tests.benchmarks.objects [--short]}.

It writes a log of 1.08 GB, sends it to the real server s3rver, removes it here, and reads it from there:
pages at random places, and all of it. It measures the seconds, and the peak of the memory of this process.

It prints the figures, and for each promise whether it holds. The exit status is 1 if a promise is broken.
With C{--short} the log has 50 MB, and promises about seconds are printed, but do not count.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from buildbot.logs import mounts
from buildbot.logs.files import LogLimits, LogWriter
from buildbot.logs.reading import LogViews, Place
from buildbot.logstorage.far import FarLogs
from buildbot.logstorage.keys import nameOfFile
from buildbot.logstorage.local import LocalCopies
from buildbot.logstorage.s3 import S3
from buildbot.logstorage.sending import Sending
from tests.benchmarks.attach import Promises
from tests.benchmarks.machine import forgetPeak, peakKiB, rssKiB
from tests.integration.s3server import BUCKET, KEYS, installed

FULL, SHORT = 1_080_000_000, 50_000_000
#: The most MiB that the memory may grow by, whatever the length of the log.
MOST_MIB = 160


@contextmanager
def server(directory: str) -> Iterator[str]:
    """Run s3rver; gives its address."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port = trial.getsockname()[1]
    words = [installed(), "-a", "127.0.0.1", "-p", str(port), "-d", directory, "-s", "--no-vhost-buckets"]
    with subprocess.Popen([*words, "--configure-bucket", BUCKET], stdout=subprocess.DEVNULL) as child:
        try:
            while True:
                with socket.socket() as trial:
                    if trial.connect_ex(("127.0.0.1", port)) == 0:
                        break
                if child.poll() is not None:
                    raise SystemExit("s3rver does not run")
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            child.kill()


def write(path: str, size: int) -> int:
    """Write a log of this size, of compiler output. Returns the CRC-32 of its file."""
    writer = LogWriter(path, Clock(), LogLimits(None))
    chance = random.Random(7)
    number = 0
    while writer.length < size:
        lines = []
        for _ in range(1000):
            number += 1
            name = f"src/module{chance.randrange(5000)}/part{chance.randrange(100000)}"
            lines.append(f"[{number}] g++ -O2 -Wall -Iinclude -c {name}.cc -o build/{name}.o\n")
        writer.append(0, "".join(lines).encode())
    writer.finish()
    return writer.crc


def measured(what: str, work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Do some work. Returns its result, its seconds, and the MiB by which the memory grew at most."""
    pid = os.getpid()
    forgetPeak(pid)
    before, began = rssKiB(pid), time.monotonic()
    result = work()
    took, grew = time.monotonic() - began, (peakKiB(pid) - before) / 1024
    print(f"{what:<44} {took:8.2f} s  {grew:7.0f} MiB more memory", flush=True)
    return result, took, grew


def crcOf(path: str) -> int:
    """The CRC-32 of a log."""
    crc = 0
    with mounts.openLog(path) as file:
        while piece := file.read(1 << 20):
            crc = zlib.crc32(piece, crc)
    return crc


def run(directory: str, size: int, promises: Promises, given: str | None) -> None:
    """Measure.

    @param given: the address of a server that runs, with the bucket; None: start one.
    """
    if given is None:
        os.environ.update(KEYS)
    top = os.path.join(directory, "logs")
    path = os.path.join(top, "full", "1-log-compile-stdio")
    crc = write(path, size)
    name = nameOfFile(path)
    assert name is not None
    with server(os.path.join(directory, "s3")) if given is None else nullcontext(given) as endpoint:
        bucket = S3(endpoint, BUCKET, region="us-east-1").open()
        copies = LocalCopies(top, "here")
        far = FarLogs(bucket, "p/", copies, isInReactor=lambda: False)
        mounts.mount(top, far)
        list(bucket.list("none"))  # the package is imported
        sending = Sending(top, bucket, "p/", copies, far)
        _, took, grew = measured(f"send {size / 1e6:.0f} MB", lambda: sending.send(name, True))
        promises.judge(f"sending needs at most {MOST_MIB} MiB of memory", grew < MOST_MIB)
        promises.judge("sending 1 GB takes at most 90 s", took < 90 * size / FULL, seconds=True)
        copies.evict()
        promises.judge("no file of the log is here", not os.path.exists(path))
        views, place = LogViews(maybeDeferred), Place(path, True, crc)
        total = pages(views, place, 1)[1]
        seconds = []
        chance = random.Random(9)

        def look() -> None:
            for _ in range(30):
                began = time.monotonic()
                pages(views, place, chance.randrange(1, total - 500))
                seconds.append(time.monotonic() - began)

        _, _, grew = measured("read 30 pages of 500 lines at random", look)
        print(
            f"  a page: median {statistics.median(seconds) * 1000:.0f} ms, worst {max(seconds) * 1000:.0f} ms"
        )
        promises.judge(f"reading pages needs at most {MOST_MIB} MiB of memory", grew < MOST_MIB)
        promises.judge("a page takes at most 0.5 s", statistics.median(seconds) < 0.5, seconds=True)
        found, took, grew = measured("read all of it", lambda: crcOf(path))
        promises.judge("nothing is missing, and nothing is other", found == crc)
        promises.judge(f"reading all needs at most {MOST_MIB} MiB of memory", grew < MOST_MIB)
        promises.judge("reading 1 GB takes at most 90 s", took < 90 * size / FULL, seconds=True)


def pages(views: LogViews, place: Place, first: int) -> tuple[int, int]:
    """Read a page of lines. Returns the number of its lines, and that of all lines."""
    found: list[Any] = []
    Deferred.fromCoroutine(views.lines(place, first, 500)).addBoth(found.append)
    return len(found[0].lines), found[0].total


def main() -> int:
    """Run the benchmark; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="a log of 50 MB")
    parser.add_argument(
        "--endpoint", help=f"another server, with a bucket {BUCKET}; the environment has keys"
    )
    options = parser.parse_args()
    isShort = options.short
    promises = Promises(isShort)
    directory = tempfile.mkdtemp(prefix="objects-")
    try:
        run(directory, SHORT if isShort else FULL, promises, options.endpoint)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if promises.broken else 0


if __name__ == "__main__":
    sys.exit(main())

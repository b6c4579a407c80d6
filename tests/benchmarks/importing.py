"""How fast an old master is imported, and with how much memory.

C{python -m tests.benchmarks.importing --builds 100000} makes an old master with so many builds, by copying
one of the samples. C{--logs} gives them their eight logs, too. C{--log MEGABYTES} imports one build with
one log of this size.
"""

from __future__ import annotations

import argparse
import bz2
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from buildbot.logs.format import encode
from tests.oldhistory import SAMPLES

_SAMPLE = SAMPLES / "0.7.12" / "b0"


def manyBuilds(where: Path, count: int, withLogs: bool) -> None:
    """Make an old master with this many builds, of ten builders."""
    for place in range(10):
        directory = where / f"b{place}"
        directory.mkdir(parents=True)
        data = (_SAMPLE / "builder").read_bytes().replace(b"U\x04full", b"U\x04ful%d" % place)
        (directory / "builder").write_bytes(data)
        shutil.copy(_SAMPLE / "0", directory / "0")
        for number in range(1, count // 10):
            os.link(directory / "0", directory / str(number))
        for path in _SAMPLE.glob("0-log-*") if withLogs else ():
            shutil.copy(path, directory)


def bigLog(where: Path, megabytes: int) -> None:
    """Make an old master with one build, one of whose logs is so large."""
    shutil.copytree(_SAMPLE, where / "b0")
    line = b"a line of output, of eighty characters with its end, as it is usual here .....\n"
    stream = bz2.compress(encode(0, line * 100) * 128)  # a megabyte, packed once
    with open(where / "b0" / "0-log-tell_it-long.bz2", "wb") as packed:
        for _ in range(megabytes):
            packed.write(stream)


def main() -> None:
    """Make an old master, import it, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--builds", type=int, default=10_000)
    parser.add_argument("--logs", action="store_true")
    parser.add_argument("--log", type=int)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        old, new = Path(top, "old"), Path(top, "new")
        old.mkdir()
        if given.log:
            bigLog(old, given.log)
        else:
            manyBuilds(old, given.builds, given.logs)
        buildbot = [sys.executable, "-m", "buildbot"]
        subprocess.run([*buildbot, "create-master", "--quiet", str(new)], check=True)
        begun = time.monotonic()
        done = subprocess.run([*buildbot, "import", str(old), str(new)], capture_output=True, text=True)
        seconds = time.monotonic() - begun
        print(done.stdout.splitlines()[0] if done.stdout else "", f"\nstatus {done.returncode}")
        print(*done.stderr.splitlines()[-2:], sep="\n")
        count = 2 if given.log else given.builds
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
        print(f"{seconds:.1f} s, {count / seconds:.0f} builds a second, at most {memory} MiB of memory")


if __name__ == "__main__":
    main()

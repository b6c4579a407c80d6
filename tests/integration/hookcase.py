"""A repository with a hook, and a fake C{sendchange} that records the changes that it gets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial import unittest

import buildbot

#: Takes the first TAKES changes (by default all), refuses those of a file "poison", and then is silent.
SENDCHANGE = """#!{python}
import json, os, sys, time
changes = sys.stdin.read().splitlines()
with open({told!r}, "a") as stream:
    stream.write(json.dumps(sys.argv[1:]) + "\\n")
    for number, line in enumerate(changes, 1):
        if number > int(os.environ.get("TAKES", "1000")):
            time.sleep(float(os.environ.get("MUTE", "0")))
            sys.stderr.write("h:1 is mute\\n")
            sys.exit(1)
        good = "poison" not in json.loads(line)["files"]
        stream.write(line + "\\n" if good else "")
        stream.flush()
        print(json.dumps({{"change": number, "sent": good, "why": None if good else "no good"}}), flush=True)
"""


class HookCase(unittest.TestCase):
    """A directory for repositories, and commands that run in it.

    @ivar programs: the programs that the test needs.
    @ivar command: the command that installs the hook.
    @ivar repository: the repository with the hook, and C{spool}: its directory of unsent changes.
    """

    programs: tuple[str, ...] = ()
    command = ""
    repository = "origin"
    spool = "origin/buildbot-spool"

    def setUp(self) -> None:
        for program in self.programs:
            if shutil.which(program) is None:
                raise unittest.SkipTest(f"there is no {program}")
        self.here = Path(self.mktemp()).resolve()
        self.here.mkdir()
        self.told = self.here / "told"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.here),
            "BUILDBOT": str(self.here / "buildbot"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(buildbot.__file__).parent.parent),
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        }
        self.script(self.here / "buildbot", SENDCHANGE.format(python=sys.executable, told=str(self.told)))

    def script(self, path: Path, text: str) -> None:
        """Write a program."""
        path.write_text(text)
        path.chmod(0o700)

    def hook(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command of the hook for the repository."""
        return subprocess.run(
            [sys.executable, "-m", "buildbot", self.command, *words, str(self.here / self.repository)],
            env={**self.environ, **more},
            capture_output=True,
            text=True,
        )

    def install(self, *options: str, master: str = "h:1", auth: str = "/auth", **more: str) -> None:
        """Install the hook."""
        done = self.hook("--install", f"--master={master}", f"--auth-file={auth}", *options, **more)
        self.assertEqual(done.returncode, 0, done.stderr)

    def deliver(self, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the delivery of stored changes, like cron."""
        return self.hook("--deliver", "--master=h:1", "--auth-file=/auth", **more)

    def run_(self, *command: str, where: Path, **more: str) -> str:
        """The output of a program, with errors."""
        done = subprocess.run(
            command,
            cwd=where,
            env={**self.environ, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
        )
        return done.stdout.decode()

    def changes(self) -> list[dict[str, Any]]:
        """The changes that the master has taken since the last call."""
        lines = self.told.read_text().splitlines() if self.told.exists() else []
        self.told.unlink(missing_ok=True)
        said = list(map(json.loads, lines))
        self.calls = [each for each in said if isinstance(each, list)]
        for words in self.calls:
            expected = ["sendchange", "--master", "h:1", "--auth-file", "/auth", "--changes", "-", "--json"]
            self.assertEqual(words[:8], expected)
            self.assertEqual(words[8:10], ["--quiet", "--timeout"])
        return [each for each in said if isinstance(each, dict)]

    def spooled(self) -> list[str]:
        """The names of the stored changes."""
        return sorted(path.name for path in self.here.glob(f"{self.spool}/*") if path.name.isdigit())

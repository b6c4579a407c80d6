"""C{buildbot backup} to a file, and C{buildbot restore}."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from buildbot.scripts import backup
from buildbot.scripts.backup import _Progress
from buildbot.store.backup import Made
from tests.commandline import command
from tests.unit.store.test_archive import ArchiveCase


class ArchiveCommandTests(ArchiveCase):
    """Both commands, again and again."""

    def test_both(self) -> None:
        """H10: each command says what it has done; both refuse to replace anything."""
        self.fill(2)
        made = command("backup", self.here, self.target)
        self.assertEqual((made.status, made.err), (0, ""))
        self.assertIn("2 builds, 2 changes, 4 requests, 0 logs, 2 other files", made.out)
        again = command("backup", self.here, self.target)
        self.assertEqual(again.status, 1)
        self.assertIn("--force", again.err)
        self.assertEqual(command("backup", "--force", self.here, self.target).status, 0)
        sound = command("restore", "--check", self.target)
        self.assertEqual((sound.status, sound.err), (0, ""))
        self.assertIn("is sound: 2 builds, 2 changes, 4 requests", sound.out)
        counts = made.out.partition(": ")[2].strip()
        self.assertIn(counts, sound.out)  # both commands count alike
        new = f"{self.here}-new"
        restored = command("restore", self.target, new)
        self.assertEqual((restored.status, restored.err), (0, ""))
        self.assertRegex(restored.out, r"(?s)^restored .*: 2 builds, .*the backup is of 20.* by release 1")
        again = command("restore", self.target, new)
        self.assertEqual(again.status, 1)
        self.assertIn("is not empty, and nothing is ever replaced", again.err)

    def test_words(self) -> None:
        """Wrong arguments are told, each in its own words."""
        self.assertEqual(command("restore", self.target).status, 2)
        self.assertEqual(command("restore", "--check", self.target, self.here).status, 2)
        self.assertEqual(command("restore").status, 2)
        self.assertIn("must end with .tar.gz", command("backup", self.here, f"{self.here}.zip").err)
        self.assertIn("must end with .tar.gz", command("backup", "--force", self.here, f"{self.here}-b").err)
        self.assertIn("No such file", command("restore", self.target, f"{self.here}-new").err)
        self.assertIn("`cp -a`", command("restore", self.here, f"{self.here}-new").err)
        os.mkfifo(self.target)
        self.assertIn("it is a FIFO", command("restore", "--check", self.target).err)

    def test_bad(self) -> None:
        """A damaged backup is refused, and nothing is restored."""
        Path(self.target).write_bytes(b"text")
        new = f"{self.here}-new"
        said = command("restore", self.target, new)
        self.assertEqual(said.status, 1)
        self.assertIn("nothing was restored", said.err)
        self.assertFalse(os.path.exists(new))

    def test_interrupted(self) -> None:
        """Ctrl-C says that nothing was left."""

        def stopping(*args: Any) -> Any:
            raise KeyboardInterrupt

        self.patch(backup, "archive", stopping)
        self.assertIn("nothing was left in", command("backup", self.here, self.target).err)

    def test_outside(self) -> None:
        """Links to other places are named: their targets are not in the backup."""
        os.symlink("/etc/hostname", os.path.join(self.here, "link"))
        command("backup", self.here, self.target)
        self.assertIn("link -> /etc/hostname", command("restore", "--check", self.target).err)

    def test_progress(self) -> None:
        """The line about the progress has the time left as soon as the size is known."""
        made = Made(size=50_000_000, expected=200_000_000)
        self.assertEqual(_Progress("copied", made, lambda: 0)(5.0), "copied 50 MB …")
        begun = Made(size=100, expected=200_000_000)
        self.assertEqual(_Progress("copied", begun, lambda: begun.expected)(5.0), "copied 0 MB …")
        self.assertEqual(
            _Progress("copied", made, lambda: made.expected)(5.0), "copied 50 MB of 200 MB, about 15 s left …"
        )

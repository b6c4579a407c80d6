"""The units for systemd that the docs show, as systemd-analyze sees them."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

from twisted.trial import unittest

from tests.contributed import ROOT

VERIFY = shutil.which("systemd-analyze")


def units() -> list[tuple[str, str]]:
    """Each unit of the docs: the name of its file, and its text."""
    block = r"\.\. code-block:: ini\n   :caption: (\S+\.service)\n\n((?:   .*\n|\n)+)"
    texts = [path.read_text() for path in sorted((ROOT / "docs").rglob("*.rst"))]
    return [(name, textwrap.dedent(unit)) for text in texts for name, unit in re.findall(block, text)]


class UnitsTests(unittest.TestCase):
    """Every unit, with a program and a user that are there."""

    if VERIFY is None:
        skip = "there is no systemd-analyze"

    def said(self, name: str, unit: str) -> list[str]:
        """Systemd's messages about a unit, as if its program and user existed."""
        file = Path(self.mktemp()) / name
        file.parent.mkdir()
        file.write_text(re.sub(r"=/opt/\S+", "=/bin/sh", re.sub(r"User=\S+", "User=root", unit)))
        done = subprocess.run(
            [str(VERIFY), "--no-pager", "verify", str(file.absolute())],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return [line for line in done.stdout.splitlines() if name in line]

    def test_verified(self) -> None:
        """systemd knows every line of every unit, and finds nothing wrong with any of them."""
        shown = units()
        self.assertEqual(len(shown), 4)
        name, unit = shown[0]
        if not self.said(name, unit.replace("Restart=", "Restert=")):
            raise unittest.SkipTest("systemd-analyze does not work here")
        for name, unit in shown:
            self.assertEqual(self.said(name, unit), [], unit)

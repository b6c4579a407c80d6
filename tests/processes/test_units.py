"""The units for systemd that the docs show, as systemd-analyze sees them."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

from twisted.trial import unittest

from tests.contributed import ROOT

FILES = ROOT / "docs" / "files"
VERIFY = shutil.which("systemd-analyze")


def units() -> list[tuple[str, str]]:
    """Each unit of the docs: the name of its file, and its text."""
    block = r"\.\. code-block:: ini\n   :caption: (\S+\.service)\n\n((?:   .*\n|\n)+)"
    texts = [path.read_text() for path in sorted((ROOT / "docs").rglob("*.rst"))]
    shown = [(name, textwrap.dedent(unit)) for text in texts for name, unit in re.findall(block, text)]
    return [(path.name, path.read_text()) for path in sorted(FILES.glob("*.service"))] + shown


class UnitsTests(unittest.TestCase):
    """Every unit, with a program and a user that are there."""

    if VERIFY is None:
        skip = "there is no systemd-analyze"

    def said(self, name: str, unit: str) -> list[str]:
        """Systemd's messages about a unit, as if its program and user existed."""
        file = Path(self.mktemp()) / name
        file.parent.mkdir()
        file.write_text(re.sub(r"=/opt/\S+", "=/bin/sh", re.sub(r"(User|Group)=\S+", r"\1=root", unit)))
        done = subprocess.run(
            [str(VERIFY), "--no-pager", "verify", str(file.absolute())],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
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

    def test_exposure(self) -> None:
        """Our own units are well restricted: systemd rates the exposure of each below 3 of 10."""
        for name in ("buildmaster", "buildslave"):
            said = subprocess.run(
                [str(VERIFY), "--no-pager", "security", "--offline=true", str(FILES / f"{name}.service")],
                capture_output=True,
                text=True,
                timeout=300,
            ).stdout
            rated = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
            if rated is None:
                raise unittest.SkipTest("systemd-analyze cannot rate a file here")
            self.assertLess(float(rated[1]), 3, name)


class PiecesTests(unittest.TestCase):
    """The users and directories of the units."""

    def test_users(self) -> None:
        """systemd-sysusers makes the users of both units, and systemd-tmpfiles their directories."""
        sysusers, tmpfiles = map(shutil.which, ("systemd-sysusers", "systemd-tmpfiles"))
        if sysusers is None or tmpfiles is None:
            raise unittest.SkipTest("there is no systemd-sysusers or systemd-tmpfiles")
        root = Path(self.mktemp()).absolute()
        (root / "etc").mkdir(parents=True)
        for command in (
            [sysusers, f"--root={root}", str(FILES / "buildmaster.sysusers.conf")],
            [tmpfiles, f"--root={root}", "--create", str(FILES / "buildmaster.tmpfiles.conf")],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stderr)
        lines = (root / "etc/passwd").read_text().splitlines()
        homes = {line.split(":")[0]: line.split(":")[5] for line in lines}
        for name in ("buildmaster", "buildslave"):
            unit = (FILES / f"{name}.service").read_text()
            self.assertIn(f"\nUser={name}\n", unit)
            self.assertIn(f"{homes[name]}\n", unit)
            self.assertEqual((root / f"var/lib/{name}").stat().st_mode & 0o777, 0o700)

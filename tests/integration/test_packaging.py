# -*- test-case-name: tests.integration.test_packaging -*-
"""The distribution, built as a packager builds it: first the source distribution, and the wheel from that.

The other modules test the installed command.
"""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from email import message_from_string

from twisted.trial.unittest import TestCase

from tests.integration.processes import ROOT, Child, environment

#: The files of a checkout that a packager needs.
SOURCES = ("LICENSE", "README", "buildbot", "master.cfg.sample", "pyproject.toml", "setup.py")


class Distribution(TestCase):
    """One build of the distribution."""

    timeout = 3000

    async def test_wheelFromSourceDistribution(self) -> None:
        """The wheel has every module, the sample and C{py.typed}, installs the command C{buildbot}, requires
        only Twisted and zope.interface, and works where it is unpacked.
        """
        directory = os.path.abspath(self.mktemp())
        source, built, unpacked = (os.path.join(directory, name) for name in ("source", "built", "unpacked"))
        os.makedirs(source)
        for name in SOURCES:
            path = os.path.join(ROOT, name)
            if os.path.isdir(path):
                shutil.copytree(
                    path, os.path.join(source, name), ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(path, source)
        # the user's settings of the package index: pip of the build's environment needs them
        await self.run_(dict(os.environ), source, "-m", "build", "--outdir", built, source)
        (wheel,) = [name for name in os.listdir(built) if name.endswith(".whl")]
        self.assertTrue(wheel.startswith("buildbot_classic-"), wheel)
        with zipfile.ZipFile(os.path.join(built, wheel)) as archive:
            archive.extractall(unpacked)

        modules = {
            os.path.relpath(os.path.join(where, name), ROOT)
            for where, _, names in os.walk(os.path.join(ROOT, "buildbot"))
            for name in names
            if name.endswith((".py", ".css", ".js", ".svg"))
        }
        installed = {
            os.path.relpath(os.path.join(where, name), unpacked)
            for where, _, names in os.walk(unpacked)
            for name in names
            if ".dist-info" not in where
        }
        more = {os.path.join("buildbot", *end) for end in (("scripts", "master.cfg.sample"), ("py.typed",))}
        (page,) = [each for each in installed if each.endswith("share/man/man1/buildbot.1")]
        self.assertEqual(installed - modules - {page}, more)
        self.assertEqual(modules - installed, set())
        with open(os.path.join(ROOT, "master.cfg.sample"), "rb") as kept:
            with open(os.path.join(unpacked, "buildbot", "scripts", "master.cfg.sample"), "rb") as copied:
                self.assertEqual(kept.read(), copied.read())

        (information,) = [name for name in os.listdir(unpacked) if name.endswith(".dist-info")]
        with open(os.path.join(unpacked, information, "METADATA"), encoding="utf-8") as stream:
            metadata = message_from_string(stream.read())
        needed = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
        self.assertEqual(sorted(line.split(">")[0] for line in needed), ["twisted", "zope.interface"])
        with open(os.path.join(unpacked, information, "entry_points.txt"), encoding="utf-8") as stream:
            self.assertIn("buildbot = buildbot.__main__:run", stream.read())

        home = os.path.join(directory, "home")
        os.makedirs(home)
        isolated = environment(home, PYTHONPATH=unpacked)
        said = await self.run_(isolated, home, "-m", "buildbot", "--version")
        self.assertIn(metadata["Version"], said)
        await self.run_(isolated, home, "-m", "buildbot", "create-master", "master")
        self.assertTrue(os.path.exists(os.path.join(home, "master", "master.cfg.sample")))

    async def run_(self, env: dict[str, str], cwd: str, *arguments: str) -> str:
        """Run Python; return its output. Its exit status must be 0."""
        child = Child(self, [sys.executable, *arguments], cwd, env, cwd + "-output")
        status = await child.whenEnded(1500)
        self.assertEqual(status, 0, child.stdout() + child.stderr())
        return child.stdout() + child.stderr()

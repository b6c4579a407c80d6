"""The examples of docs/contributing, followed in a copy of the sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial import unittest

from tests import contributed
from tests.examples import THOROUGH

#: The files and folders of a clone.
SOURCES = ("buildbot", "tests", "docs", ".ci")
FILES = ("setup.py", "pyproject.toml", "README", "LICENSE", "master.cfg.sample")
#: The tests that an example must not break, run in a thorough run. They fail if a part of it is missing.
WHOLE = ("tests.unit.test_docs", "tests.unit.test_layers", "tests.unit.config.test_arguments")
#: Old Twisteds cannot be run as -m twisted.trial everywhere.
TRIAL = "from twisted.scripts.trial import run; run()"


class ExamplesTests(unittest.TestCase):
    """The examples of the pages, typed into a copy of the sources."""

    def test_followed(self) -> None:
        """With all that the pages show, their tests pass; in a thorough run, those of docs and layers."""
        copy = Path(self.mktemp()).absolute()
        for name in SOURCES:
            # With their times, so that the compiled modules in the copy are valid, too.
            shutil.copytree(contributed.ROOT / name, copy / name, ignore=shutil.ignore_patterns("_build"))
        for name in FILES:
            shutil.copy(contributed.ROOT / name, copy)
        shown = []
        for page in contributed.examples().values():
            for piece in contributed.pieces(page):
                piece.apply(copy)
            shown += contributed.trials(page)[0]
        self.assertEqual(len(shown), 3)
        if THOROUGH:
            subprocess.run(
                [sys.executable, "-m", "tests.manpage"],  # which new-command shows
                cwd=copy,
                env={**os.environ, "PYTHONPATH": str(copy)},
                check=True,
            )
        unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        done = subprocess.run(
            [sys.executable, "-c", TRIAL, *shown, *(WHOLE if THOROUGH else ())],
            cwd=copy,
            env={**unmeasured, "PYTHONPATH": str(copy)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        self.assertEqual(done.returncode, 0, done.stdout)

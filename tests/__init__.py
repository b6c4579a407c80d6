"""Tests of the build master; run them with trial."""

from __future__ import annotations

import os
import sys

from tests.environ import asStarted

asStarted(os.environ)

# Without compiled modules, each of the hundreds of processes compiles the whole master again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

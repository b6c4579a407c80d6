"""Tests of the build master; run them with trial."""

from __future__ import annotations

import gc
import os
import sys

from tests.environ import asStarted

asStarted(os.environ)

# A search for garbage looks at all modules of all tests: rare ones save a seventh of the time.
gc.set_threshold(50_000, 20, 20)

# Without compiled modules, each of the hundreds of processes compiles the whole master again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

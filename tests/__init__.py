"""Tests of the build master; run them with trial."""

from __future__ import annotations

import gc
import os
import sys

from twisted.trial import _synctest, util

from tests.environ import asStarted, hearInterrupts

asStarted(os.environ)
hearInterrupts()

# The two minutes that trial gives to a test are not enough on a busy machine.
util.DEFAULT_TIMEOUT_DURATION = 600.0

# A search for garbage looks at all modules of all tests: rare ones save a seventh of the time.
gc.set_threshold(50_000, 20, 20)

# Without compiled modules, each of the hundreds of processes compiles the whole master again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Before each test, trial has each of 2,000 modules forget which warnings it has shown, which takes an eighth
# of the time. Python itself forgets them when a filter changes, and trial changes one for each test.
if hasattr(_synctest, "_setWarningRegistryToNone"):
    _synctest._setWarningRegistryToNone = lambda modules: None

# Hypothesis makes tables of all characters, and reads the whole source for constants. That takes seconds in
# each process of C{trial -j}, unless all keep what they made in one place.
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(os.path.dirname(__path__[0]), ".hypothesis")
)

"""Tests of what happens when nobody uses an object any more."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase


def setOthersAside(test: SynchronousTestCase) -> None:
    """Until the test ends, C{gc.collect} looks only at objects made from now on.

    The process of all tests has millions of others, and looking at them takes most of a second.
    """
    gc.freeze()
    test.addCleanup(gc.unfreeze)

# -*- test-case-name: tests.unit.daemon.test_garbage -*-
"""Settings of Python's garbage collector: search rarely, and skip permanent objects.

Python's own settings are for small programs. A full search with 2,000 attached slaves takes 0.25 s and frees
nothing.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: The number of new objects that starts a search (Python's default is 700).
NEW_OBJECTS = 10_000
#: The same for a process that only lives for a moment: most of them end before the first search.
NEW_OBJECTS_OF_BRIEF = 100_000


def collectRarely(after: int = NEW_OBJECTS) -> None:
    """Start a search only when there are so many new objects."""
    gc.set_threshold(after, *gc.get_threshold()[1:])


@contextmanager
def allKept() -> Iterator[None]:
    """A context for creating permanent objects, such as modules.

    Within the block there are no searches. Later searches skip all objects that exist at its end.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()

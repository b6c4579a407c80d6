"""How many random examples the fast tests try."""

from __future__ import annotations

import os


def examples(most: int) -> int:
    """C{most}; C{BUILDBOT_TEST_SEQUENCES} in the environment sets another number, for a thorough run."""
    return int(os.environ.get("BUILDBOT_TEST_SEQUENCES") or most)

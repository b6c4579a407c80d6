# -*- test-case-name: tests.unit.schedulers.test_built -*-
"""The revision that a slave found: it is safe to send to another slave, or it is not used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: One word that no program takes for an option. Of the unprintable characters, only controls are refused.
_REVISION = re.compile(r"(?!-)[^\s\x00-\x1f\x7f]{1,256}")


def gotRevision(properties: Mapping[str, Any]) -> str:
    """The revision in the property C{got_revision}; empty if there is none, or it is not safe to send."""
    found = properties.get("got_revision")
    if isinstance(found, int):
        found = str(found)
    return found if isinstance(found, str) and _REVISION.fullmatch(found) else ""

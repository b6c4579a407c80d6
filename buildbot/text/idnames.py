# -*- test-case-name: tests.unit.text.test_idnames -*-
"""Names of builders and slaves as a part of the ids of messages, where only a few characters are allowed."""

from __future__ import annotations

import re
from hashlib import sha256


def inId(name: str, most: int = 20) -> str:
    """A name for an id: letters, digits and hyphens.

    A name that is longer, or has other characters, ends with a checksum. So different names stay different.
    """
    slug = re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-")
    if slug == name and 0 < len(name) <= most:
        return name
    return f"{slug[:most] or 'x'}-{sha256(name.encode('utf-8', 'replace')).hexdigest()[:10]}"

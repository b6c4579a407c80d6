# -*- test-case-name: tests.unit.daemon.test_readiness -*-
"""The result of a start, which the child sends to its parent through the start-up pipe.

This module does not import Twisted, so that waiting for a child is cheap.
"""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """The result of a start: True and lines about the open services, or False and lines about the errors."""

    ready: bool
    lines: tuple[str, ...]

    def toBytes(self) -> bytes:
        """Encode me as one line of JSON."""
        return json.dumps({"ready" if self.ready else "failed": self.lines}).encode("ascii") + b"\n"

    @classmethod
    def fromBytes(cls, line: bytes) -> Outcome | None:
        """Decode the bytes from L{toBytes}. None for others: the process ended before it sent a result."""
        try:
            ((word, lines),) = json.loads(line).items()
            return cls({"ready": True, "failed": False}[word], tuple(map(str, lines)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

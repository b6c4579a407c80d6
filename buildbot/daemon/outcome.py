# -*- test-case-name: tests.unit.daemon.test_readiness -*-
"""How a start went, as the child tells its parent through the start-up pipe.

It needs no Twisted, so that waiting for a child costs nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """Whether all is ready, and lines for the user: what works, or what is wrong and what to do."""

    ready: bool
    lines: tuple[str, ...]

    def toBytes(self) -> bytes:
        """One line of JSON."""
        return json.dumps({"ready" if self.ready else "failed": self.lines}).encode("ascii") + b"\n"

    @classmethod
    def fromBytes(cls, line: bytes) -> Outcome | None:
        """What L{toBytes} made, or None for anything else: the process ended before it had told."""
        try:
            ((word, lines),) = json.loads(line).items()
            return cls({"ready": True, "failed": False}[word], tuple(map(str, lines)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

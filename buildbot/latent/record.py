# -*- test-case-name: tests.unit.latent.test_record -*-
"""The note about an instance in the store: it exists from before the start until after the stop."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

#: The keys of the notes are this and the name of the slave.
KIND = "instance"
STARTING, STARTED, STOPPING = "starting", "started", "stopping"


@dataclass(frozen=True)
class InstanceRecord:
    """I am the note about one instance.

    @ivar slave: the name of the slave.
    @ivar phase: L{STARTING}, L{STARTED} or L{STOPPING}.
    @ivar began: when the start began, in seconds since the epoch.
    @ivar sure: when the start has surely ended, also if the master was killed during it.
    @ivar password: the password made for this instance; "" if the configuration has it.
    @ivar given: what the start has returned, as JSON values; None before that.
    @ivar means: how to stop it, as JSON values; None if only the configuration knows.
    """

    slave: str
    phase: str
    began: float
    sure: float
    password: str = field(default="", repr=False)
    given: Any = None
    means: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """The key in the store."""
        return f"{KIND}/{self.slave}"

    def toRecord(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return asdict(self)

    @classmethod
    def fromRecord(cls, kept: Any) -> InstanceRecord:
        """The note of a dict of L{toRecord}. Raises an exception if it is none."""
        record = cls(**kept)
        if record.phase not in (STARTING, STARTED, STOPPING) or not isinstance(record.slave, str):
            raise ValueError(record)
        float(record.began), float(record.sure)
        if not isinstance(record.password, str) or not isinstance(record.means, (dict, type(None))):
            raise ValueError(record)
        return record


def plain(value: object) -> Any:
    """A value as JSON values. Other objects become their texts."""
    try:
        return json.loads(json.dumps(value, default=str))
    except (ValueError, TypeError, RecursionError):
        return str(value)

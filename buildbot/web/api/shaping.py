# -*- test-case-name: tests.unit.web.api.test_shaping -*-
"""The shape that a client asks for: some fields only, and times as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

#: The keys whose values are times, in seconds since the epoch.
TIMES = frozenset(
    ("started", "finished", "since", "submitted", "when", "came", "lastLook", "complete", "due")
)
#: The last second of the year 9999.
_LAST = 253402300799.0


class UnknownField(ValueError):
    """A client asks for an unknown field; my text lists the known fields."""


def iso(value: float) -> str:
    """Seconds since the epoch as RFC 3339, in UTC, with milliseconds."""
    moment = datetime.fromtimestamp(min(max(value, 0.0), _LAST), timezone.utc)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def withIsoTimes(value: Any) -> Any:
    """A JSON value with all its times as text."""
    if isinstance(value, Mapping):
        return {
            key: iso(each) if key in TIMES and _isNumber(each) else withIsoTimes(each)
            for key, each in value.items()
        }
    return [withIsoTimes(each) for each in value] if isinstance(value, (list, tuple)) else value


def fieldsOf(texts: Sequence[str]) -> tuple[str, ...]:
    """The names in C{fields=a,b}, which may be given several times."""
    return tuple(name for text in texts for name in text.split(",") if name)


def chosenFields(value: Mapping[str, Any], fields: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    """An object with some of its fields; with all if none is named.

    @param known: the fields that such an object can have.
    @raise UnknownField: one is not among them.
    """
    wrong = next((each for each in fields if each not in known), None)
    if wrong is not None:
        raise UnknownField(f"there is no field {wrong[:60]!r}: the fields are {', '.join(known)}")
    return {key: each for key, each in value.items() if not fields or key in fields}


def _isNumber(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

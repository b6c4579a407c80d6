# -*- test-case-name: tests.unit.web.hooks.test_changehook -*-
"""Read a body: JSON, or a form, and the fields in it, with errors that name the field.

The body is of a stranger: each value may be missing or of any type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from buildbot.config.messages import articled
from buildbot.web.hooks.delivery import BadDelivery, Received

#: The media type of a form. A body without any type is JSON.
FORM = "application/x-www-form-urlencoded"
#: The most fields of a form.
MOST_FIELDS = 1000


class Part:
    """I am an object of a body. My methods return a field, or raise L{BadDelivery} with its full name.

    A field that is null counts as missing.
    """

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self.values = values
        self._path = path

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def _full(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _wrong(self, name: str, expected: str, value: object) -> BadDelivery:
        if value is None:
            return BadDelivery(f"the body has no {self._full(name)}")
        return BadDelivery(f"{self._full(name)} must be {expected}, not {articled(value)}")

    def text(self, name: str, default: str | None = None) -> str:
        """A text. Without C{default}, it must be there."""
        value = self.values.get(name)
        value = default if value is None else value
        if not isinstance(value, str):
            raise self._wrong(name, "text", value)
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number. Without C{default}, it must be there."""
        value = self.values.get(name)
        value = default if value is None else value
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 53:
            raise self._wrong(name, "a whole number", value)
        return value

    def part(self, name: str) -> Part:
        """An object."""
        value = self.values.get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        return Part(value, self._full(name))

    def maybe(self, name: str) -> Part:
        """An object; an empty one if it is missing."""
        return self.part(name) if name in self else Part({}, self._full(name))

    def parts(self, name: str) -> list[Part]:
        """A list of objects; empty if it is missing."""
        found = []
        for index, each in enumerate(self._list(name)):
            if not isinstance(each, dict):
                raise self._wrong(f"{name}[{index}]", "an object", each)
            found.append(Part(each, self._full(f"{name}[{index}]")))
        return found

    def texts(self, name: str) -> list[str]:
        """A list of texts; empty if it is missing."""
        values = self._list(name)
        for index, each in enumerate(values):
            if not isinstance(each, str):
                raise self._wrong(f"{name}[{index}]", "text", each)
        return values

    def _list(self, name: str) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(name, "a list", value)
        return value

    def when(self, name: str) -> float | None:
        """A time (RFC 3339) as seconds since the epoch; None if it is missing or unreadable."""
        return secondsOf(self.text(name, ""))


def secondsOf(text: str) -> float | None:
    """Convert a time in the format of RFC 3339 to seconds since the epoch; None if the text is no time."""
    try:
        when = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)
        seconds = when.timestamp() if when.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None
    return seconds if seconds is not None and seconds >= 0 else None


def bodyOf(received: Received) -> Part:
    """The object in the body: JSON, or JSON in the field C{payload} of a form.

    @raise BadDelivery: the body has no object.
    """
    if _isForm(received):
        payload = formOf(received.body).get("payload")
        if payload is None:
            raise BadDelivery("the form in the body has no field 'payload'")
        return Part(_object(payload))
    return Part(_object(_decoded(received.body)))


def fieldsOf(received: Received) -> tuple[Mapping[str, Any], bool]:
    """The fields of a body.

    @return: the fields, and True if they are of a form: then all values are texts.
    @raise BadDelivery: the body cannot be read.
    """
    if received.method == "GET":
        return {name: values[0] for name, values in received.query.items() if values}, True
    if _isForm(received):
        return formOf(received.body), True
    return _object(_decoded(received.body)), False


def formOf(body: bytes) -> dict[str, str]:
    """The fields of a form, each with its first value.

    @raise BadDelivery: the body is no form.
    """
    try:
        fields = parse_qs(_decoded(body), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadDelivery(f"the form in the body has more than {MOST_FIELDS} fields") from None
    return {name: values[0] for name, values in fields.items()}


def jsonOf(text: str, what: str = "the body") -> Any:
    """The value of a JSON text.

    @raise BadDelivery: it is no JSON.
    """
    try:
        # The function is called for each object: so other threads run meanwhile.
        return json.loads(text, object_hook=_same, parse_constant=_refuse)
    except RecursionError:
        raise BadDelivery(f"{what} is nested too deep") from None
    except ValueError as error:
        raise BadDelivery(f"{what} is not JSON: {error}") from None


def _same(value: dict[str, Any]) -> dict[str, Any]:
    return value


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _object(text: str) -> Mapping[str, Any]:
    value = jsonOf(text)
    if not isinstance(value, dict):
        raise BadDelivery(f"the body must be a JSON object, not {articled(value)}")
    return value


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadDelivery(f"the body is not UTF-8: wrong byte at {error.start}") from None


def _isForm(received: Received) -> bool:
    return received.header("content-type").partition(";")[0].strip().lower() == FORM

# -*- test-case-name: tests.unit.daemon.test_jsonlines -*-
"""An event of the log as one line of JSON, for programs that collect the logs of many machines."""

from __future__ import annotations

import json
import math
import time
from datetime import datetime, timezone

from twisted.logger import LogEvent, formatEvent
from twisted.python.failure import Failure

from buildbot.text.printable import plain
from buildbot.text.urls import withoutPasswords

#: The most characters of one value in C{fields}; the message has the whole value.
_LONGEST = 1000


def jsonLine(event: LogEvent) -> str:
    """The line of an event, with its end.

    C{time} is in UTC, in ISO 8601. C{level}, C{logger} (the module) and C{message} are texts. C{fields} has
    the values in the message that are texts or numbers, by name. C{traceback} is there for failures.
    """
    when = datetime.fromtimestamp(event.get("log_time") or time.time(), timezone.utc)
    level = event.get("log_level")
    told: dict[str, object] = {
        "time": when.isoformat(timespec="microseconds"),
        "level": "info" if level is None else level.name,
        "logger": str(event.get("log_namespace") or "-"),
        "message": _clean(formatEvent(event)),
    }
    fields = {name: _value(each) for name, each in event.items() if _isField(name, each)}
    if fields:
        told["fields"] = fields
    failure = event.get("log_failure")
    if isinstance(failure, Failure):
        told["message"] = told["message"] or _clean(failure.getErrorMessage())
        told["traceback"] = _clean(_traceback(failure))
    return json.dumps(told) + "\n"


def _isField(name: str, value: object) -> bool:
    """True for a value in the message. Twisted's own values have other names."""
    isOurs = not name.startswith("log_") and name not in ("isError", "system", "time", "message", "format")
    return isOurs and (isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)))


def _value(value: object) -> object:
    return _clean(value[:_LONGEST]) if isinstance(value, str) else value


def _clean(text: str) -> str:
    """The text without passwords of URLs. Unprintable characters are escaped, except for ends of lines."""
    return plain(withoutPasswords(text))


def _traceback(failure: Failure) -> str:
    try:
        return failure.getTraceback()
    except Exception as error:  # the repr of a value may fail
        return f"the traceback cannot be shown: {type(error).__name__}"

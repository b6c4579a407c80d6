# -*- test-case-name: tests.unit.mails.test_arguments -*-
"""The kinds of the arguments of mail notifiers, besides the general ones of L{buildbot.config.kinds}."""

from __future__ import annotations

from collections.abc import Mapping

from buildbot.config.arguments import Kind
from buildbot.config.kinds import isText, isWhole, sequenceOf
from buildbot.config.messages import nearest, shown
from buildbot.mails.addresses import addressOf
from buildbot.mails.deciding import MODES
from buildbot.mails.letter import isHeaderName

#: The names in a subject that have values. An unknown name is an error of the configuration.
SUBJECT_KEYS = ("result", "builder", "projectName", "title", "number", "branch", "slave", "reason")


def _isMode(value: object) -> bool:
    if isinstance(value, str):
        return value == "all" or value in MODES
    isList = isinstance(value, (list, tuple, set, frozenset))
    return isList and bool(value) and all(each == "all" or each in MODES for each in value)  # type: ignore[attr-defined]


def _modeDetail(value: object) -> str | None:
    for each in [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []:
        if each not in MODES:
            return f"{shown(each)} is none of them{nearest(each, MODES) if isinstance(each, str) else ''}"
    return None


def _addressDetail(value: object) -> str | None:
    for each in [value] if isinstance(value, str) else value if isinstance(value, (list, tuple)) else []:
        if addressOf(each) is None:
            return f"{shown(each)} is not a mail address"
    return None


def _areAddresses(value: object) -> bool:
    return addressOf(value) is not None or sequenceOf(lambda each: addressOf(each) is not None)(value)


def _subjectDetail(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        value % dict.fromkeys(SUBJECT_KEYS, "")
    except KeyError as key:
        return f"it has %({key.args[0]})s, which is none of {', '.join(SUBJECT_KEYS)}"
    except (TypeError, ValueError) as error:
        return f"it cannot be filled in: {error}"
    return None


def _headersDetail(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    return next(
        (f"{shown(name)} is not a name of a header" for name in value if not isHeaderName(name)), None
    )


def _isLookup(value: object) -> bool:
    return (isText(value) and value != "") or callable(getattr(value, "getAddress", None))


ADDRESS = Kind(
    "a mail address (text)",
    lambda value: addressOf(value) is not None,
    _addressDetail,
    standIn="buildbot@localhost",
)
ADDRESSES = Kind("a list of mail addresses", _areAddresses, _addressDetail, standIn=())
MODE = Kind(f"'all', or one or several of {', '.join(map(repr, MODES))}", _isMode, _modeDetail, standIn="all")
ADD_LOGS = Kind(
    "True or False, or a list of names of logs",
    lambda value: isinstance(value, (bool, int)) or sequenceOf(isText)(value),
    standIn=False,
)
SUBJECT = Kind("text", lambda value: isText(value) and _subjectDetail(value) is None, _subjectDetail)
LOOKUP = Kind("a domain (text), or an object with getAddress(user)", _isLookup)
FORMATTER = Kind("a function", callable)
HEADERS = Kind(
    "a dict of headers, each with text",
    lambda value: isinstance(value, Mapping) and _headersDetail(value) is None,
    _headersDetail,
)
UNSUBSCRIBE = Kind(
    "a mail address, or an address that begins with https://",
    lambda value: (
        addressOf(value) is not None
        or (isText(value) and value.startswith("https://") and value.split() == [value] and ">" not in value)
    ),
)
PORT = Kind("a port from 1 to 65535", lambda value: isWhole(value) and 0 < value < 65536, standIn=25)

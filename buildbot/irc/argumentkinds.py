# -*- test-case-name: tests.unit.irc.test_arguments -*-
"""The kinds of the arguments of the IRC bot, besides the general ones of L{buildbot.config.kinds}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from buildbot.config.arguments import Kind
from buildbot.config.kinds import hostKind, isWhole, oneOf, sequenceOf
from buildbot.config.messages import shown
from buildbot.irc.identity import EXTERNAL, PLAIN
from buildbot.irc.notices import isEvent
from buildbot.irc.people import isRule

_CHANNEL = re.compile(r"[^\s,:\x00-\x20\x07][^\s,\x00-\x20\x07]{0,100}")
_NICK = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,50}")
_LINE = re.compile(r"[^\r\n\0]+")


def channelOf(value: Any) -> tuple[str, str | None] | None:
    """A channel and its key, from C{"#name"}, C{("#name", "key")} or C{{"channel": …, "password": …}}.

    @return: None if the value is none of them.
    """
    if isinstance(value, Mapping):
        name, key = value.get("channel"), value.get("password")
        if not set(value) <= {"channel", "password"}:
            return None
    elif isinstance(value, (tuple, list)) and len(value) in (1, 2):
        name, key = value[0], value[1] if len(value) == 2 else None
    else:
        name, key = value, None
    if not isinstance(name, str) or not _CHANNEL.fullmatch(name):
        return None
    if key is not None and (not isinstance(key, str) or not _CHANNEL.fullmatch(key)):
        return None
    return name if name[0] in "#&+!" else f"#{name}", key


def _isNick(value: object) -> bool:
    return isinstance(value, str) and _NICK.fullmatch(value) is not None


def _isLine(value: object) -> bool:
    return isinstance(value, str) and _LINE.fullmatch(value) is not None


def _areEvents(value: object) -> bool:
    return isinstance(value, (list, tuple, set, frozenset, Mapping)) and all(map(isEvent, value))


def _eventsDetail(value: object) -> str | None:
    if not isinstance(value, (list, tuple, set, frozenset, Mapping)):
        return None
    return next((f"{shown(each)} is no event" for each in value if not isEvent(each)), None)


def _areRules(value: object) -> bool:
    return value is None or value in (0, 1) or sequenceOf(isRule)(value)


def _rulesDetail(value: object) -> str | None:
    if not isinstance(value, (list, tuple)):
        return None
    return next((f"{shown(each)} is no such rule" for each in value if not isRule(each)), None)


HOST = hostKind("port")
NICK = Kind("a nick of IRC (text)", _isNick, standIn="buildbot")
NICKS = Kind("a list of nicks", sequenceOf(_isNick), standIn=())
#: Errors do not show the value: it may have keys.
CHANNELS = Kind(
    "a list of channels, each '#name', ('#name', 'key') or {'channel': '#name', 'password': 'key'}",
    sequenceOf(lambda each: channelOf(each) is not None),
    isSecret=True,
    standIn=(),
)
EVENTS = Kind(
    "a list of events: started, finished, success, warnings, failure, exception, skipped, retry, cancelled,"
    " or two results as in successToFailure",
    _areEvents,
    _eventsDetail,
    standIn=(),
)
RULES = Kind(
    "True, False, or a list of rules, each 'nick!user@host' (with * and ?) or 'account:name'",
    _areRules,
    _rulesDetail,
    standIn=False,
)
SECRET = Kind("one line of text, and not empty", _isLine, isSecret=True, standIn="x")
LINE = Kind("one line of text, and not empty", _isLine)
PORT = Kind("a port from 1 to 65535", lambda value: isWhole(value) and 0 < value < 65536, standIn=6667)
SASL = oneOf(PLAIN, EXTERNAL, None)

# -*- test-case-name: tests.unit.web.test_service -*-
"""The kinds of the arguments of a web server, besides the general ones of L{buildbot.config.kinds}."""

from __future__ import annotations

from buildbot.config.arguments import Kind
from buildbot.config.kinds import isWhole, orNone, sequenceOf
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.cors import isOrigin

PORT = Kind(
    "a port: a number, or a description such as 'tcp:8010:interface=127.0.0.1'; or None for no port",
    lambda value: value is None or isinstance(value, str) or (isWhole(value) and 0 <= value < 65536),
)
ANY = Kind("a value of 0.8", lambda value: True)
AUTHZ = orNone(Kind("an Authz", lambda value: isinstance(value, Authz)))
FEEDS = Kind(
    "a list of 'atom', 'rss' and 'json', or None for all",
    lambda value: (
        value is None or (isinstance(value, (list, tuple, set)) and set(value) <= {"atom", "rss", "json"})
    ),
)
ORIGINS = Kind(
    "a list of sites such as 'https://dash.example.org', each a scheme and a host without a path; or ['*']",
    sequenceOf(lambda each: isinstance(each, str) and isOrigin(each)),
    standIn=(),
)

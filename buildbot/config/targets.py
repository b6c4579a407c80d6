# -*- test-case-name: tests.unit.config.test_targets -*-
"""The rules for entries of c['status'] that post to one address, or are bots with one nick."""

from __future__ import annotations

from collections.abc import Iterator

from buildbot.config.arguments import isMisconfigured
from buildbot.config.messages import Raw, Report, entries
from buildbot.config.model import ConfigError
from buildbot.config.optional import HasNick, Posts
from buildbot.config.standins import isStandIn


def targetErrors(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield an error for each entry that posts to the address of an earlier one, with another secret."""
    known: dict[str, tuple[int, object]] = {}
    for index, entry in enumerate(entries(raw, "status")):
        if isinstance(entry, type) or isStandIn(entry) or isMisconfigured(entry):
            continue
        if not hasattr(entry, "postsTo") or not isinstance(entry, Posts):
            continue
        name, secret = entry.postsTo
        first, before = known.setdefault(name, (index, secret))
        if secret != before:
            told = f"entries {first + 1} and {index + 1} of c['status'] post to one URL"
            cure = "give both the same secret, or two URLs"
            yield report.item(raw, "status", index)(f"{told} with different secrets: {cure}")


def nickDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield a warning for each bot with the nick and the server of an earlier one: it gets another nick."""
    known: set[str] = set()
    for index, entry in enumerate(entries(raw, "status")):
        if isinstance(entry, type) or isStandIn(entry) or isMisconfigured(entry):
            continue
        name = entry.nickAt if hasattr(entry, "nickAt") and isinstance(entry, HasNick) else None
        if not isinstance(name, str):
            continue
        if name in known:
            cure = "name all channels in one entry, or give it another nick"
            yield report.item(raw, "status", index)(f"two entries of c['status'] are {name}: {cure}")
        known.add(name)

# -*- test-case-name: tests.unit.config.test_choices -*-
"""The rule for the builders that entries of c['status'] follow: they should exist."""

from __future__ import annotations

from collections.abc import Iterator

from buildbot.config.arguments import isMisconfigured
from buildbot.config.messages import Raw, Report, entries, nearest
from buildbot.config.model import ConfigError
from buildbot.config.standins import isStandIn


def choiceDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield a warning for each builder, category and tag that an entry follows and no builder has.

    These are warnings only: a later reconfig may add the builder.
    """
    builders = [each for each in entries(raw, "builders") if isinstance(each, dict)]
    names = {each.get("name") for each in builders}
    groups = {each.get("category") for each in builders}
    for each in builders:
        groups.update(_texts(each.get("tags")))
    for index, entry in enumerate(entries(raw, "status")):
        if isinstance(entry, type) or isStandIn(entry) or isMisconfigured(entry):
            continue
        say = report.item(raw, "status", index)
        for attribute, known, what in (
            ("builders", names, "there is no builder"),
            ("categories", groups, "no builder has the category or tag"),
        ):
            for wanted in _texts(vars(entry).get(attribute)) if hasattr(entry, "__dict__") else ():
                if wanted not in known:
                    hint = nearest(wanted, [name for name in known if isinstance(name, str)])
                    yield say(f"{type(entry).__name__}: {what} {wanted!r}{hint}")


def _texts(value: object) -> list[str]:
    several = value if isinstance(value, (list, tuple, set, frozenset)) else ()
    return [each for each in several if isinstance(each, str)]

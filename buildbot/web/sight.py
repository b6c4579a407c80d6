# -*- test-case-name: tests.unit.web.test_sight -*-
"""The builders that a visitor sees, as a value.

L{buildbot.web.accounts.guard} makes it from the rules for C{view}. L{buildbot.web.seen} applies it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

_OF_ONE = re.compile(r"(builder|build|log|slave)/([^/]+)(?:/.*)?", re.DOTALL)


@dataclass(frozen=True)
class Sight:
    """I name the builders that a visitor sees. A removed builder is in neither set, and is not seen.

    @ivar seen: the seen builders of the configuration.
    @ivar hidden: its other builders.
    @ivar hiddenSlaves: the slaves that serve hidden builders alone.
    """

    seen: frozenset[str]
    hidden: frozenset[str]
    hiddenSlaves: frozenset[str] = frozenset()

    def sees(self, builder: str) -> bool:
        """True if the visitor sees this builder."""
        return builder in self.seen

    def seesOne(self, builders: Collection[str]) -> bool:
        """True if the visitor sees one of these builders, or if the list is empty."""
        return not builders or any(map(self.sees, builders))

    def seesSlave(self, slave: str) -> bool:
        """True if the visitor sees this slave."""
        return slave not in self.hiddenSlaves

    def seesTopic(self, topic: str) -> bool:
        """False if a topic, or the subject of an action, is about a hidden builder, slave or scheduler."""
        match = _OF_ONE.fullmatch(topic)
        if match is None:
            return True
        name = unquote(match.group(2), errors="surrogateescape")
        return self.seesSlave(name) if match.group(1) == "slave" else self.sees(name)

    def hides(self, text: str) -> bool:
        """True if a text names a hidden builder or slave."""
        return self._names is not None and self._names.search(text) is not None

    @cached_property
    def _names(self) -> re.Pattern[str] | None:
        names = "|".join(map(re.escape, sorted(self.hidden | self.hiddenSlaves, key=len, reverse=True)))
        return re.compile(rf"(?<![\w-])(?:{names})(?![\w-])") if names else None


def sightOf(seen: Collection[str], builders: Iterable[str], slaves: Mapping[str, Collection[str]]) -> Sight:
    """The sight of a visitor.

    @param seen: the builders that the visitor sees.
    @param builders: all builders of the configuration.
    @param slaves: each slave with the builders that it serves.
    """
    hidden = {name for name, served in slaves.items() if served and not any(each in seen for each in served)}
    return Sight(frozenset(seen), frozenset(builders) - frozenset(seen), frozenset(hidden))


def withoutHidden(sight: Sight | None, note: str) -> str:
    """A note about a build; another text in its place if it names a hidden builder."""
    return note if sight is None or not sight.hides(note) else "waiting for a build that you may not see"

# -*- test-case-name: tests.stories.test_webacts -*-
"""The last values that people used in the forms to force a build, for each builder and person.

Reasons, names of people and secret values are not kept. Visitors without a login may not see each other's
properties, so only their branch, revision, repository and project are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from twisted.logger import Logger

from buildbot.store.interface import IStore, StoreFailed
from buildbot.text.secrets import isSecret

_log = Logger()

#: The values of one form: the texts of each field.
Values = Mapping[str, Sequence[str]]

#: The most people of one builder, fields of one form, and characters of one text.
PEOPLE, FIELDS, LONGEST = 50, 50, 500
_NEVER = frozenset({"comments", "reason", "username", "passwd", "password", "done"})
_PLACE = ("branch", "revision", "repository", "project", "forcescheduler")


class LastForced:
    """I read and write the last values; the store keeps them."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, dict[str, list[str]]]] = {}

    async def of(self, store: IStore, builder: str, person: str) -> Values:
        """The last values of a person; empty if they are unknown.

        @param person: the name; empty for visitors without a login.
        """
        try:
            return (await self._of(store, builder)).get(person, {})
        except StoreFailed:
            return {}

    async def keep(self, store: IStore, builder: str, person: str, given: Values) -> None:
        """Keep the values of a form that has forced a build."""
        try:
            people = await self._of(store, builder)
            people.pop(person, None)
            people[person] = keptOf(given, bool(person))
            while len(people) > PEOPLE:
                del people[next(iter(people))]
            await store.setState(_key(builder), people)
        except StoreFailed as why:
            _log.warn("cannot keep the last values of a form: {why}", why=why)

    async def _of(self, store: IStore, builder: str) -> dict[str, dict[str, list[str]]]:
        if builder not in self._known:
            self._known.setdefault(builder, await self._read(store, builder))
        return self._known[builder]

    async def _read(self, store: IStore, builder: str) -> dict[str, dict[str, list[str]]]:
        found = await store.getState(_key(builder))
        people = found.items() if isinstance(found, dict) else ()
        return {person: values for person, values in people if _isForm(values)}


def _key(builder: str) -> str:
    return f"web/lastforced/{builder}"


def _isForm(values: object) -> bool:
    """True for values of one form."""
    if not isinstance(values, dict):
        return False
    return all(
        isinstance(texts, list) and all(isinstance(each, str) for each in texts) for texts in values.values()
    )


def keptOf(given: Values, isKnown: bool) -> dict[str, list[str]]:
    """The values of a form that are kept.

    @param isKnown: True if the person is logged in.
    """
    found: dict[str, list[str]] = {}
    for name, texts in given.items():
        named = "".join(given.get(f"{name.removesuffix('value')}name", ())) if name.endswith("value") else ""
        if name in _NEVER or name.endswith(("_password", "passwd")) or isSecret(name) or isSecret(named):
            continue
        if not isKnown and not name.endswith(_PLACE):
            continue
        if len(found) < FIELDS and sum(map(len, texts)) <= LONGEST and len(texts) <= FIELDS:
            found[name] = list(texts)
    return found

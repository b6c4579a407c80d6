# -*- test-case-name: tests.stories.test_irccommands -*-
"""Actions of people on IRC: each is checked, carried out and recorded with its author."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from buildbot.control.audit import By
from buildbot.irc.harmless import isChannel
from buildbot.irc.people import Person, Rules, isAllowed
from buildbot.irc.wishes import UsageError
from buildbot.text.printable import plainLine

#: The value of L{By.how}.
IRC = "irc"
_Value = TypeVar("_Value")


def byOf(owner: Any, person: Person, dest: str) -> By:
    """The author of an action, for the record."""
    place = f"{dest} at {owner.server.name}" if isChannel(dest) else owner.server.name
    login = f" ({person.account})" if person.account else ""
    return By(plainLine(f"{person.mask}{login}"), IRC, plainLine(place))


async def allowed(
    owner: Any, rules: Rules, person: Person, dest: str, action: str, subject: str, argument: str
) -> None:
    """Check the right to an action. A refused attempt is recorded.

    @param argument: the argument of the constructor that has the rules.
    @raise UsageError: the person has no right to it.
    """
    if isAllowed(rules, person):
        return
    why = f"{argument} of the IRC bot does not allow it"
    await owner.master.audit.refused(byOf(owner, person, dest), action, subject, why)
    nobody = "nobody may do this from IRC" if rules is False else "you may not do this from here"
    raise UsageError(f"{nobody}: {argument} in master.cfg says who may")


async def carriedOut(
    owner: Any,
    person: Person,
    dest: str,
    action: str,
    subject: str,
    work: Awaitable[_Value],
    detail: str = "",
) -> _Value:
    """Carry out an action, and record it. Returns its value."""
    value: _Value = await owner.master.audit.carriedOut(
        byOf(owner, person, dest), action, subject, work, detail
    )
    return value


def whoOf(person: Person, dest: str) -> str:
    """The author in the reason of a build."""
    return f"{person} on IRC" + (f" ({dest})" if isChannel(dest) else "")

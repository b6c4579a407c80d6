# -*- test-case-name: tests.unit.irc.test_people -*-
"""People on IRC: who speaks, and what they may do."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from buildbot.irc.harmless import folded

#: The beginning of a rule about an account of the services of a network.
ACCOUNT = "account:"
#: True: everybody; False: nobody; or a list of rules such as "ann!*@example.com" and "account:ann".
Rules = bool | Sequence[str]


class Person(str):
    """I am the nick of somebody who speaks, as text.

    @ivar mask: C{nick!user@host}, as the server tells it.
    @ivar account: the name of the login at the services of the network; "" if it is unknown.
    """

    mask: str
    account: str

    def __new__(cls, mask: str, account: str = "") -> Person:
        """@param mask: C{nick!user@host}, or only a nick."""
        made = super().__new__(cls, mask.partition("!")[0])
        made.mask = mask
        made.account = account
        return made


def isRule(value: object) -> bool:
    """True for a rule about people."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return False
    if value.startswith(ACCOUNT):
        return len(value) > len(ACCOUNT)
    nick, bang, rest = value.partition("!")
    user, at, host = rest.partition("@")
    return all((nick, bang, user, at, host))


def isAnybody(rule: str) -> bool:
    """True for a rule that anybody can meet, by taking a nick or a user name."""
    return not rule.startswith(ACCOUNT) and not rule.rpartition("@")[2].strip("*?.")


def needsAccounts(rules: Rules) -> bool:
    """True if a rule is about accounts."""
    return not isinstance(rules, bool) and any(each.startswith(ACCOUNT) for each in rules)


def isAllowed(rules: Rules, person: Person) -> bool:
    """True if somebody meets one of the rules."""
    if isinstance(rules, bool):
        return rules
    return any(_meets(each, person) for each in rules)


def _meets(rule: str, person: Person) -> bool:
    if rule.startswith(ACCOUNT):
        return bool(person.account) and folded(rule[len(ACCOUNT) :]) == folded(person.account)
    return fnmatchcase(folded(person.mask), folded(rule))  # folded: without brackets, which fnmatch knows

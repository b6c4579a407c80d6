# -*- test-case-name: tests.unit.web.accounts.test_accounts -*-
"""The text of the file of accounts: one line for each account, C{NAME:HASH:ROLE,ROLE}. Pure.

L{buildbot.web.accounts.accountsfile} reads and writes the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

#: The name of the file in the master's directory.
FILE = "accounts"
#: The most characters of a name, and of a role.
LONGEST = 100
_HEAD = "# Accounts of the web pages. Change them with `buildbot account`.\n"
_ROLE = re.compile(r"[A-Za-z0-9_.@-]{1,100}")


class BadAccount(ValueError):
    """A name or a role is not valid, or an account does not exist; the message is for the user."""


@dataclass(frozen=True)
class Account:
    """I am one account.

    @ivar stored: the hash of the password.
    """

    name: str
    stored: str = field(repr=False)
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Accounts:
    """I am the contents of the file.

    @ivar all: the accounts by name.
    @ivar wrong: a sentence about each line that is not valid; such a line is no account.
    """

    all: Mapping[str, Account] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()

    def withOne(self, account: Account) -> Accounts:
        """The accounts, with one more or changed."""
        return replace(self, all={**self.all, account.name: account})

    def without(self, name: str) -> Accounts:
        """The accounts without one."""
        return replace(self, all={each: some for each, some in self.all.items() if each != name})

    def toText(self) -> str:
        """The text of the file."""
        lines = (
            f"{each.name}:{each.stored}:{','.join(sorted(each.roles))}\n"
            for each in sorted(self.all.values(), key=lambda one: one.name)
        )
        return _HEAD + "".join(lines)


def accountsOf(text: str) -> Accounts:
    """Read the text of the file."""
    found: dict[str, Account] = {}
    wrong = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split(":")
        if len(parts) != 3 or nameTrouble(parts[0]):
            wrong.append(f"line {number} is not NAME:HASH:ROLES")
        elif parts[0] in found:
            wrong.append(f"line {number} has the account {parts[0]!r} again")
        else:
            roles = frozenset(filter(_ROLE.fullmatch, parts[2].split(",")))
            found[parts[0]] = Account(parts[0], parts[1], roles)
    return Accounts(found, tuple(wrong))


def nameTrouble(name: str) -> str | None:
    """The reason why an account cannot have this name; or None."""
    if not name:
        return "the name is empty"
    if len(name) > LONGEST:
        return f"the name has more than {LONGEST} characters"
    if ":" in name or name != name.strip() or name.startswith("#") or not name.isprintable():
        return f"the name {name[:LONGEST]!r} has a colon, an outer space, a leading # or a control character"
    return None


def rolesOf(words: Iterable[str]) -> frozenset[str]:
    """The roles in some words, each with one role or several with commas. Raises L{BadAccount}."""
    roles = [role for word in words for role in word.split(",") if role]
    for role in roles:
        if not _ROLE.fullmatch(role):
            raise BadAccount(f"a role has letters, digits, and . _ @ -: {role[:LONGEST]!r} does not fit")
    return frozenset(roles)

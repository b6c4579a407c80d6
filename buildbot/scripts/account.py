# -*- test-case-name: tests.unit.scripts.test_account -*-
"""The command C{account}: make, change, list and remove the accounts of the web pages.

The master notices a changed file by itself, with the next request.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from contextlib import suppress

from buildbot.control import client
from buildbot.daemon import directory
from buildbot.daemon.oserrors import inWords
from buildbot.scripts.output import CommandFailed, Config, command, say, usable
from buildbot.web.accounts.accounts import Account, Accounts, BadAccount, nameTrouble, rolesOf
from buildbot.web.accounts.accountsfile import AccountsFile, changeAccounts
from buildbot.web.accounts.passwords import LONGEST, hashed

#: The fewest characters of a new password.
SHORTEST = 8
#: The most bytes of the line with a password in a file; a longer line is refused as too long.
_LONGEST_LINE = LONGEST + 3
#: The most seconds to wait for the answer of a running master.
_PATIENCE = 5.0


def account(config: Config) -> int:
    """Make, change, list or remove accounts. Status 0 when the file is on disk."""
    here = usable(config)
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is a buildslave's directory: accounts belong to a master")
    name = config["account"]
    try:
        if name is None:
            return _list(config, AccountsFile(here).accounts())
        if config["remove"]:
            return _remove(config, here, str(name))
        return _set(config, here, str(name))
    except (BadAccount, ValueError) as why:
        raise CommandFailed(str(why)) from None
    except OSError as why:
        raise CommandFailed(f"cannot change the accounts in {here}: {inWords(why)}") from None


def _list(config: Config, accounts: Accounts) -> int:
    if config["json"]:
        print(json.dumps({name: sorted(each.roles) for name, each in accounts.all.items()}))
        return 0
    for name, each in sorted(accounts.all.items()):
        say(config, f"{name}: {', '.join(sorted(each.roles)) or 'no role'}")
    if not accounts.all:
        say(config, f"there is no account yet: make one with `{command('account', 'DIR', 'NAME')}`")
    return 0


def _remove(config: Config, here: str, name: str) -> int:
    def without(accounts: Accounts) -> Accounts:
        if name not in accounts.all:
            raise BadAccount(f"there is no account {name!r}")
        return accounts.without(name)

    changeAccounts(here, without)
    _noted(here, name, "removed")
    say(config, f"account {name} is removed, and its sessions have ended")
    return 0


def _set(config: Config, here: str, name: str) -> int:
    trouble = nameTrouble(name)
    if trouble:
        raise BadAccount(trouble)
    words = config["roles"]
    roles = rolesOf(words) if isinstance(words, list) and words else None
    isNew = AccountsFile(here).get(name) is None
    if isNew and name == "list":  # as of `buildbot token`
        raise BadAccount(
            f"`{command('account', here)}` lists the accounts; no account may have the name 'list'"
        )
    file = config["password-file"]
    isAsked = isNew or config["password"] or file is not None
    keepsPassword = not isAsked and (roles is not None or config["no-roles"])
    stored = (
        None if keepsPassword else hashed(_checked(_password(name) if file is None else _inFile(str(file))))
    )

    def changed(accounts: Accounts) -> Accounts:
        old = accounts.all.get(name)
        if stored is None and old is None:
            raise BadAccount(f"there is no account {name!r} any more")
        kept = frozenset() if old is None or config["no-roles"] else old.roles
        text = stored if stored is not None or old is None else old.stored
        assert text is not None
        return accounts.withOne(Account(name, text, kept if roles is None else roles))

    new = changeAccounts(here, changed).all[name]
    _noted(here, name, "made" if isNew else "changed")
    done = "is made" if isNew else "is changed" + ("" if stored is None else ", and its sessions have ended")
    say(config, f"account {name} {done}; roles: {', '.join(sorted(new.roles)) or 'none'}")
    return 0


def _noted(here: str, name: str, what: str) -> None:
    """Tell a running master about a change of an account, for its record. A failure undoes nothing."""
    with suppress(client.NotRunning, client.ControlError, OSError):
        client.request(os.path.realpath(here), "account", {"name": name, "what": what}, _PATIENCE)


def _password(name: str) -> str:
    """A new password: the first line of standard input; on a terminal it is asked for twice."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = getpass.getpass(f"Password for {name}: ")
        if getpass.getpass("The same again: ") != password:
            raise BadAccount("the two passwords differ: nothing is changed")
    return password


def _inFile(path: str) -> str:
    """The password in the first line of a file. Raises L{CommandFailed} for one that cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.readline(_LONGEST_LINE).decode("utf-8").rstrip("\r\n")
    except OSError as why:
        raise CommandFailed(f"cannot read the password in {path}: {inWords(why)}") from None
    except UnicodeDecodeError:
        raise CommandFailed(f"cannot read the password in {path}: it is not UTF-8 text") from None


def _checked(password: str) -> str:
    """The password, if it may be one. Raises L{BadAccount}."""
    if len(password) < SHORTEST:
        raise BadAccount(f"the password must have at least {SHORTEST} characters")
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST:
        raise BadAccount(f"the password must have at most {LONGEST} bytes")
    return password

# -*- test-case-name: tests.unit.web.hooks.test_options -*-
"""The login before a hook: HTTP Basic, checked by the checkers in C{change_hook_auth}."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.cred.checkers import ICredentialsChecker, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernameHashedPassword, IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import maybeDeferred

from buildbot.config.arguments import Kind
from buildbot.config.messages import articled, inOneLine
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.onuse import onUse

if TYPE_CHECKING:
    from twisted.cred import strcred
else:
    strcred = onUse("twisted.cred.strcred")

#: The header of an answer that asks for a login.
CHALLENGE = 'Basic realm="Buildbot change hooks", charset="UTF-8"'


def checkersOf(value: object) -> tuple[list[Any], list[str]]:
    """Make the checkers of C{change_hook_auth}.

    @param value: None, or a list of cred checkers or of texts such as C{"file:hooks.passwd"}.
    @return: the checkers, and the faults as sentences for the author of master.cfg.
    """
    if value is None:
        return [], []
    if not isinstance(value, (list, tuple)):
        return [], [f"must be a list of checkers, not {articled(value)}"]
    made, errors = [], []
    for each in value:
        try:
            made.append(_checker(each))
        except ValueError as error:
            errors.append(str(error))
    return made, errors


def _checker(value: object) -> Any:
    if isinstance(value, str):
        try:
            checker = strcred.makeChecker(value)
        except PLUGIN_ERRORS as error:
            kind = value.partition(":")[0][:30]  # the rest may be a password
            raise ValueError(f"the checker of kind {kind!r} cannot be made: {inOneLine(error)}") from None
    else:
        checker = value
    if isinstance(checker, type) or not ICredentialsChecker.providedBy(checker):
        raise ValueError(f"a checker must provide ICredentialsChecker, or be text, not {articled(value)}")
    fit = (IUsernamePassword, IUsernameHashedPassword)
    if not any(wanted.isOrExtends(each) for each in fit for wanted in checker.credentialInterfaces):
        raise ValueError(f"a {type(checker).__name__} does not check names and passwords")
    return _inBytes(checker) if type(checker) is InMemoryUsernamePasswordDatabaseDontUse else checker


def _inBytes(checker: InMemoryUsernamePasswordDatabaseDontUse) -> InMemoryUsernamePasswordDatabaseDontUse:
    """The same names and passwords in bytes: files written for Python 2 have text, which never fits."""
    made = InMemoryUsernamePasswordDatabaseDontUse()
    made.users = {_bytes(name): _bytes(password) for name, password in checker.users.items()}
    return made


def _bytes(value: str | bytes) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else value


def accountOf(authorization: str) -> str:
    """The name in the header C{Authorization}; empty if there is none."""
    credentials = _credentials(authorization)
    return "" if credentials is None else credentials.username.decode("utf-8", "replace")


async def isLoggedIn(checkers: Sequence[Any], authorization: str) -> bool:
    """True if one of the checkers accepts the name and password in the header C{Authorization}."""
    credentials = _credentials(authorization)
    if credentials is None:
        return False
    for checker in checkers:
        try:
            await maybeDeferred(checker.requestAvatarId, credentials)
        except UnauthorizedLogin:
            continue
        return True
    return False


def _credentials(authorization: str) -> UsernamePassword | None:
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = b64decode(text.strip(), validate=True).partition(b":")
    except (Error, ValueError):
        return None
    return UsernamePassword(name, password) if colon else None


#: The kind of the argument C{change_hook_auth}.
CHANGE_HOOK_AUTH = Kind(
    "a list of cred checkers, or of texts such as 'file:hooks.passwd'",
    lambda value: not checkersOf(value)[1],
    lambda value: "; ".join(checkersOf(value)[1]) if isinstance(value, (list, tuple)) else None,
    isSecret=True,
)

# -*- test-case-name: tests.unit.web.accounts.test_authz -*-
"""Authz: who may do what, under the name and with the arguments of 0.8. It becomes L{Rights}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.config.arguments import Kind, arguments, complain, remember
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import FLAG, TEXT, orNone, sequenceOf
from buildbot.config.messages import nearest
from buildbot.web.accounts.oldauth import isAuth
from buildbot.web.accounts.permits import mayDo
from buildbot.web.accounts.rights import (
    ACTIONS,
    FURTHER,
    OLD_NAMES,
    PERMISSION,
    READING,
    Permission,
    Rights,
    Rule,
    Subject,
    Verdict,
    openActions,
    permissionOf,
    readingRights,
)
from buildbot.web.accounts.visitor import ANONYMOUS, Visitor

#: Actions that 0.8 did not have: C{default_action} does not allow them.
NEW_ACTIONS = ("disconnectSlave", "reconfig", "admin", "showUsersPage")
#: Every action that may be an argument.
_NAMES = (*ACTIONS, *FURTHER, *OLD_NAMES)
#: The kind of C{auth} in master.cfg.
AUTH = orNone(
    Kind("an object with authenticate() and errmsg(), such as BasicAuth([('name', 'password')])", isAuth)
)
_RULES = Kind("a list of Rule objects", sequenceOf(lambda each: isinstance(each, Rule)), standIn=())


class Authz(ComparableMixin):
    """I say who may do what.

    An action is True (everybody), False (nobody), C{'auth'} (after login), C{'role:NAME'}, a function of the
    user and more objects, or a list of these. Functions are asked about users who are logged in.
    """

    compare_attrs = ("default_action", "auth", "useHttpHeader", "httpLoginUrl", "permissions", "rules")

    #: The actions of 0.8 and of this release.
    knownActions = tuple(dict.fromkeys(_NAMES))

    @arguments(
        default_action=PERMISSION,
        auth=AUTH,
        useHttpHeader=FLAG,
        httpLoginUrl=Kind("a URL (text), or False", lambda value: value is False or TEXT.fits(value)),
        view=PERMISSION,
        rules=_RULES,
        **{name: PERMISSION for name in _NAMES if name != "view"},
    )
    def __init__(
        self,
        default_action: object = False,
        auth: object = None,
        useHttpHeader: bool = False,
        httpLoginUrl: str | bool = False,
        view: object = True,
        rules: Sequence[Rule] = (),
        **kwargs: object,
    ) -> None:
        """@param default_action: the permission of the actions of 0.8 that are not given.
        @param rules: more exact permissions, by builder, tag or branch; the first that fits counts.
        """
        remember(self)
        self.default_action = default_action
        self.auth = auth
        self.useHttpHeader = useHttpHeader
        self.httpLoginUrl = httpLoginUrl
        self.rules = tuple(rules)
        given = {"view": view, **kwargs}
        for name in given.keys() - set(_NAMES):
            complain(self, f"takes no argument {name}{nearest(name, _NAMES)}", name, given.pop(name))
        self.permissions = _permissions(default_action, given)

    def rights(self, canLogIn: bool | None = None) -> Rights:
        """The rules.

        @param canLogIn: whether the site has accounts; None: whether there is an C{auth}.
        """
        can = self.auth is not None or bool(self.useHttpHeader) if canLogIn is None else canLogIn
        return Rights(self.permissions, self.rules, can)

    # for pages written for 0.8

    def actionAllowed(self, action: str, request: Any, *args: object) -> Deferred[bool]:
        """Whether the user of a request may do something. C{args} go to functions of the configuration."""

        async def ask() -> bool:
            who = _whoOf(request)
            return (await mayDo(self.rights(), who, action, Subject(args=args))).isAllowed

        return ensureDeferred(ask())

    def advertiseAction(self, action: str, request: Any) -> bool:
        """Whether a page should show an action: it is allowed, or may be after a login."""
        decided = self.rights().decide(_whoOf(request), action)
        return getattr(decided, "verdict", None) is not Verdict.NEVER

    def authenticated(self, request: Any) -> bool:
        """Whether the user of a request is logged in."""
        return _whoOf(request).isLoggedIn

    def getUsername(self, request: Any) -> str:
        """The name of the user of a request; "" without a login."""
        return _whoOf(request).name

    def getUsernameHTML(self, request: Any) -> str:
        """The name of the user, as text. Pages escape it."""
        return self.getUsername(request)


def rightsOf(
    authz: Authz | None = None,
    allowForce: object = None,
    auth: object = None,
    canLogIn: bool = False,
    isOpenToRead: bool = True,
) -> Rights:
    """The rules for the arguments of a C{WebStatus} of 0.7.6 to 0.8.

    @param allowForce: True with C{auth}: the actions of 0.8 after a login. True without: by everybody.
    @param canLogIn: whether the master has accounts of its own, or a trusted header of a proxy.
    @param isOpenToRead: without an C{Authz}: whether everybody may read the pages.
    """
    if authz is not None:
        return authz.rights(canLogIn or authz.auth is not None)
    can = canLogIn or auth is not None
    if not allowForce:
        return readingRights(can, isOpenToRead)
    view = True if isOpenToRead else "auth"
    return Rights(_permissions("auth" if auth is not None else True, {"view": view}), canLogIn=can)


def openSentences(rights: Rights) -> list[str]:
    """A warning for C{buildbot checkconfig} if everybody may do more than read; else nothing."""
    names = openActions(rights)
    if not names:
        return []
    return [
        f"everybody who can open the web pages may do this, without a login: {', '.join(names)};"
        " give it to users with an account: Authz(auth=…, default_action='auth')"
    ]


def _permissions(default: object, given: dict[str, object]) -> dict[str, Permission]:
    """The permission of each action. Names of this release come before those of 0.8."""
    found: dict[str, Permission] = {}
    for name in (*ACTIONS, *FURTHER):
        if name not in (*READING, *NEW_ACTIONS):
            found[name] = permissionOf(default, isOld=True)
    for old, name in OLD_NAMES.items():
        if old in given:
            found[name] = permissionOf(given[old], isOld=True)
    if "forceBuild" in given:
        found["rebuild"] = permissionOf(given["forceBuild"], isOld=True)
    for name in READING:
        found[name] = permissionOf(given["view"], isOld=True)
    for name in (*ACTIONS, *FURTHER):
        if name in given:
            found[name] = permissionOf(given[name], isOld=True)
    return found


def _whoOf(request: Any) -> Visitor:
    """The visitor that the site has put on a request as C{who}."""
    found = getattr(request, "who", ANONYMOUS)
    return found if isinstance(found, Visitor) else ANONYMOUS

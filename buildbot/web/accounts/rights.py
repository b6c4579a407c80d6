# -*- test-case-name: tests.unit.web.accounts.test_rights -*-
"""The rules for who may do what: pure functions of a visitor, an action and its subject.

A function of the configuration may answer later. So L{Rights.decide} returns an L{Answer}, or a L{Question}
for such functions. L{buildbot.web.accounts.permits} asks them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.compare import ComparableMixin
from buildbot.web.accounts.visitor import Visitor

#: Each action -> the words that complete the sentence "alice may ...".
ACTIONS: Mapping[str, str] = {
    "view": "see the pages",
    "viewLogs": "read logs",
    "viewProperties": "see the properties of builds",
    "forceBuild": "force builds",
    "rebuild": "rebuild",
    "stopBuild": "stop builds",
    "cancelRequest": "cancel build requests",
    "stopChange": "stop the builds of a change",
    "sendChange": "send changes",
    "pauseSlave": "pause slaves",
    "drainSlave": "drain slaves",
    "disconnectSlave": "disconnect slaves",
    "reconfig": "reconfigure the master",
    "shutdown": "shut the master down",
    "admin": "administer tokens and sessions",
}
#: Actions on many things at once, and small ones -> their words. Without a permission of its own, each has
#: that of another action.
FURTHER: Mapping[str, str] = {
    "forceAllBuilds": "force builds on all builders",
    "stopAllBuilds": "stop all builds",
    "cancelAllPendingBuilds": "cancel all build requests",
    "pingBuilder": "ping the slaves of a builder",
    "showUsersPage": "see the list of users",
}
#: Each further action -> the action with the same permission.
LIKE: Mapping[str, str] = {
    "forceAllBuilds": "forceBuild",
    "stopAllBuilds": "stopBuild",
    "cancelAllPendingBuilds": "cancelRequest",
    "pingBuilder": "forceBuild",
    "showUsersPage": "admin",
}
#: The actions that only read.
READING = ("view", "viewLogs", "viewProperties")
#: The name of an action in 0.8 -> its name here.
OLD_NAMES: Mapping[str, str] = {
    "gracefulShutdown": "drainSlave",
    "cancelPendingBuild": "cancelRequest",
    "cleanShutdown": "shutdown",
}
_ROLE = "role:"


class UnknownAction(KeyError):
    """There is no action of this name."""


class Need(Enum):
    """The needs of an action, apart from roles and functions."""

    NOBODY = "nobody"
    ANYBODY = "anybody"
    LOGIN = "logged in"


@dataclass(frozen=True)
class Role:
    """The action needs an account with this role."""

    name: str


@dataclass(frozen=True)
class Function:
    """A function of the configuration decides for users who are logged in. It may return a Deferred.

    @ivar isOld: whether it is called as in 0.8, C{function(user, *args)}; else C{function(user, action,
        *args)}.
    """

    function: Callable[..., object]
    isOld: bool = False


#: One condition, or several of which one is enough.
Permission = Need | Role | Function | tuple[Any, ...]


def permissionOf(value: object, isOld: bool = False) -> Permission:
    """The permission that a value of the configuration means. Raises ValueError for another value.

    @param value: True, False, C{'auth'} (after login), C{'role:NAME'}, a function, or a list of these.
    """
    if isinstance(value, (Need, Role, Function)):
        return value
    if isinstance(value, (bool, int)) and value in (0, 1):
        return Need.ANYBODY if value else Need.NOBODY
    if value == "auth":
        return Need.LOGIN
    if isinstance(value, str) and value.startswith(_ROLE) and value != _ROLE:
        return Role(value.removeprefix(_ROLE))
    if isinstance(value, (list, tuple, set, frozenset)) and value:
        return tuple(permissionOf(each, isOld) for each in value)
    if callable(value):
        return Function(value, isOld)
    raise ValueError("not True, False, 'auth', 'role:NAME', a function, or a list of these")


def _isPermission(value: object) -> bool:
    try:
        permissionOf(value)
    except ValueError:
        return False
    return True


#: The kind of a permission in master.cfg.
PERMISSION = Kind(
    "True, False, 'auth' for users who are logged in, 'role:NAME', a function, or a list of these",
    _isPermission,
    standIn=False,
)


def actionName(name: str) -> str:
    """The name of an action here, from its name here or in 0.8. Raises L{UnknownAction}."""
    mine = OLD_NAMES.get(name, name)
    if mine not in ACTIONS and mine not in FURTHER:
        raise UnknownAction(name)
    return mine


def _areActions(value: object) -> bool:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple, set, frozenset)):
        return False
    return all(isinstance(each, str) and OLD_NAMES.get(each, each) in {*ACTIONS, *FURTHER} for each in names)


def _arePatterns(value: object) -> bool:
    several = value if isinstance(value, (list, tuple, set, frozenset)) else [value]
    return all(each is None or isinstance(each, (str, re.Pattern)) for each in several)


_PATTERNS = Kind(
    "text with * and ?, a compiled regular expression, a list of these, or None for all", _arePatterns
)


@dataclass(frozen=True)
class Subject:
    """The subject of an action.

    @ivar builder: the name of the builder; None: the action is about no builder.
    @ivar tags: the tags of the builder, and its category.
    @ivar branch: the branch; None: the main line.
    @ivar args: objects for functions of the configuration, such as the status of the builder.
    """

    builder: str | None = None
    tags: frozenset[str] = frozenset()
    branch: str | None = None
    args: tuple[object, ...] = ()


#: An action that is about no builder.
NOTHING = Subject()


class Rule(ComparableMixin):
    """I give a permission to actions on some builders, tags or branches, under a name for C{master.cfg}.

    The first rule that fits an action and its subject decides. Without one, the permission of the action
    decides.
    """

    compare_attrs = ("actions", "allow", "builders", "tags", "branches")

    @arguments(
        actions=Kind("the name of an action, or a list of names", _areActions, standIn=()),
        allow=PERMISSION,
        builders=_PATTERNS,
        tags=_PATTERNS,
        branches=_PATTERNS,
    )
    def __init__(
        self,
        actions: str | Sequence[str],
        allow: object,
        builders: object = None,
        tags: object = None,
        branches: object = None,
    ) -> None:
        """@param builders: names of builders. A name with C{*} and C{?} is a pattern.
        @param tags: tags or categories of builders. One of them is enough.
        @param branches: branches. In a list, None is the main line.
        """
        remember(self)
        names = [actions] if isinstance(actions, str) else actions
        self.actions = tuple(OLD_NAMES.get(each, each) for each in names)
        self.allow = permissionOf(allow)
        self.builders = _several(builders)
        self.tags = _several(tags)
        self.branches = _several(branches)

    def fits(self, action: str, subject: Subject) -> bool:
        """True if the rule is about this action on this subject."""
        return (
            action in self.actions
            and (self.builders is None or any(_matches(each, subject.builder) for each in self.builders))
            and (self.tags is None or any(_matches(each, tag) for each in self.tags for tag in subject.tags))
            and (self.branches is None or any(_matches(each, subject.branch) for each in self.branches))
        )


def _several(value: object) -> tuple[Any, ...] | None:
    if value is None:
        return None
    return tuple(value) if isinstance(value, (list, tuple, set, frozenset)) else (value,)


def _matches(pattern: object, text: str | None) -> bool:
    if pattern is None or text is None:
        return pattern is text
    if isinstance(pattern, re.Pattern):
        return pattern.match(text) is not None
    return fnmatchcase(text, str(pattern))


class Verdict(Enum):
    """Whether an action is allowed."""

    ALLOWED = "allowed"
    AFTER_LOGIN = "allowed after login"
    NEVER = "never"


@dataclass(frozen=True)
class Answer:
    """A verdict with its reason, a sentence for the visitor."""

    verdict: Verdict
    sentence: str

    @property
    def isAllowed(self) -> bool:
        """True if the visitor may do it now."""
        return self.verdict is Verdict.ALLOWED


@dataclass(frozen=True)
class Question:
    """Functions of the configuration decide. If one of them returns a true value, the action is allowed.

    @ivar calls: the functions, and the arguments of each.
    """

    calls: tuple[tuple[Callable[..., object], tuple[object, ...]], ...]
    ifTrue: Answer
    ifFalse: Answer


@dataclass(frozen=True)
class Rights:
    """I know the permissions of all actions.

    @ivar permissions: by the name of the action. An action that is missing is forbidden.
    @ivar rules: more exact permissions, the most important first.
    @ivar canLogIn: whether the site has accounts at all.
    """

    permissions: Mapping[str, Permission] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    canLogIn: bool = True

    def decide(self, who: Visitor, action: str, subject: Subject = NOTHING) -> Answer | Question:
        """Whether a visitor may do something. Raises L{UnknownAction} for an unknown name.

        @param action: one of L{ACTIONS} or L{FURTHER}, also under its name of 0.8.
        """
        action = actionName(action)
        needed = self.permission(action, subject)
        if who.token is None or Need.ANYBODY in _alternatives(needed):
            return self._decided(who, action, needed, subject)
        if not who.token.covers(LIKE.get(action, action), subject.builder):
            about = "" if subject.builder is None else f" of {subject.builder}"
            return Answer(
                Verdict.NEVER, f"The token {who.token.name!r} is not for the action {action}{about}."
            )
        if who.token.owner:
            return self._decided(who, action, needed, subject)
        return Answer(Verdict.ALLOWED, f"The token {who.token.name!r} may {_words(action)}.")

    def differs(self, who: Visitor, action: str) -> bool:
        """False if a visitor gets the same answer about an action for every builder, even a removed one."""
        name = actionName(action)
        rules = [each.allow for each in self.rules if name in each.actions]
        some = [*rules, self.permissions.get(name, Need.NOBODY)]
        if who.token is not None and who.token.builders:
            return not all(Need.ANYBODY in _alternatives(each) for each in some)
        answers = [self._decided(who, name, each, NOTHING) for each in some]
        if any(isinstance(each, Question) for each in answers):
            return True
        return len({isinstance(each, Answer) and each.isAllowed for each in answers}) > 1

    def permission(self, action: str, subject: Subject = NOTHING) -> Permission:
        """The permission of an action on a subject."""
        names = dict.fromkeys((action, LIKE.get(action, action)))
        for name in names:  # a rule for one builder also applies to the action on all builders
            for rule in self.rules:
                if rule.fits(name, subject):
                    return rule.allow
        for name in names:
            if name in self.permissions:
                return self.permissions[name]
        return Need.NOBODY

    def _decided(self, who: Visitor, action: str, needed: Permission, subject: Subject) -> Answer | Question:
        some = _alternatives(needed)
        words = _words(action)
        if Need.ANYBODY in some:
            return Answer(Verdict.ALLOWED, f"Everybody may {words}.")
        roles = [each.name for each in some if isinstance(each, Role)]
        functions = [each for each in some if isinstance(each, Function)]
        if not (roles or functions or Need.LOGIN in some):
            return Answer(Verdict.NEVER, f"Nobody may {words} here.")
        if not who.isLoggedIn:
            return self._stranger(words, roles if len(roles) == len(some) else [])
        yes = Answer(Verdict.ALLOWED, f"{who.name} may {words}.")
        if Need.LOGIN in some or who.roles.intersection(roles):
            return yes
        no = Answer(Verdict.NEVER, f"{who.name} may not {words}{_because(roles, functions)}.")
        if not functions:
            return no
        calls = tuple((each.function, _arguments(each, who, action, subject)) for each in functions)
        return Question(calls, yes, no)

    def _stranger(self, words: str, roles: Sequence[str]) -> Answer:
        if not self.canLogIn:
            return Answer(
                Verdict.NEVER, f"Only users who are logged in may {words}, and this master has no accounts."
            )
        which = f" with the role {_or(roles)}" if roles else ""
        return Answer(Verdict.AFTER_LOGIN, f"Log in{which} to {words}.")


def _arguments(each: Function, who: Visitor, action: str, subject: Subject) -> tuple[object, ...]:
    return (who.name, *subject.args) if each.isOld else (who.name, action, *subject.args)


def _alternatives(needed: Permission) -> list[Need | Role | Function]:
    if isinstance(needed, tuple):
        return [each for some in needed for each in _alternatives(some)]
    return [needed]


def _words(action: str) -> str:
    return ACTIONS.get(action) or FURTHER[action]


def _because(roles: Sequence[str], functions: Sequence[Function]) -> str:
    if roles and not functions:
        return f": this needs the role {_or(roles)}"
    return ": the configuration does not allow it"


def _or(names: Iterable[str]) -> str:
    return " or ".join(map(repr, names))


def readingRights(canLogIn: bool, isOpen: bool = True) -> Rights:
    """The rights without an C{Authz}: everybody, or users who are logged in, may read. Nobody may do more."""
    needed = Need.ANYBODY if isOpen else Need.LOGIN
    return Rights(dict.fromkeys(READING, needed), canLogIn=canLogIn)


def openActions(rights: Rights) -> list[str]:
    """The actions, other than reading, that everybody may do: for a warning."""
    names = [name for name in (*ACTIONS, *FURTHER) if name not in READING]
    return [
        name
        for name in names
        if Need.ANYBODY in _alternatives(rights.permission(name))
        or any(name in rule.actions and Need.ANYBODY in _alternatives(rule.allow) for rule in rights.rules)
    ]

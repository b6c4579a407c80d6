# -*- test-case-name: tests.unit.web.hooks.test_forges -*-
"""The values of a hook: a received request, the options of a dialect, and the delivery in the request.

The modules of the dialects read deliveries. L{buildbot.web.hooks.changehook} takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from buildbot.changes.changedict import BadChange, changeFrom
from buildbot.config.messages import quoted, textTrouble
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change

#: The most bytes of a body: GitHub sends no larger ones.
LARGEST_BODY = 25 * 1024 * 1024
#: The most changes of one delivery: GitHub names no more commits.
MOST_CHANGES = 2048
#: The most files of one commit, and the most characters in the name of an author. The rest is left out.
MOST_FILES = 10_000
LONGEST_AUTHOR = 1000

#: The codebase of a change: its name, or a function of the parsed body that returns it.
Codebase = str | Callable[[Any], object]


class BadDelivery(Exception):
    """A body cannot be understood. The text explains the error to the sender."""


@dataclass(frozen=True)
class Received:
    """I am a request to a hook, before anything in it is believed.

    @ivar headers: the names in lower case.
    @ivar body: the bytes as they were sent.
    @ivar query: the parameters of the URL, each with all its values.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def header(self, *names: str) -> str:
        """The value of the first of these headers that is there; or empty."""
        return next((self.headers[name] for name in names if self.headers.get(name)), "")

    def asked(self, name: str) -> str:
        """The first value of a parameter of the URL; or empty."""
        return next(iter(self.query.get(name, ())), "")


@dataclass(frozen=True)
class HookOptions:
    """I am the options of one dialect. L{buildbot.web.hooks.options} makes me from C{change_hook_dialects}.

    @ivar dialect: the name of the dialect.
    @ivar secrets: each of them proves a delivery. Several allow to replace one without a gap.
    @ivar addresses: the networks whose deliveries need no secret.
    @ivar codebase: of the changes.
    @ivar tags: True: pushed tags make changes too.
    @ivar sha1: True: GitHub's older signature with SHA-1 is a proof.
    @ivar get: True: a GET request is taken, as in 0.8.
    @ivar pullRef: the last part of the branch of a pull request: C{"merge"} or C{"head"}.
    @ivar allowed: the names of the pollers that a delivery may call; None: all.
    @ivar handler: the class in master.cfg that reads the deliveries of GitHub; None: the master does.
    """

    dialect: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    addresses: tuple[IPv4Network | IPv6Network, ...] = ()
    codebase: Codebase = ""
    tags: bool = False
    sha1: bool = False
    get: bool = False
    pullRef: str = "merge"
    allowed: tuple[str, ...] | None = None
    handler: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Delivery:
    """I am the content of a request.

    @ivar changes: the changes, the oldest first.
    @ivar event: the sender's word for what happened.
    @ivar id: the sender's name for this delivery, the same each time it is repeated; or empty.
    @ivar ignored: the reason why there are no changes; or empty.
    @ivar polled: the names of the pollers to call; None: this is no call of pollers; empty: all of them.
    @ivar isUnique: True if the body differs from all others that the sender ever makes, as it has the time.
    """

    changes: tuple[Change, ...] = ()
    event: str = ""
    id: str = ""
    ignored: str = ""
    polled: tuple[str, ...] | None = None
    isUnique: bool = False


def ignoring(event: str, id: str, reason: str) -> Delivery:
    """A delivery without changes."""
    return Delivery(event=event, id=id, ignored=reason)


def change(told: Mapping[str, Any]) -> Change:
    """Make a change of a dictionary with the names of L{changeFrom}.

    @raise BadDelivery: a value cannot be used.
    """
    for name in ("branch", "revision", "category", "codebase"):
        value = told.get(name)
        trouble = textTrouble(value) if isinstance(value, str) and value else None
        if trouble:
            raise BadDelivery(f"{name} {quoted(str(value))} {trouble}")
    if any("\0" in each for each in told["files"] if isinstance(each, str)):
        raise BadDelivery("the name of a file has a NUL character")
    try:
        made = changeFrom(dict(told))
    except BadChange as bad:
        raise BadDelivery(str(bad)) from None
    assert made is not None  # only with a prefix
    return made


def codebaseOf(options: HookOptions, body: object) -> str:
    """The codebase of the changes of a body.

    @raise BadDelivery: the function of the configuration failed.
    """
    if isinstance(options.codebase, str):
        return options.codebase
    try:
        name = options.codebase(body)
    except PLUGIN_ERRORS as error:
        raise BadDelivery(
            f"the function codebase of hook {options.dialect!r} in master.cfg failed: {error!r}"
        ) from error
    if name is not None and not isinstance(name, str):
        raise BadDelivery(f"the function codebase of hook {options.dialect!r} in master.cfg returned no text")
    return name or ""

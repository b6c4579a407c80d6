# -*- test-case-name: tests.unit.config.test_check -*-
"""Optional attributes of plug-ins and factories, which the checks of a configuration read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class ChecksSteps(Protocol):
    """A factory that can check its steps."""

    def stepTroubles(self) -> Sequence[str]:
        """The faults of steps that were put into C{steps} directly, one sentence each."""


class TriggersSchedulers(Protocol):
    """A factory with steps that may trigger schedulers."""

    def triggered(self) -> Sequence[tuple[str, Sequence[str], bool]]:
        """For each such step: its name, the names of schedulers, and whether it waits for their builds."""


@runtime_checkable
class HasDoubts(Protocol):
    """A plug-in that knows of probable mistakes in its arguments."""

    @property
    def configurationDoubts(self) -> object:
        """A list of sentences; the check warns of each."""


@runtime_checkable
class AsksServer(HasDoubts, Protocol):
    """A value of C{c['logStorage']} that can ask its server."""

    def whyUnusable(self) -> str:
        """Why it cannot be used now, or an empty text. Blocks."""


@runtime_checkable
class HasAccount(Protocol):
    """A change source that adds a login to the slave port."""

    @property
    def account(self) -> object:
        """The login name; None if the source has a port of its own."""


@runtime_checkable
class Posts(Protocol):
    """An entry of c['status'] whose messages are signed with a secret."""

    @property
    def postsTo(self) -> tuple[str, str | None]:
        """The name of the address, which tells it from others, and the secret."""


@runtime_checkable
class HasNick(Protocol):
    """An entry of c['status'] that is a bot on a chat server."""

    @property
    def nickAt(self) -> object:
        """The nick and the server in words, which tell the bot from others; None if it is not known."""


@runtime_checkable
class TakesLogins(Protocol):
    """A web server to which people may log in."""

    @property
    def takesLogins(self) -> object:
        """True if there are accounts."""

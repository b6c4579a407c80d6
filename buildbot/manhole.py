"""The names of 0.7.5 for the Python prompt inside the master; L{buildbot.prompt} has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildbot.events.onuse import namesOnUse

if TYPE_CHECKING:
    from buildbot.prompt.doors import AuthorizedKeysChecker as AuthorizedKeysChecker
    from buildbot.prompt.doors import chainedProtocolFactory as chainedProtocolFactory
    from buildbot.prompt.doors import makeTelnetProtocol as makeTelnetProtocol
    from buildbot.prompt.doors import show as show
    from buildbot.prompt.manhole import ArbitraryCheckerManhole as ArbitraryCheckerManhole
    from buildbot.prompt.manhole import AuthorizedKeysManhole as AuthorizedKeysManhole
    from buildbot.prompt.manhole import PasswordManhole as PasswordManhole
    from buildbot.prompt.manhole import TelnetManhole as TelnetManhole
else:
    __getattr__, __dir__ = namesOnUse(
        __name__,
        {
            "buildbot.prompt.manhole": (
                "ArbitraryCheckerManhole AuthorizedKeysManhole PasswordManhole TelnetManhole"
            ),
            "buildbot.prompt.doors": "AuthorizedKeysChecker chainedProtocolFactory makeTelnetProtocol show",
        },
    )

__all__ = [
    "ArbitraryCheckerManhole",
    "AuthorizedKeysChecker",
    "AuthorizedKeysManhole",
    "PasswordManhole",
    "TelnetManhole",
    "chainedProtocolFactory",
    "makeTelnetProtocol",
    "show",
]

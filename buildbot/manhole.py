"""The names of 0.7.5 for the Python prompt inside the master; L{buildbot.prompt} has them."""

from __future__ import annotations

from buildbot.events.onuse import namesOnUse

__getattr__, __dir__ = namesOnUse(
    __name__,
    {
        "buildbot.prompt.manhole": (
            "ArbitraryCheckerManhole AuthorizedKeysManhole PasswordManhole TelnetManhole"
        ),
        "buildbot.prompt.doors": "AuthorizedKeysChecker chainedProtocolFactory makeTelnetProtocol show",
    },
)

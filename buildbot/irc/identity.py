# -*- test-case-name: tests.unit.irc.test_registering -*-
"""Who the bot is for an IRC server: its nick, its login, and the address of the server."""

from __future__ import annotations

import os.path
from dataclasses import dataclass, field, replace

#: The ways to log in with SASL.
PLAIN, EXTERNAL = "PLAIN", "EXTERNAL"


@dataclass(frozen=True)
class Server:
    """I am an IRC server, and how to reach it.

    @ivar isTls: the connection is encrypted, and the certificate is checked.
    @ivar caFile: a file of certificates to trust instead of those of the system; or None.
    @ivar clientCertificate: a file with the certificate and the key of the bot; or None.
    """

    host: str
    port: int
    isTls: bool = False
    caFile: str | None = None
    clientCertificate: str | None = None

    def within(self, directory: str) -> Server:
        """The same server; relative paths of files begin in this directory."""
        paths = (self.caFile, self.clientCertificate)
        trusted, own = (each if each is None else os.path.join(directory, each) for each in paths)
        return replace(self, caFile=trusted, clientCertificate=own)

    @property
    def name(self) -> str:
        """The server for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class Identity:
    """I am what the bot tells a server about itself.

    @ivar password: of the nick, for NickServ or SASL; or None.
    @ivar sasl: L{PLAIN} or L{EXTERNAL}: the login comes before everything else; None: NickServ is told.
    @ivar account: the name for SASL; None: the nick.
    @ivar serverPassword: that of the server itself; or None.
    @ivar wantsAccounts: the server shall tell the accounts of the people who speak.
    """

    nick: str
    password: str | None = field(default=None, repr=False)
    sasl: str | None = None
    account: str | None = None
    serverPassword: str | None = field(default=None, repr=False)
    wantsAccounts: bool = False

    @property
    def secrets(self) -> list[str]:
        """What no log may show."""
        return [each for each in (self.password, self.serverPassword) if each]


#: The most characters of a nick everywhere; many servers allow more.
_SHORT = 9


def otherNick(nick: str, tries: int) -> str:
    """Another nick while the own one is taken.

    @param tries: how many others were taken, too; from 0.
    """
    if tries < 2:
        return nick[: _SHORT - 1 - tries] + "_" * (tries + 1)
    return nick[: _SHORT - len(str(tries))] + str(tries)

# -*- test-case-name: tests.unit.irc.test_registering -*-
"""Log in to an IRC server: the password of the server, capabilities, and SASL."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence

from twisted.logger import Logger

from buildbot.irc.identity import EXTERNAL, Identity, otherNick

log = Logger()

#: The most characters of a message of SASL.
_CHUNK = 400
_MOST_CAPABILITIES = 200
#: How many other nicks are tried while the own one is taken.
MOST_TRIES = 10
#: The answers to SASL that end it badly.
SASL_REFUSALS = ("902", "904", "905", "906", "908")


class Registration:
    """I lead the first conversation over a connection. The answer 001 ends it."""

    def __init__(
        self, identity: Identity, send: Callable[[str], object], fail: Callable[[str], object]
    ) -> None:
        """@param send: sends a line at once.
        @param fail: ends the connection; it takes the reason, in words.
        """
        self._identity = identity
        self._send = send
        self._fail = fail
        self._tries = 0
        self._offered: list[str] = []
        self._isOver = False
        self._tellsAccounts = False

    def begin(self) -> None:
        """Say who I am."""
        identity = self._identity
        if identity.sasl or identity.wantsAccounts:
            self._send("CAP LS 302")
        if identity.serverPassword:
            self._send(f"PASS :{identity.serverPassword}")
        self._send(f"NICK {identity.nick}")
        self._send(f"USER {''.join(filter(str.isalnum, identity.nick)) or 'buildbot'} 0 * :buildbot")

    def welcomed(self) -> bool:
        """The server has accepted me. Returns False, and ends the connection, if SASL is missing."""
        if self._identity.wantsAccounts and not self._tellsAccounts:
            log.warn("the IRC server tells nobody's account: rules with account: allow nothing")
        if self._identity.sasl and not self._isOver:
            self._fail("the server does not offer SASL")
            return False
        return True

    def nickRefused(self) -> None:
        """The nick is taken, or not valid on this server: try another one."""
        if self._tries >= MOST_TRIES:
            self._fail("all nicks that were tried are taken or not valid")
            return
        self._send(f"NICK {otherNick(self._identity.nick, self._tries)}")
        self._tries += 1

    def capabilities(self, parameters: Sequence[str]) -> None:
        """The server answers about its capabilities: to C{CAP LS} or C{CAP REQ}."""
        answer, names = parameters[1].upper(), parameters[-1].split()
        self._tellsAccounts |= answer == "ACK" and "account-tag" in names
        if answer == "LS":
            self._offered = [*self._offered, *names][:_MOST_CAPABILITIES]
            if "*" not in parameters[2:-1]:  # else more names follow
                self._choose()
        elif answer == "ACK" and self._identity.sasl and "sasl" in names:
            self._send(f"AUTHENTICATE {self._identity.sasl}")
        elif answer in ("ACK", "NAK"):
            if self._identity.sasl and answer == "NAK":
                self._fail("the server refuses SASL")
            else:
                self._send("CAP END")

    def _choose(self) -> None:
        offered = {each.partition("=")[0] for each in self._offered}
        wanted = [
            *(["sasl"] if self._identity.sasl else []),
            *(["account-tag"] if self._identity.wantsAccounts and "account-tag" in offered else []),
        ]
        if self._identity.sasl and "sasl" not in offered:
            self._fail("the server does not offer SASL")
        elif wanted:
            self._send(f"CAP REQ :{' '.join(wanted)}")
        else:
            self._send("CAP END")

    def challenged(self) -> None:
        """The server waits for the login."""
        identity = self._identity
        if identity.sasl == EXTERNAL:
            self._send("AUTHENTICATE +")
            return
        name = identity.account or identity.nick
        login = f"\0{name}\0{identity.password or ''}".encode()
        text = b64encode(login).decode()
        for start in range(0, len(text) + 1, _CHUNK):  # a last chunk of full length is followed by "+"
            self._send(f"AUTHENTICATE {text[start : start + _CHUNK] or '+'}")

    def loggedIn(self) -> None:
        """The login is accepted."""
        self._isOver = True
        self._send("CAP END")

    def refused(self, why: str) -> None:
        """The login is refused."""
        self._fail(f"the login was refused: {why}")

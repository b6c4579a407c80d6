# -*- test-case-name: tests.unit.irc.test_heard -*-
"""Read the lines of an IRC server. What is odd, and what nobody reads, is left out."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.words.protocols import irc

from buildbot.irc.harmless import decoded

#: The parameters that a line with a word needs, if it is more than one.
_LEAST = {"PRIVMSG": 2, "NOTICE": 2, "TOPIC": 2, "INVITE": 2, "CAP": 2, "KICK": 3}
#: The parameters that a line with a number needs: the nick and a text; some have a channel between.
_LEAST_NUMBERED = {"332": 3, "333": 3, "353": 3, "366": 2}
#: The lines with a comment that may be missing.
_COMMENTED = ("QUIT", "KICK", "PART")
#: The lines with a text that is not empty.
_SAID = ("PRIVMSG", "NOTICE")
#: The lines that nobody here reads: modes, greetings and numbers of users. Twisted fails with odd ones.
_UNREAD = ("MODE", "004", "005", "250", "251", "252", "253", "254", "255", "265", "266", "372", "375", "376")


@dataclass(frozen=True)
class Heard:
    """I am a line of a server.

    @ivar account: the login of the author at the services of the network; "" if it is unknown.
    @ivar prefix: the author: C{nick!user@host}, or the name of a server.
    @ivar command: a word, or the number of an answer.
    """

    account: str
    prefix: str
    command: str
    parameters: list[str]

    @property
    def name(self) -> str:
        """The command in words, as the methods of Twisted have it in their names."""
        return str(irc.numeric_to_symbolic.get(self.command, self.command))


def heard(line: bytes) -> Heard | None:
    """Read a line. Returns None for one that means nothing here."""
    text = decoded(line)
    account = ""
    if text.startswith("@"):
        tags, _, text = text.partition(" ")
        named = dict(each.partition("=")[::2] for each in tags[1:].split(";"))
        account = named.get("account", "")
    try:
        prefix, command, parameters = irc.parsemsg(text.strip())
    except (irc.IRCBadMessage, ValueError, IndexError):
        return None
    if command in _COMMENTED:
        parameters = [*parameters, ""]
    least = _LEAST_NUMBERED.get(command, 2) if command.isdigit() else _LEAST.get(command, 1)
    isEmpty = len(parameters) < least or (command in _SAID and not parameters[-1])
    return None if isEmpty or command in _UNREAD else Heard(account, prefix, command, parameters)

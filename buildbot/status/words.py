"""The names of 0.7.5 to 0.8 for the IRC bot; L{buildbot.irc} has it."""

from __future__ import annotations

from importlib.util import find_spec

from buildbot.irc.bot import IrcStatusBot, IrcStatusFactory, ThrottledClientFactory
from buildbot.irc.contact import IRCContact
from buildbot.irc.oldbot import IrcBuildRequest
from buildbot.irc.service import IRC
from buildbot.irc.talk import Contact, IChannel
from buildbot.irc.wishes import UsageError
from buildbot.irc.wording import maybeColorize

#: True if the packages for TLS are there.
have_ssl = find_spec("OpenSSL") is not None

__all__ = [
    "IRC",
    "Contact",
    "IChannel",
    "IRCContact",
    "IrcBuildRequest",
    "IrcStatusBot",
    "IrcStatusFactory",
    "ThrottledClientFactory",
    "UsageError",
    "have_ssl",
    "maybeColorize",
]

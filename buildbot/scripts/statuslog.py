# -*- test-case-name: tests.stories.test_statuslog -*-
"""The command C{statuslog}: print what happens on a master. L{buildbot.clients.statuslog} implements it."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred

from buildbot.clients.statuslog import ACCOUNT, NotFollowed, StatusLog
from buildbot.scripts.inreactor import resultOf
from buildbot.scripts.output import CommandFailed, Config, say
from buildbot.scripts.sendchange import auth


def statuslog(config: Config) -> int:
    """Print the events of a master until the connection ends, or the command is interrupted.

    Runs the reactor, so call it only once.

    @raise CommandFailed: the master cannot be reached, or has ended the connection.
    """
    account = auth(config, {}, ACCOUNT)
    from twisted.internet import reactor

    try:
        client = StatusLog(
            str(config["master"]),
            str(config.get("mode") or "steps"),
            lambda line: say(config, line),
            reactor,
            account,
        )
    except ValueError as why:
        raise CommandFailed(f"--master: {why}", status=2) from None
    try:
        resultOf(lambda: ensureDeferred(client.follow()))
    except NotFollowed as why:
        raise CommandFailed(str(why)) from None
    return 0

# -*- test-case-name: tests.test_scripts_sendchange -*-
"""The command C{sendchange}: tell a master, near or far, that somebody has committed something.

What travels, and how, is in L{buildbot.clients.sendchange}.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.python.failure import Failure

from buildbot.clients.sendchange import Sender, SendFailed
from buildbot.scripts.words import CommandFailed, Config, say, setting

#: The environment variable that may hold USER:PASSWORD.
AUTH = "BUILDBOT_AUTH"
#: What 0.7.5 used, and every PBChangeSource that is told nothing else.
_USER, _PASSWORD = "change", "changepw"


def sendchange(config: Config) -> int:
    """Send a change. Status 0 once the master has it on disk. Runs the reactor, which can be done once.

    @raise CommandFailed: it does not have it, or it is not known whether it has.
    """
    from twisted.internet import reactor as theReactor

    reactor: Any = theReactor
    results: list[object] = []

    def done(result: object) -> None:
        results.append(result)
        reactor.stop()

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    reactor.callWhenRunning(lambda: maybeDeferred(send, config).addBoth(done))
    reactor.run()
    for number, handler in handlers.items():  # the reactor of old Twisteds leaves its own
        signal.signal(number, handler)
    if not results:
        raise KeyboardInterrupt
    (result,) = results
    if isinstance(result, Failure):
        if result.check(SendFailed):
            raise CommandFailed(*str(result.value).splitlines())
        result.raiseException()
    say(config, "change sent successfully")
    return 0


def send(config: Config) -> Deferred[None]:
    """Send a change, while a reactor runs.

    @return: fires once the master has it; fails with L{SendFailed}, or with L{CommandFailed} if a file
        cannot be read, or what it was to hold, or the address, is not understood.
    """
    try:
        user, password = auth(config, os.environ)
        revision, comments = _revision(config), _comments(config)
        sender = Sender(
            str(config["master"]), None, user, password, timeout=setting(config, "timeout", float, 60.0)
        )
    except CommandFailed:
        return fail()
    except ValueError as why:
        return fail(CommandFailed(f"--master: {why}", status=2))
    more = {name: config[name] for name in ("category",) if config.get(name) is not None}
    files: Any = config.get("files") or ()
    return sender.send(
        _sendable(config.get("branch")),
        _sendable(revision),
        _sendable(comments),
        [_sendable(name) for name in files],
        _sendable(config.get("username")),
        **{name: _sendable(value) for name, value in more.items()},
    )


def auth(config: Config, environ: Any) -> tuple[str, str]:
    """User and password of the account. Raises L{CommandFailed} if what was given is none."""
    given, path = config.get("auth"), config.get("auth-file")
    if path is not None:
        given, whence = _read("auth-file", str(path)).strip(), "--auth-file"
    elif given is not None:
        whence = "--auth"
    elif environ.get(AUTH):
        given, whence = environ[AUTH], AUTH
    else:
        return _USER, _PASSWORD
    user, colon, password = str(given).partition(":")
    if not (user and colon and password) or "\n" in password:
        raise CommandFailed(f"{whence} must hold USER:PASSWORD")
    return user, password


def _revision(config: Config) -> Any:
    """The revision, however it was given."""
    path = config.get("revision_file")
    if path is not None:
        return _read("revision_file", str(path))
    number = config.get("revision_number")
    return config.get("revision") if number is None else number


def _comments(config: Config) -> str:
    path = config.get("logfile")
    return _read("logfile", str(path)) if path is not None else str(config.get("comments") or "")


def _read(option: str, path: str) -> str:
    """The text of the file that an option names. Raises L{CommandFailed} if it cannot be read."""
    if path == "-" and sys.stdin is None:
        raise CommandFailed(f"--{option}: standard input is closed")
    try:
        if path == "-":
            return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read()
    except OSError as why:
        raise CommandFailed(f"--{option}: cannot read {path}: {why.strerror}") from None


def _sendable(value: Any) -> Any:
    """Text as it is; what was no UTF-8 as the bytes that it was."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogateescape")
    return value

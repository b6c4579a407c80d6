# -*- test-case-name: tests.unit.scripts.test_sendchange -*-
"""The command C{sendchange}: send changes to a local or remote master.

L{buildbot.clients.sendchange} implements the protocol.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail

from buildbot.clients.sendchange import ACCOUNT, Sender, SendFailed
from buildbot.control.client import ControlError, NoAnswer
from buildbot.daemon.oserrors import inWords
from buildbot.events.onuse import onUse
from buildbot.scripts.inreactor import resultOf
from buildbot.scripts.output import CommandFailed, Config, complain, say, setting, tokenOf, waiting
from buildbot.text.plural import counted
from buildbot.text.undecoded import sendable

if TYPE_CHECKING:
    from buildbot.control import remote
else:  # it is slow to import, and seldom needed
    remote = onUse("buildbot.control.remote")

#: The environment variable that may hold USER:PASSWORD.
AUTH = "BUILDBOT_AUTH"
#: The keys of a change. 0.7.5 ignores the second half.
_KEYS = frozenset(
    "who files comments branch revision category isdir links "
    "when revlink properties repository project codebase".split()
)
#: The most invalid lines of a file that are listed.
_MOST_WRONG = 10
#: The most bytes of a change that the API takes.
_LARGEST = 4 * 1024 * 1024


def sendchange(config: Config) -> int:
    """Send changes. Status 0 once the master has them on disk. Runs the reactor, so call it only once.

    @raise CommandFailed: a change was not sent, or the master did not confirm it.
    """
    if config.get("url"):
        return _sendToURL(config)
    try:
        with waiting(config, f"{config.get('master')} to accept the change"):
            resultOf(lambda: send(config))
    except SendFailed as why:
        raise CommandFailed(*str(why).splitlines()) from None
    if config.get("changes") is None:
        say(config, "change sent successfully")
    return 0


def send(config: Config) -> Deferred[None]:
    """Send a change, or all changes of a file. The reactor must be running.

    @return: fires once the master has confirmed them. Fails with L{SendFailed}; or with L{CommandFailed} if a
        file cannot be read, a value or the address is invalid, or the master refuses a change.
    """
    try:
        user, password = auth(config, os.environ)
        path = config.get("changes")
        listed = None if path is None else changesOf(_read("changes", str(path)), str(path))
        revision, comments = _revision(config), _comments(config)
        sender = Sender(
            str(config["master"]), None, user, password, timeout=setting(config, "timeout", float, 60.0)
        )
    except CommandFailed:
        return fail()
    except ValueError as why:
        return fail(CommandFailed(f"--master: {why}", status=2))
    if listed is not None:
        return _sendListed(config, sender, listed)
    more = _more(config, "category")
    files: Any = config.get("files") or ()
    return sender.send(
        sendable(config.get("branch")),
        sendable(revision),
        sendable(comments),
        [sendable(name) for name in files],
        sendable(config.get("username")),
        **{name: _allSendable(value) for name, value in more.items()},
    )


def _more(config: Config, *names: str) -> dict[str, Any]:
    """The further facts about the change, of which old masters know some."""
    names = (*names, "repository", "project", "codebase", "revlink", "when")
    more = {name: config[name] for name in names if config.get(name) is not None}
    return {**more, **({"properties": config["properties"]} if config.get("properties") else {})}


def _sendToURL(config: Config) -> int:
    """Send changes to the API of a master. Status 0 once it has them on disk.

    @raise CommandFailed: a change was not sent, or the master did not confirm it.
    """
    path = config.get("changes")
    if path is not None:
        return _sendListedToURL(config, changesOf(_read("changes", str(path)), str(path)))
    files: Any = config.get("files") or ()
    change = {
        "who": config["username"],
        "files": list(files),
        "comments": _comments(config),
        "revision": _revision(config),
        **_more(config, "branch", "category"),
    }
    answer = _post(config, {name: _allSendable(value) for name, value in change.items() if value is not None})
    say(config, f"change {answer['change']} sent successfully")
    return 0


def _sendListedToURL(config: Config, listed: Sequence[dict[str, Any]]) -> int:
    """Send the changes of a file one after the other, and print the outcome of each at once."""
    refused = 0
    for number, change in enumerate(listed, 1):
        why = None
        try:
            _post(config, change)
        except _NeverTaken as failed:  # after any other failure, the next change would fail, too
            why = str(failed)
        refused += why is not None
        _tell(config, number, why)
    if refused:
        raise _refusedChanges(refused, len(listed))
    return 0


class _NeverTaken(CommandFailed):
    """The master never takes this change. It may take other changes."""


def _post(config: Config, change: Mapping[str, Any]) -> Any:
    """Send one change to the API, and return the answer. Raises L{CommandFailed}."""
    url, patience = str(config["url"]), setting(config, "timeout", float, 60.0)
    wrong = next(_undecoded(change), None)
    if wrong is not None:
        raise _NeverTaken(f"--url: only text in UTF-8 can be sent, not {wrong!r}")
    if len(json.dumps(change)) > _LARGEST:
        raise _NeverTaken(f"--url: the change has more than {_LARGEST} bytes: too large to send")
    try:
        with waiting(config, f"{url} to accept the change"):
            return remote.request(url, tokenOf(config), "sendchange", change, patience)
    except remote.NeverTaken as why:
        raise _NeverTaken(str(why)) from None
    except NoAnswer as why:
        raise CommandFailed(f"{why}; it may still take the change") from None
    except ControlError as why:
        raise CommandFailed(*str(why).split("\n")) from None


def _undecoded(value: object) -> Iterator[bytes]:
    """The texts in a value that are not valid UTF-8."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, (list, Mapping)):
        for each in [*value, *value.values()] if isinstance(value, Mapping) else value:
            yield from _undecoded(each)


def _tell(config: Config, number: int, why: str | None) -> None:
    """Print the outcome of one change of a file."""
    if config.get("json"):
        print(json.dumps({"change": number, "sent": why is None, "why": why}), flush=True)
    else:
        say(config, f"change {number}: {'sent' if why is None else f'not sent: {why}'}")


def _refusedChanges(refused: int, all: int) -> CommandFailed:
    count = f"{refused} of {counted(all, 'change')}"
    return CommandFailed(f"the master refuses {count}: sending again does not help")


def _sendListed(config: Config, sender: Sender, listed: Sequence[dict[str, Any]]) -> Deferred[None]:
    """Send the changes of a file over one connection, and print the outcome of each at once."""
    refused: list[int] = []

    def told(index: int, why: str | None) -> None:
        if why is not None:
            refused.append(index)
        _tell(config, index + 1, why)

    def over(result: object) -> None:
        if refused:
            raise _refusedChanges(len(refused), len(listed))

    return sender.sendAll(listed, told).addCallback(over)


def changesOf(text: str, path: str) -> list[dict[str, Any]]:
    """The changes of a file with one per line. Raises L{CommandFailed} with the invalid lines."""
    changes, wrong = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                changes.append(_changeOf(json.loads(line)))
            except ValueError as why:
                wrong.append(f"--changes: {path}, line {number}: {why}")
    if wrong:
        more = [f"and {counted(len(wrong) - _MOST_WRONG, 'more line')}"] if len(wrong) > _MOST_WRONG else []
        raise CommandFailed(*wrong[:_MOST_WRONG], *more)
    return changes


def _changeOf(said: object) -> dict[str, Any]:
    """A change with the keys of the protocol. Raises ValueError, with the reason, if it is not valid."""
    if not isinstance(said, dict):
        raise ValueError("a change must be a JSON object")
    missing = [key for key in ("who", "files", "comments") if key not in said]
    if missing:
        raise ValueError(f"a change needs {', '.join(missing)}")
    unknown = sorted(set(said) - _KEYS)
    if unknown:
        raise ValueError(f"a change cannot have {', '.join(unknown)}")
    if not isinstance(said["files"], list):
        raise ValueError("files must be a list of names")
    return {key: _allSendable(value) for key, value in said.items()}


def auth(config: Config, environ: Mapping[str, str], default: tuple[str, str] = ACCOUNT) -> tuple[str, str]:
    """The user and password of the account. Raises L{CommandFailed} if the option is not USER:PASSWORD.

    @param default: the account without any option.
    """
    given, path = config.get("auth"), config.get("auth-file")
    if path is not None:
        given, whence = _read("auth-file", str(path)).strip(), "--auth-file"
    elif given is not None:
        whence = "--auth"
    elif environ.get(AUTH):
        given, whence = environ[AUTH], AUTH
    else:
        return default
    user, colon, password = str(given).partition(":")
    if not (user and colon and password) or "\n" in password:
        raise CommandFailed(f"{whence} must hold USER:PASSWORD", status=2 if whence == "--auth" else 1)
    return user, password


def _revision(config: Config) -> Any:
    """The revision, from the option that was given."""
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
            if sys.stdin.isatty():
                complain(f"--{option}: type it, and end it with Ctrl-D on a line of its own")
            return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read()
    except OSError as why:
        why.filename = why.filename or ("standard input" if path == "-" else path)
        raise CommandFailed(f"--{option}: cannot read {inWords(why)}") from None


def _allSendable(value: object) -> Any:
    """Apply L{sendable} to all texts in a JSON value."""
    if isinstance(value, list):
        return [_allSendable(each) for each in value]
    if isinstance(value, dict):
        return {sendable(key): _allSendable(each) for key, each in value.items()}
    return sendable(value)

# -*- test-case-name: tests.unit.control.test_server -*-
"""The command line's side of a master's control socket: one question, one answer, blocking.

It knows no reactor and no command by name, so that asking costs no more than a socket does.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from buildbot.daemon.directory import SOCKET
from buildbot.daemon.oserrors import inWords

#: How long a path the smallest sun_path we know (104 bytes) takes for certain.
_SHORT = 100


#: A request has no more bytes than this.
LONGEST = 65536


class NotRunning(Exception):
    """Nobody listens on the control socket of the directory."""


class ControlError(Exception):
    """The command was refused or failed; the message is for the user."""


class NoAnswer(ControlError):
    """The time was over before the master had answered; it may have the command all the same."""


def ask(basedir: str, command: str, timeout: float | None = None, **params: object) -> object:
    """What the master of a directory answers to a command: any JSON value.

    @param timeout: for how many seconds to wait at the most; None waits as long as the master lives.
    @param params: the command's own parameters. For one that is named like ours see L{request}.
    @raise NotRunning: nobody listens there.
    @raise ControlError: the master's own words, or that it went away; L{NoAnswer}: the time is over.
    """
    return request(basedir, command, params, timeout)


def request(
    basedir: str, command: str, params: Mapping[str, object], patience: float | None = None
) -> object:
    """L{ask}, with the command's parameters apart from ours.

    @param patience: for how many seconds to wait at the most.
    """
    end = None if patience is None else time.monotonic() + patience
    question = json.dumps({**params, "command": command}).encode("ascii") + b"\n"
    if len(question) > LONGEST:
        raise ControlError(
            f"the request has {len(question)} bytes, and a master takes at most {LONGEST}: say less with it"
            f"{_longest(params)}"
        )
    with _connected(basedir, end) as conversation:
        try:
            _allow(conversation, end)
            with suppress(BrokenPipeError):  # it may have said why
                conversation.sendall(question)
            answer = _readLine(conversation, end)
        except TimeoutError:
            raise NoAnswer(f"the master has not answered within {patience:g} s") from None
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    try:
        said = json.loads(answer)
    except ValueError:
        raise ControlError("the master ended the connection before it answered: see its twistd.log") from None
    if "error" in said:
        raise ControlError(str(said["error"]))
    return said["ok"]


def _longest(params: Mapping[str, object]) -> str:
    """Which parameter makes a request long."""
    sizes = {name: len(json.dumps(value)) for name, value in params.items()}
    name = max(sizes, key=lambda name: sizes[name], default="")
    return f" ({name} alone has {sizes[name]})" if name else ""


@contextmanager
def socketPath(basedir: str) -> Iterator[str]:
    """A name of the directory's control socket that fits into a socket address, while the context lasts."""
    path = os.path.join(basedir, SOCKET)
    if len(os.fsencode(path)) <= _SHORT:
        yield path
        return
    directory = os.open(basedir, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{SOCKET}"
    finally:
        os.close(directory)


@contextmanager
def _connected(basedir: str, end: float | None) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as conversation:
        try:
            with socketPath(basedir) as path:
                _connect(conversation, path, end)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            raise NotRunning(basedir) from None
        except PermissionError as why:
            refused = PermissionError(why.errno, why.strerror, os.path.join(basedir, SOCKET))
            raise ControlError(f"cannot ask the master: {inWords(refused)}") from None
        except TimeoutError:
            raise
        except OSError as why:
            raise ControlError(f"cannot ask the master through {basedir}/{SOCKET}: {inWords(why)}") from None
        yield conversation


def _connect(conversation: socket.socket, path: str, end: float | None) -> None:
    while True:
        try:
            _allow(conversation, end)
            return conversation.connect(path)
        except OSError as why:
            # The queue of the listener is full: with a time limit, connecting does not wait for it.
            if why.errno != errno.EAGAIN:
                raise
        time.sleep(0.01)


def _allow(conversation: socket.socket, end: float | None) -> None:
    """Let the next operation take what is left of the time. Raises TimeoutError when nothing is."""
    if end is not None:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        conversation.settimeout(left)


def _readLine(conversation: socket.socket, end: float | None) -> bytes:
    """What the master says up to its first newline, or all it said if it went away before."""
    parts: list[bytes] = []
    while not parts or b"\n" not in parts[-1]:
        _allow(conversation, end)
        part = conversation.recv(65536)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)

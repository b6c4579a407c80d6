# -*- test-case-name: tests.unit.control.test_server -*-
"""The command line's side of a master's control socket: one request, one answer, blocking.

It does not import the reactor, so that a command starts fast.
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

#: The most bytes of a path that fit into every system's sun_path (the smallest known has 104 bytes).
_SHORT = 100


#: The most bytes of a request.
LONGEST = 65536

#: The begin of each refusal by a master that waits as a standby.
STANDS_BY = "this master waits as a standby"


class NotRunning(Exception):
    """No master listens on the control socket of the directory."""


class ControlError(Exception):
    """The command was refused or failed; the message is for the user.

    @ivar status: the status of HTTP, if a web server has refused it; else 0.
    """

    status = 0


class Unreachable(ControlError):
    """The web server of a master on another machine cannot be reached."""


class HungUp(ControlError):
    """The master ended the connection before it answered: it may have stopped, or been killed."""


class NoAnswer(ControlError):
    """The master did not answer in time. It may still carry out the command."""


def ask(basedir: str, command: str, timeout: float | None = None, **params: object) -> object:
    """Send a command to the master of a directory, and return its answer: any JSON value.

    @param timeout: the most seconds to wait; None: no limit.
    @param params: the parameters of the command. For a parameter named like one of mine, use L{request}.
    @raise NotRunning: no master listens there.
    @raise ControlError: the master refused the command; L{HungUp}: it ended the connection; L{NoAnswer}: it
        did not answer in time.
    """
    return request(basedir, command, params, timeout)


def request(
    basedir: str, command: str, params: Mapping[str, object], patience: float | None = None
) -> object:
    """The same as L{ask}, with the command's parameters as a mapping.

    @param patience: the most seconds to wait; None: no limit.
    """
    end = None if patience is None else time.monotonic() + patience
    question = json.dumps({**params, "command": command}).encode("ascii") + b"\n"
    if len(question) > LONGEST:
        raise ControlError(
            f"the request has {len(question)} bytes; a master accepts at most {LONGEST}: make it shorter"
            f"{_longest(params)}"
        )
    with _connected(basedir, end) as conversation:
        try:
            _allow(conversation, end)
            with suppress(BrokenPipeError):  # the reason may be in its answer
                conversation.sendall(question)
            answer = _readLine(conversation, end)
        except TimeoutError:
            raise NoAnswer(f"the master did not answer within {patience:g} s") from None
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
    try:
        said = json.loads(answer)
    except ValueError:
        raise HungUp("the master ended the connection before it answered: see its twistd.log") from None
    if "error" in said:
        raise ControlError(str(said["error"]))
    return said["ok"]


def _longest(params: Mapping[str, object]) -> str:
    """Name the longest parameter of a request, in brackets, for an error message."""
    sizes = {name: len(json.dumps(value)) for name, value in params.items()}
    name = max(sizes, key=lambda name: sizes[name], default="")
    return f" ({name} alone has {sizes[name]})" if name else ""


@contextmanager
def socketPath(basedir: str) -> Iterator[str]:
    """A context with a path to the control socket that is short enough for a socket address."""
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
    """Limit the next operation to the remaining time. Raises TimeoutError if no time is left."""
    if end is not None:
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        conversation.settimeout(left)


def _readLine(conversation: socket.socket, end: float | None) -> bytes:
    """Read up to the first newline, or to the end of the connection."""
    parts: list[bytes] = []
    while not parts or b"\n" not in parts[-1]:
        _allow(conversation, end)
        part = conversation.recv(65536)
        if not part:
            break
        parts.append(part)
    return b"".join(parts)

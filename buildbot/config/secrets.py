# -*- test-case-name: tests.unit.config.test_secrets -*-
"""Passwords for master.cfg from a file or from the environment, so that the file itself can be shown around.

Nothing is stored or encrypted: a slave's login is a challenge that the master can only check with the
password itself. What is handed out here is kept for the length of one load, to be struck from its messages.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType

from buildbot.config.model import ConfigError, ConfigErrors
from buildbot.files.plain import NotPlain, readPlain

#: A password file longer than this is some other file.
LARGEST = 4096
#: Characters from which on a password is not part of a word by chance.
LONG = 8
#: What stands in a message where a password was.
STRUCK = "********"
#: What the helpers hand out for a password that they could not get, once they have reported that.
_LACKING = "(no password)"


@dataclass
class Loading:
    """I am one load that is going on: where the helpers report what is wrong.

    @ivar basedir: what relative paths are relative to.
    @ivar place: says which line of the configuration runs now, or called what runs now; frames that the
        function given to it is true of do not count.
    """

    basedir: str
    place: Callable[[Callable[[FrameType], bool]], tuple[str | None, int | None]]
    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set, repr=False)
    _made: dict[int, tuple[object, tuple[str | None, int | None]]] = field(default_factory=dict, repr=False)

    def report(self, message: str) -> None:
        """The line that runs now is wrong."""
        self.errors.append(ConfigError(self.strike(message), *self.place(_every)))

    def remember(self, made: object) -> None:
        """An object is made by the line that runs now: L{madeAt} can tell so later on."""
        self._made[id(made)] = made, self.place(lambda frame: _isOwn(frame, made))

    def madeAt(self, made: object) -> tuple[str | None, int | None]:
        """Where an object was made; (None, None) if it was not remembered."""
        return self._made.get(id(made), (None, (None, None)))[1]

    def strike(self, text: str) -> str:
        """The text without any password that was handed out while loading.

        A short one counts only where it is a word of its own, or it would be struck from other words.
        """
        for secret in sorted(self.secrets, key=len, reverse=True):
            word = re.escape(secret) if len(secret) >= LONG else rf"(?<!\w){re.escape(secret)}(?!\w)"
            text = re.sub(word, STRUCK, text)
        return text


#: The load that the code now running is part of.
current: ContextVar[Loading | None] = ContextVar("current", default=None)


class Reported(Exception):
    """An object of the configuration cannot be made, and why has been reported already."""


def _every(frame: FrameType) -> bool:
    return False


def _isOwn(frame: FrameType, made: object) -> bool:
    """Whether a method of an object runs here."""
    names = frame.f_code.co_varnames
    return bool(names) and frame.f_locals.get(names[0]) is made


def passwordFromFile(path: str) -> str:
    """The one line that a file holds, without its end; C{path} is relative to the master's directory.

    A file that others can read is used, with a warning. While a configuration is loaded, one that cannot
    be used is an error of that configuration, reported with all others.

    @raise ConfigErrors: at any other time, for a file that cannot be used.
    """
    loading = current.get()
    try:
        return _handOut(_read(os.path.join(loading.basedir if loading else "", os.path.expanduser(path))))
    except _Unusable as error:
        return _lacking(f"password file {path}: {error}")


def passwordFromEnv(name: str) -> str:
    """The value of an environment variable. What is wrong is told as L{passwordFromFile} does."""
    value = os.environ.get(name)
    if value and _isSeveral(value):
        return _lacking(f"the environment variable {name}, which is to hold a password, has several lines")
    if value:
        return _handOut(value)
    state = "not set" if value is None else "empty"
    return _lacking(f"the environment variable {name}, which is to hold a password, is {state}")


class _Unusable(Exception):
    """A file holds no password; the message says why."""


def _read(path: str) -> str:
    """The password in a file.

    @raise _Unusable: there is none.
    """
    try:
        with readPlain(path) as stream:
            about = os.fstat(stream.fileno())
            data = stream.read(LARGEST + 1)
    except NotPlain as error:
        raise _Unusable(f"this is {error.kind}, not a plain file") from None
    except OSError as error:
        raise _Unusable(error.strerror or type(error).__name__) from None
    except ValueError:  # a null character in the name
        raise _Unusable("no file can have this name") from None
    if len(data) > LARGEST:
        raise _Unusable(f"this is longer than {LARGEST} bytes: it must hold only a password")
    try:
        line = data.decode("utf-8")
    except UnicodeDecodeError:
        raise _Unusable("this is not UTF-8 text") from None
    password = line.rstrip("\r\n")
    if not password:
        raise _Unusable("this is empty")
    if _isSeveral(password):
        raise _Unusable("this has more than one line: it must hold only a password")
    if about.st_mode & (stat.S_IRGRP | stat.S_IROTH):
        _warn(path, about.st_mode)
    return password


def _isSeveral(password: str) -> bool:
    """Whether that is more than one line; more than one line end at the end counts for one."""
    return "\n" in password or "\r" in password


def _warn(path: str, mode: int) -> None:
    who = "everybody on this machine" if mode & stat.S_IROTH else "its group"
    _report(f"the password file can be read by {who}: chmod 600 {shlex.quote(path)}")


def _report(message: str) -> None:
    loading = current.get()
    if loading:
        loading.warnings.append(ConfigError(message, *loading.place(_every)))


def _handOut(password: str) -> str:
    loading = current.get()
    if loading:
        loading.secrets.add(password)
    return password


def _lacking(message: str) -> str:
    loading = current.get()
    if loading is None:
        raise ConfigErrors([ConfigError(message)])
    loading.errors.append(ConfigError(message, *loading.place(_every)))
    return _LACKING

# -*- test-case-name: tests.unit.config.test_secrets -*-
"""Read passwords for master.cfg from a file, from the environment or from systemd, so that it can be shared.

Nothing is encrypted: the master needs the password itself to check a slave's login. Each password read is
remembered during the load, to remove it from messages.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType

from buildbot.config.model import ConfigError, ConfigErrors
from buildbot.files.plain import NotPlain, readPlain
from buildbot.text.secrets import struckOut
from buildbot.text.similar import closest

#: The most bytes of a password file.
LARGEST = 4096
#: The helpers return this instead of a password after they have reported an error.
_LACKING = "(no password)"
#: The environment variable with the directory of systemd's credentials.
CREDENTIALS = "CREDENTIALS_DIRECTORY"
#: The most names of credentials in an error.
_MOST_NAMES = 20


@dataclass
class Loading:
    """I am a running load. The helpers report errors to me.

    @ivar basedir: the directory for relative paths.
    @ivar missing: the names that the file imports and this release lacks.
    @ivar place: returns the deepest line of the configuration in the current calls, without frames for
        which its argument returns True.
    """

    basedir: str
    place: Callable[[Callable[[FrameType], bool]], tuple[str | None, int | None]]
    errors: list[ConfigError] = field(default_factory=list)
    warnings: list[ConfigError] = field(default_factory=list)
    secrets: set[str] = field(default_factory=set, repr=False)
    missing: list[str] = field(default_factory=list)
    _made: dict[int, tuple[object, tuple[str | None, int | None]]] = field(default_factory=dict, repr=False)

    def report(self, message: str) -> None:
        """Report an error in the line that runs now."""
        self.errors.append(ConfigError(self.strike(message), *self.place(_every)))

    def remember(self, made: object) -> None:
        """Record the line that runs now as the one that creates an object, for L{madeAt}."""
        self._made[id(made)] = made, self.place(lambda frame: _isOwn(frame, made))

    def liken(self, copy: object, original: object) -> None:
        """Give a copy the place of its original, for L{madeAt}."""
        if id(original) in self._made:
            self._made[id(copy)] = copy, self.madeAt(original)

    def madeAt(self, made: object) -> tuple[str | None, int | None]:
        """The file and line that created an object, or (None, None)."""
        return self._made.get(id(made), (None, (None, None)))[1]

    def strike(self, text: str) -> str:
        """The text without the passwords that this load has read; see L{buildbot.text.secrets.struckOut}."""
        return struckOut(text, self.secrets)


#: The current load, or None.
current: ContextVar[Loading | None] = ContextVar("current", default=None)


class Reported(Exception):
    """An object of the configuration cannot be created. The errors have been reported already."""


def _every(frame: FrameType) -> bool:
    return False


def _isOwn(frame: FrameType, made: object) -> bool:
    """True if the frame runs a method of C{made}."""
    names = frame.f_code.co_varnames
    return bool(names) and frame.f_locals.get(names[0]) is made


def passwordFromFile(path: str) -> str:
    """Read a password: the only line of a file. C{path} is relative to the master's directory.

    A file that other users can read causes a warning. During a load, an unusable file is reported with the
    other errors of the configuration.

    @raise ConfigErrors: the file is unusable and no load is running.
    """
    loading = current.get()
    try:
        return _handOut(_read(os.path.join(loading.basedir if loading else "", os.path.expanduser(path))))
    except _Unusable as error:
        return _lacking(f"password file {path}: {error}")


def passwordFromEnv(name: str) -> str:
    """Read a password from an environment variable. Errors are as in L{passwordFromFile}."""
    value = os.environ.get(name)
    if value and _isSeveral(value):
        return _lacking(f"the environment variable {name}, which is to hold a password, has several lines")
    if value:
        return _handOut(value)
    state = "not set" if value is None else "empty"
    return _lacking(f"the environment variable {name}, which is to hold a password, is {state}")


def passwordFromCredential(name: str) -> str:
    """Read a password that systemd hands to the master (C{LoadCredential=}, C{SetCredential=}).

    It is the only line of the file C{name} in the directory that C{$CREDENTIALS_DIRECTORY} names. Errors are
    as in L{passwordFromFile}.
    """
    if not isinstance(name, str) or not name or name in (".", "..") or "/" in name or "\0" in name:
        return _lacking("the name of a credential is text without a slash, as in LoadCredential=NAME:PATH")
    directory = os.environ.get(CREDENTIALS)
    if not directory:
        return _lacking(
            f"credential {name}: the variable {CREDENTIALS} is not set; systemd sets it for a unit with the"
            f" line LoadCredential={name}:PATH"
        )
    path = os.path.join(directory, name)
    if not os.path.lexists(path):
        return _lacking(f"credential {name}: {_noCredential(directory, name)}")
    try:
        return _handOut(_read(path, isOurs=_isClosed(directory)))
    except _Unusable as error:
        return _lacking(f"credential {name}: {error}")


def _noCredential(directory: str, name: str) -> str:
    """The reason and the remedy if a credential is missing."""
    try:
        names = sorted(os.listdir(directory))[:_MOST_NAMES]
    except OSError as error:
        return f"cannot look into {directory}: {error.strerror}"
    like = closest(name, names)
    known = f"there are {', '.join(names)}" if names else "there are none"
    hint = f"; did you mean {like!r}?" if like else ""
    return f"the unit hands no such one to the master ({known}){hint}"


def _isClosed(directory: str) -> bool:
    """True if other users cannot enter a directory.

    The files of credentials show the mode of their access list, so they may look open to a group.
    """
    try:
        return not os.stat(directory).st_mode & stat.S_IXOTH
    except OSError:
        return False


class _Unusable(Exception):
    """The file has no usable password; the message says why."""


def _read(path: str, isOurs: bool = False) -> str:
    """The password in a file.

    @param isOurs: True if its directory keeps others out, whatever the mode of the file is.
    @raise _Unusable: the file has no usable password.
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
    if about.st_mode & (stat.S_IRGRP | stat.S_IROTH) and not isOurs:
        _warn(path, about.st_mode)
    return password


def _isSeveral(password: str) -> bool:
    """True for more than one line, also for several line ends at the end."""
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

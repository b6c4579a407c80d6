# -*- test-case-name: tests.unit.wire.test_jelly -*-
"""Errors from peers of all generations, with all attributes that Twisted expects.

L{buildbot.wire.jelly} decodes errors. The receiver of an error decides how to react.

Importing this module registers L{RemoteFailure}, so that Twisted's own brokers too understand old peers.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from typing import Any, NoReturn, TextIO

from twisted.spread import pb

from buildbot.wire.dialect import text

_TYPE_LIMIT = 256
_VALUE_LIMIT = 4 * 1024
_TRACEBACK_LIMIT = 64 * 1024
_PARENTS_LIMIT = 64
#: Python 2's names of the exceptions that Python 3 calls OSError.
_OS_ERRORS = {f"exceptions.{name}" for name in ("IOError", "EnvironmentError", "WindowsError")}


class RaisedRemotely(pb.RemoteError):
    """The master raises this for an exception that a peer reported.

    C{str} is the peer's message; C{remoteType} and C{remoteTraceback} are as in L{RemoteFailure}.
    """

    @property
    def __failure__(self) -> NoReturn:
        # Twisted 22.10 stores the failure here and would raise a broken copy of it.
        raise AttributeError("__failure__")

    @__failure__.setter
    def __failure__(self, failure: object) -> None:
        pass


class RemoteFailure(pb.CopiedFailure):
    """I am an error that a peer reported, of any generation.

    I have all attributes even if the peer sent invalid ones. Their contents come from the peer: C{check} is
    true for any name that the peer sends. Awaiting a Deferred that failed with me raises my C{value}, whose
    type is always the same.

    @ivar type: the dotted name of the exception, as text. Python 2's built-in exceptions get their Python 3
        names.
    @ivar value: a L{RaisedRemotely}.
    @ivar traceback: the peer's traceback as text, or a line that says it is unavailable.
    @ivar parents: the dotted names of the exception's classes, as text; C{type} is the first.
    @ivar fromPython2: True if the error has the form that Python 2 sends.
    """

    type: str  # type: ignore[assignment]  # a local failure has the class here
    value: RaisedRemotely
    traceback: str
    fromPython2: bool

    def setCopyableState(self, state: object) -> None:
        """Fill my attributes from the state that C{pb.CopyableFailure} of the peer sent.

        @param state: a dictionary of attributes; any other type counts as an empty dictionary.
        """
        given = state if isinstance(state, dict) else {}
        known = {
            key.decode("ascii", "replace") if isinstance(key, bytes) else key: given[key] for key in given
        }
        name = _exceptionName(known.get("type")) or "unknown"
        traceback = _said(known.get("traceback"), _TRACEBACK_LIMIT) or "Traceback unavailable\n"
        parents = known.get("parents")
        if not isinstance(parents, (list, tuple)):
            parents = ()
        names = [name, *filter(None, map(_exceptionName, parents[:_PARENTS_LIMIT]))]
        self.__dict__ = {
            "type": name,
            "value": RaisedRemotely(name, _said(known.get("value"), _VALUE_LIMIT), traceback),
            "traceback": traceback,
            # Twisted up to 24.3 reads "parents". Later releases have a property of that name, which reads
            # "_parents".
            "parents": list(dict.fromkeys(names)),
            "_parents": list(dict.fromkeys(names)),
            "fromPython2": any(isinstance(key, bytes) for key in given),
            "tb": None,
            "frames": [],
            "stack": [],
        }

    def __repr__(self) -> str:
        return f"<RemoteFailure {self.type}: {text(str(self.value), 200)}>"

    def printTraceback(
        self, file: TextIO | None = None, elideFrameworkCode: object = False, detail: str = "default"
    ) -> None:
        """Write one line about the error and its remote origin, without my C{traceback}."""
        said = text(str(self.value), _VALUE_LIMIT)
        (file or sys.stderr).write(f"Traceback from remote host -- {self.type}: {said}\n")

    printBriefTraceback = printTraceback
    printDetailedTraceback = printTraceback

    def cleanFailure(self) -> None:
        """Do nothing: I hold no local objects. Twisted's method would delete my C{parents}."""

    def throwExceptionIntoGenerator(self, g: Generator[Any, Any, Any]) -> Any:
        """Raise my C{value} in the generator C{g}, and return its next value."""
        return g.throw(self.value.with_traceback(None))


def isOfOpenSSL(error: object) -> bool:
    """True for an error of OpenSSL."""
    return type(error).__module__.startswith("OpenSSL")


def handshakeFailed(error: BaseException | None) -> str:
    """A clause about a failed TLS handshake, with OpenSSL's reason if there is one."""
    errors = error.args[0] if error is not None and error.args else ()
    words = errors[-1][-1] if isinstance(errors, list) and errors and errors[-1] else ""
    return "the TLS handshake failed" + (f": {words}" if words else "")


def _exceptionName(name: object) -> str:
    """The Python 3 name of a remote exception."""
    name = _said(name, _TYPE_LIMIT).replace("\n", " ")
    if name in _OS_ERRORS:
        return "builtins.OSError"
    if name.startswith("exceptions."):
        return name.replace("exceptions.", "builtins.", 1)
    return name


def _said(value: object, limit: int) -> str:
    """An attribute of an error as text for the log; empty if it is not text or bytes."""
    if isinstance(value, pb.CopiedFailure):
        value = value.getErrorMessage()
    return text(value, limit, lines=True) if isinstance(value, (bytes, str)) else ""


pb.setUnjellyableForClass(pb.CopyableFailure, RemoteFailure)

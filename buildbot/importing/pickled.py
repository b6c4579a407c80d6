# -*- test-case-name: tests.unit.importing.test_pickled -*-
"""The program that reads pickles of an old master, in a process of its own, and executes nothing in them.

It imports nothing of this package. It gets pickles on its standard input and prints JSON: see L{main}.
Objects become dictionaries with the name of their class under L{CLASS}. A pickle that wants to call anything
except the few functions in L{_CALLS} is refused.
"""

from __future__ import annotations

import io
import json
import math
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

#: The key of an object's class in its dictionary. Classes of other packages begin with L{STRANGE}.
CLASS = ""
STRANGE = "?"
#: Limits of one answer: its levels, its values and its characters. The last two are a multiple of the bytes
#: of the pickle plus a number, because parts of a pickle may occur several times in its value.
MOST_LEVELS, FACTOR, MORE_VALUES, MORE_TEXT = 60, 8, 10_000, 1 << 20
#: The seconds of CPU for a small pickle, those for each byte of it, and the bytes of memory of the program.
CPU, CPU_PER_BYTE, MEMORY = 5, 1e-6, 2 << 30
_LARGEST = 1 << 63
#: Longer names are not kept.
_SHORT = 60
_LENGTH = struct.Struct("<Q")
#: The attributes that no build record needs. They are much of an old pickle.
_NOT_NEEDED = frozenset(
    (
        *(b"progress", b"events", b"watchers", b"currentStep", b"_addSourceStampToDatabase_lock"),
        *(b"runtime", b"compressMethod", b"tailBuffer", b"runEntries", b"entries", b"length", b"runLength"),
        *(b"logMaxTailSize", b"logMaxSize", b"nonHeaderLength", b"step_number", b"expectations", b"eta"),
    )
)


class Refused(ValueError):
    """The pickle does what no pickle of a master does; str() says what."""


class _Kind(type):
    """I am the class of inert classes: calling one is refused."""

    place: str

    def __call__(cls, *args: object, **more: object) -> object:
        raise Refused(f"it calls {cls.place}")


class Inert(metaclass=_Kind):
    """I stand for an object of any class, and can do nothing."""

    place = ""
    state: object = None

    def __new__(cls, *args: object) -> Inert:
        return object.__new__(cls)

    def __setstate__(self, state: object) -> None:
        self.state = state

    def __setitem__(self, name: object, value: object) -> None:
        """Ignore an item of a subclass of dict: no record needs it."""

    def append(self, value: object) -> None:
        """Ignore an item of a subclass of list: no record needs it."""

    def extend(self, values: object) -> None:
        """See L{append}."""


@lru_cache(maxsize=1000)
def _made(place: str) -> _Kind:
    return _Kind("Inert", (Inert,), {"place": place})


def _rebuilt(kind: object, *_: object) -> object:
    if not isinstance(kind, _Kind):
        raise Refused("it makes an object of no class")
    return Inert.__new__(kind)  # type: ignore[arg-type]


def _moment(*args: object) -> object:
    return Inert.__new__(_made("datetime"))  # type: ignore[arg-type]


#: The functions that pickles of a master may call.
_CALLS: dict[tuple[str, str], Callable[..., object]] = {
    ("copy_reg", "_reconstructor"): _rebuilt,
    ("copyreg", "_reconstructor"): _rebuilt,
    ("__builtin__", "set"): lambda values=(): list(values),
    ("builtins", "set"): lambda values=(): list(values),
    ("__builtin__", "frozenset"): lambda values=(): tuple(values),
    ("datetime", "datetime"): _moment,
    ("datetime", "date"): _moment,
    ("datetime", "timedelta"): _moment,
}


class _Unpickler(pickle.Unpickler):
    """I read one pickle. A class in it becomes an inert class, or a function of L{_CALLS}."""

    def find_class(self, module: str, name: str) -> Any:
        found = _CALLS.get((module, name))
        return _made(f"{module}.{name}") if found is None else found

    def persistent_load(self, pid: object) -> Any:
        raise Refused("it refers to an object outside of itself")


def read(data: bytes) -> object:
    """The plain value of a pickle: None, bool, int, float, str, list or dict.

    @raise Refused: it does what no pickle of a master does.
    @raise Exception: it is damaged, or too large.
    """
    try:
        found = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except Refused:
        raise
    except ValueError as error:
        if "extension code" in str(error):
            raise Refused("it has an extension code") from None
        raise
    return _Plain(len(data)).of(found)


@lru_cache(maxsize=1000)
def _attribute(name: bytes) -> str:
    """The name of an attribute. It is cached, because all pickles have the same names."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1")


class _Plain:
    """I convert one unpickled value, within limits."""

    def __init__(self, size: int) -> None:
        self._values = FACTOR * size + MORE_VALUES
        self._room = FACTOR * size + MORE_TEXT
        self._open: set[int] = set()

    def of(self, value: object) -> object:
        """The plain value."""
        kind = type(value)
        self._values -= 1
        if self._values < 0:
            raise Refused("it has too many values")
        if value is None or kind is bool:
            return value
        if kind is bytes or kind is str:
            return self._words(value)
        if kind is int:
            return value if -_LARGEST < value < _LARGEST else "(a number that is too large)"  # type: ignore[operator]
        if kind is float:
            return value if math.isfinite(value) else None  # type: ignore[arg-type]
        if id(value) in self._open:
            return None  # the value contains itself
        if len(self._open) >= MOST_LEVELS:
            raise Refused("it is nested too deeply")
        self._open.add(id(value))
        try:
            return self._deep(value)
        finally:
            self._open.discard(id(value))

    def _words(self, value: Any) -> str:
        self._room -= len(value)
        if self._room < 0:
            raise Refused("it has too much text")
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode()  # lone surrogates are no text
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return bytes(value).decode("latin-1")

    def _deep(self, value: object) -> object:
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.of(each) for each in value]
        if isinstance(value, dict):
            return {self._name(name): self.of(each) for name, each in value.items()}
        if isinstance(value, Inert):
            return self._object(value)
        return None  # a class, or a function of L{_CALLS}

    def _name(self, name: object) -> str:
        if type(name) is bytes and len(name) < _SHORT:
            self._room -= len(name)
            return _attribute(name)
        if isinstance(name, (tuple, list)):
            return ".".join(str(self.of(each)) for each in name[:100])
        return str(self.of(name))

    def _object(self, value: Inert) -> object:
        self._room -= len(value.place)
        if self._room < 0:
            raise Refused("it has too much text")
        module, _, name = value.place.rpartition(".")
        kind = name if module.split(".")[0] == "buildbot" else STRANGE + value.place
        state = value.state
        made = {}
        if isinstance(state, dict):
            made = {self._name(key): self.of(each) for key, each in state.items() if key not in _NOT_NEEDED}
        return {**made, CLASS: kind}


def answer(data: bytes) -> dict[str, object]:
    """The answer about one pickle: C{{"value": …}} or C{{"error": …}}."""
    try:
        return {"value": read(data)}
    except Refused as why:
        return {"error": f"refused: {why}"}
    except MemoryError:
        return {"error": "it needs too much memory"}
    except RecursionError:
        return {"error": "it is nested too deeply"}
    except Exception as why:  # damaged pickles raise any exception
        words = " ".join(str(why).split())[:200]
        return {"error": f"it is no whole pickle ({words or type(why).__name__})"}


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # the three that are open: no file can be opened


def main() -> None:
    """Answer until the end of the input. The argument is the most seconds of CPU for a small pickle.

    Each question and each answer begins with 8 bytes, its length in little-endian order. SIGPROF ends
    the program when one pickle has taken too much time.
    """
    cpu = float(sys.argv[1])
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    "é".encode("latin-1").decode("latin-1")  # loads the codec while files can be opened
    answer(b"N.")
    _limit()
    while len(head := source.read(_LENGTH.size)) == _LENGTH.size:
        data = source.read(_LENGTH.unpack(head)[0])
        signal.setitimer(signal.ITIMER_PROF, cpu + len(data) * CPU_PER_BYTE)
        try:
            said = json.dumps(answer(data)).encode()
        except (MemoryError, RecursionError):
            said = b'{"error": "it needs too much memory"}'
        signal.setitimer(signal.ITIMER_PROF, 0)
        sink.write(_LENGTH.pack(len(said)) + said)
        sink.flush()


if __name__ == "__main__":
    main()

# -*- test-case-name: tests.unit.config.test_arguments -*-
"""What the classes of a configuration take: each argument is held against its kind when an object is made.

A class says the kinds of its arguments beside its constructor::

    @arguments(name=TEXT, timeout=SECONDS_OR_NONE)
    def __init__(self, name, timeout=1200, **kwargs): ...

Arguments that are handed on to the constructor of a base class are checked there. Subclasses with arguments
of their own need nothing of this. Which kinds there are is in L{buildbot.config.kinds} and
L{buildbot.process.kinds}.

While a configuration is loaded, a wrong argument is reported and left out, and the file goes on: so all
errors are found at once. At any other time it is a L{BadArguments}.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from types import FrameType
from typing import Any, TypeVar

from buildbot.config import secrets
from buildbot.config.messages import nearest, shown
from buildbot.config.model import ConfigError
from buildbot.text.plural import counted

#: The default of an argument that must be given, where Python's own rules would forbid to leave it out.
REQUIRED: Any = inspect.Parameter.empty

_NONE: Mapping[str, Any] = {}
_Init = TypeVar("_Init", bound=Callable[..., None])


class BadArguments(TypeError, ValueError):
    """Arguments that a class cannot use: the message says for each what it must be."""


def _notAtAll(value: object) -> str | None:
    return None


@dataclass(frozen=True)
class Kind:
    """What an argument must be.

    @ivar expected: that in words, as in "must be ...".
    @ivar fits: whether a value is of this kind.
    @ivar detail: what is wrong with a value that does not fit, in words; None: the value itself tells.
    @ivar isSecret: the value may be a password, or hold one: no message shows it.
    @ivar standIn: goes on in the place of a wrong or missing value; None: the default of the argument does.
    """

    expected: str
    fits: Callable[[Any], bool]
    detail: Callable[[Any], str | None] = field(default=_notAtAll)
    isSecret: bool = False
    standIn: Any = None

    def trouble(self, value: object) -> str | None:
        """What is wrong with a value, as in "must be ..., not ..."; None if it is of this kind."""
        if self.fits(value):
            return None
        told = self.detail(value)
        return f"must be {self.expected}{f': {told}' if told else f', not {shown(value, self.isSecret)}'}"


def arguments(**kinds: Kind) -> Callable[[_Init], _Init]:
    """Have a constructor check its arguments, those in its C{**kwargs} too, if they have a kind here."""

    def decorate(init: _Init) -> _Init:
        taken = _Taken(init, kinds)

        @wraps(init)
        def checked(made: Any, *args: Any, **kwargs: Any) -> None:
            troubles: list[_Trouble] | None = made.__dict__.get("_troubles")
            if troubles is not None:
                args, kwargs = taken.read(made, args, kwargs, troubles)
                init(made, *args, **kwargs)
                return
            troubles = made.__dict__["_troubles"] = []
            try:
                args, kwargs = taken.read(made, args, kwargs, troubles)
                init(made, *args, **kwargs)
            except Exception:
                if not troubles:
                    raise
                _tell(made, troubles)
                raise secrets.Reported() from None  # what was raised follows from what is told
            finally:
                del made.__dict__["_troubles"]
            if troubles:
                _tell(made, troubles)

        checked.kinds = kinds  # type: ignore[attr-defined] # for those who ask for all of a class
        return checked  # type: ignore[return-value]

    return decorate


def complain(made: object, sentence: str, name: str | None = None, value: object = None) -> None:
    """For a constructor: tell of arguments that do not go together. Its caller may go on, or not.

    @param sentence: as in "takes no argument x"; the class goes before it.
    @param name: the argument that it is about, if it is one, and its C{value}. What is known to be wrong
        already is not told again.
    @raise BadArguments: the constructor checks no arguments.
    """
    troubles = made.__dict__.get("_troubles")
    if troubles is None:
        raise BadArguments(f"{_title(made, _NONE)} {sentence}")
    if name is None or all(each.name != name for each in troubles):
        troubles.append(_Trouble(sentence, name, value))


def remember(made: object) -> None:
    """For a constructor: the object is made here, if a configuration is being loaded."""
    loading = secrets.current.get()
    if loading is not None:
        loading.remember(made)


def isMisconfigured(made: object) -> bool:
    """Whether errors have been reported about an object: it is no more than a stand-in."""
    return bool(getattr(made, "_misconfigured", False))


def knownArguments(cls: type) -> list[str]:
    """The names of all arguments that a class or one of its bases takes."""
    names: dict[str, None] = {}
    for each in cls.__mro__:
        init = vars(each).get("__init__")
        if callable(init) and each is not object:
            names.update(dict.fromkeys(list(inspect.signature(init).parameters)[1:]))
            names.update(dict.fromkeys(getattr(init, "kinds", ())))
    return [name for name in names if name not in ("args", "kwargs")]


def named(init: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor by name; those that it does not take by position are left out."""
    if not args:
        return dict(kwargs)
    positions = _positions(init)
    return {**dict(zip(positions, _shifted(positions, args), strict=False)), **kwargs}


def _standIn(cls: type, name: str) -> Any:
    """What goes on in the place of a missing argument."""
    for each in cls.__mro__:
        kinds = getattr(vars(each).get("__init__"), "kinds", _NONE)
        if name in kinds:
            return kinds[name].standIn
    return None


def haveNames(init: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Whether arguments by position can be given to a constructor by name as well: those for *args cannot."""
    return not args or len(_shifted(_positions(init), args)) <= len(_positions(init))


@lru_cache(maxsize=1000)
def _positions(init: Callable[..., Any]) -> tuple[str, ...]:
    return _positionsOf(init)


def _positionsOf(init: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the arguments that can be given by position, without the object itself."""
    parameters = list(inspect.signature(init).parameters.values())[1:]
    return tuple(
        each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    )


def _shifted(positions: tuple[str, ...], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Steps of 0.7.5 have their build first, later ones do not: a text is no build."""
    if positions and positions[0] == "build" and (isinstance(args[0], str) or hasattr(args[0], "fmtstring")):
        return (None, *args)
    return args


@dataclass(frozen=True)
class _Trouble:
    """What is wrong, and with which argument if it is one; its value tells who gave it."""

    sentence: str
    name: str | None = None
    value: object = None


class _Taken:
    """I know what one constructor takes."""

    def __init__(self, init: Callable[..., None], kinds: Mapping[str, Kind]) -> None:
        parameters = list(inspect.signature(init).parameters.values())[1:]
        self._positions = _positionsOf(init)
        self._kinds = dict(kinds)
        self._names = frozenset(each.name for each in parameters)
        self._isOpen = any(each.kind is each.VAR_KEYWORD for each in parameters)
        self._isVariadic = any(each.kind is each.VAR_POSITIONAL for each in parameters)
        self._required = frozenset(
            each.name
            for each in parameters
            if each.default is each.empty and each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        )

    def read(
        self, made: object, args: tuple[Any, ...], kwargs: dict[str, Any], troubles: list[_Trouble]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments to go on with: as they came if nothing is wrong with them."""
        given = kwargs
        excess = twice = 0
        if args:
            places = _shifted(self._positions, args)
            given = {**dict(zip(self._positions, places, strict=False)), **kwargs}
            excess = 0 if self._isVariadic else max(0, len(places) - len(self._positions))
            twice = len(kwargs) + min(len(places), len(self._positions)) - len(given)
            args = places if not self._isVariadic else args
        kinds = self._kinds
        wrong = [name for name in given if name in kinds and not kinds[name].fits(given[name])]
        missing = self._required - given.keys() if self._required else ()
        unknown = () if self._isOpen else given.keys() - self._names
        if not (wrong or missing or unknown or excess or twice):
            return args, kwargs
        troubles += self._troubles(made, given, wrong, excess, twice, kwargs)
        for name in (each for each in self._names if each in missing):
            troubles.append(_Trouble(f"lacks its argument {name}"))
        for name in unknown:
            hint = nearest(name, knownArguments(type(made)))
            troubles.append(_Trouble(f"takes no argument {name}{hint}", name, given[name]))
        good = {name: value for name, value in given.items() if name not in wrong and name not in unknown}
        good.update({name: kinds[name].standIn for name in wrong if kinds[name].standIn is not None})
        lacking = self._required - good.keys()
        standIns = {name: _standIn(type(made), name) for name in lacking}
        return (args[len(self._positions) :] if self._isVariadic else ()), {**good, **standIns}

    def _troubles(
        self,
        made: object,
        given: Mapping[str, Any],
        wrong: Iterable[str],
        excess: int,
        twice: int,
        kwargs: Mapping[str, Any],
    ) -> Iterable[_Trouble]:
        if excess:
            most = counted(len(self._positions), "argument")
            yield _Trouble(f"takes no more than {most} by position: {excess} too many")
        if twice:
            both = [name for name in self._positions if name in kwargs]
            yield _Trouble(f"is given an argument by position and by name: {', '.join(both[:twice])}")
        for name in wrong:
            yield _Trouble(f": {name} {self._kinds[name].trouble(given[name])}", name, given[name])


def _title(made: object, given: Mapping[str, Any]) -> str:
    """The class of an object, with its name if it has one to tell."""
    kind = type(made).__name__
    name = given.get("name", vars(made).get("name"))
    return (
        f"{kind} {name!r}" if isinstance(name, str) and 0 < len(name) < 100 and name.isprintable() else kind
    )


def _tell(made: object, troubles: list[_Trouble]) -> None:
    """Report what is wrong with an object. @raise BadArguments: no configuration is loaded."""
    title = _title(made, getattr(made, "_arguments", _NONE))
    sentences = [
        f"{title}{each.sentence if each.sentence[0] == ':' else f' {each.sentence}'}" for each in troubles
    ]
    loading = secrets.current.get()
    if loading is None:
        raise BadArguments("; ".join(sentences))
    made.__dict__["_misconfigured"] = True
    for each, sentence in zip(troubles, sentences, strict=True):
        place = loading.place(lambda frame: _handsOn(frame, made, each))  # noqa: B023 # called at once
        loading.errors.append(ConfigError(loading.strike(sentence), *place))


def _handsOn(frame: FrameType, made: object, trouble: _Trouble) -> bool:
    """Whether the code of a subclass runs here, and was given the value that is wrong by its own caller."""
    names = frame.f_code.co_varnames
    if not names or frame.f_locals.get(names[0]) is not made:
        return False
    if trouble.name is None:
        return True
    values = list(frame.f_locals.values())
    inner = [each for value in values if isinstance(value, dict) for each in value.values()]
    return any(each is trouble.value for each in (*values, *inner))

# -*- test-case-name: tests.unit.config.test_arguments -*-
"""Check the constructor arguments of the classes that a configuration uses.

A class declares the kind of each argument beside its constructor::

    @arguments(name=TEXT, timeout=SECONDS_OR_NONE)
    def __init__(self, name, timeout=1200, **kwargs): ...

A base class checks the arguments that its constructor receives. Subclasses with arguments of their own need
no declaration. L{buildbot.config.kinds} and L{buildbot.process.kinds} list the kinds.

During the load of a configuration, a wrong argument is reported and replaced by a stand-in. The file runs on,
so that one load finds all errors. At any other time, a wrong argument raises L{BadArguments}.
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
from buildbot.config.pluginerrors import pluginErrors
from buildbot.config.standins import hasStandIn
from buildbot.text.plural import counted

#: The default of a required argument, where Python's syntax demands a default.
REQUIRED: Any = inspect.Parameter.empty

_NONE: Mapping[str, Any] = {}
_Init = TypeVar("_Init", bound=Callable[..., None])


class BadArguments(TypeError, ValueError):
    """A class cannot use its arguments; the message says what each must be."""


def _notAtAll(value: object) -> str | None:
    return None


@dataclass(frozen=True)
class Kind:
    """I describe the valid values of an argument.

    @ivar expected: the description that follows "must be".
    @ivar fits: returns True for a valid value.
    @ivar detail: returns the fault of an invalid value in words; None: messages show the value.
    @ivar isSecret: True if the value may be or hold a password: no message shows it.
    @ivar standIn: replaces a wrong or missing value; None: the argument's default replaces it.
    """

    expected: str
    fits: Callable[[Any], bool]
    detail: Callable[[Any], str | None] = field(default=_notAtAll)
    isSecret: bool = False
    standIn: Any = None

    def trouble(self, value: object) -> str | None:
        """The fault of a value, "must be ..., not ...", or None if the value is valid."""
        if self.fits(value):
            return None
        told = self.detail(value)
        return f"must be {self.expected}{f': {told}' if told else f', not {shown(value, self.isSecret)}'}"


def arguments(**kinds: Kind) -> Callable[[_Init], _Init]:
    """Decorate a constructor: check the arguments that have a kind here, also those in C{**kwargs}."""

    def decorate(init: _Init) -> _Init:
        taken = _Taken(init, kinds)

        @wraps(init)
        def checked(made: object, *args: object, **kwargs: Any) -> None:
            troubles: list[_Trouble] | None = made.__dict__.get("_troubles")
            if troubles is not None:
                args, kwargs = taken.read(made, args, kwargs, troubles)
                init(made, *args, **kwargs)
                return
            troubles = made.__dict__["_troubles"] = []
            try:
                args, kwargs = taken.read(made, args, kwargs, troubles)
                init(made, *args, **kwargs)
            except pluginErrors():
                if not troubles:
                    raise
                _tell(made, troubles)
                raise secrets.Reported() from None  # the exception is a result of the reported errors
            finally:
                del made.__dict__["_troubles"]
            if troubles:
                _tell(made, troubles)

        checked.kinds = kinds  # type: ignore[attr-defined] # for those who ask for all of a class
        return checked  # type: ignore[return-value]

    return decorate


def complain(made: object, sentence: str, name: str | None = None, value: object = None) -> None:
    """Report a fault of several arguments together; constructors call this.

    @param sentence: the fault, such as "takes no argument x"; the class name is put before it.
    @param name: the one argument concerned, if any, with its C{value}. A value that has been reported
        already is not reported again.
    @raise BadArguments: the constructor is not decorated with L{arguments}.
    """
    troubles = made.__dict__.get("_troubles")
    if troubles is None:
        raise BadArguments(f"{_title(made, _NONE)} {sentence}")
    if name is None or all(each.name != name for each in troubles):
        troubles.append(_Trouble(sentence, name, value))


def warn(made: object, sentence: str) -> None:
    """Report arguments that are no error, but probably a mistake; constructors call this.

    Nobody is told of an object that is made outside of the load of a configuration.

    @param sentence: the class name is put before it.
    """
    loading = secrets.current.get()
    if loading is not None:
        loading.remember(made)
        told = ConfigError(loading.strike(f"{_title(made, _NONE)} {sentence}"), *loading.madeAt(made))
        if str(told) not in map(str, loading.warnings):
            loading.warnings.append(told)


def ofSubclass(made: object) -> type | None:
    """The class of a site whose constructor has made an object; None if it is one of this package."""
    first = next(each for each in type(made).__mro__ if "__init__" in vars(each))
    return None if first.__module__.startswith("buildbot.") else first


def remember(made: object) -> None:
    """Record the line of the configuration that creates an object; constructors call this."""
    loading = secrets.current.get()
    if loading is not None:
        loading.remember(made)


def isMisconfigured(made: object) -> bool:
    """True if errors of an object were reported: it is only a stand-in."""
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
    """The arguments of a constructor by name, without surplus positional ones."""
    if not args:
        return dict(kwargs)
    positions = _positions(init)
    return {**dict(zip(positions, _shifted(positions, args), strict=False)), **kwargs}


def _standIn(cls: type, name: str) -> Any:
    """The stand-in for a missing argument."""
    for each in cls.__mro__:
        kinds = getattr(vars(each).get("__init__"), "kinds", _NONE)
        if name in kinds:
            return kinds[name].standIn
    return None


def haveNames(init: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """True if all positional arguments have a name; those in C{*args} have none."""
    return not args or len(_shifted(_positions(init), args)) <= len(_positions(init))


@lru_cache(maxsize=1000)
def _positions(init: Callable[..., Any]) -> tuple[str, ...]:
    return _positionsOf(init)


def _positionsOf(init: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the positional parameters without C{self}."""
    parameters = list(inspect.signature(init).parameters.values())[1:]
    return tuple(
        each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    )


def _shifted(positions: tuple[str, ...], args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Steps of 0.7.5 take a build first, later ones do not: insert a missing build before a text."""
    if positions and positions[0] == "build" and (isinstance(args[0], str) or hasattr(args[0], "fmtstring")):
        return (None, *args)
    return args


#: Name of an argument in 0.9 and later, where slaves are workers -> its name here.
_LATER_NAMES = {"workersrc": "slavesrc", "workersrcs": "slavesrcs", "workerdest": "slavedest"}


@dataclass(frozen=True)
class _Trouble:
    """I am a fault of the arguments. If it concerns one argument, I have its name and value."""

    sentence: str
    name: str | None = None
    value: object = None


class _Taken:
    """I know the parameters of one constructor and their kinds."""

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
        """The arguments to use, with stand-ins for invalid ones. Appends faults to C{troubles}."""
        if not args and not kwargs and not self._required:
            return args, kwargs
        kwargs = self._inThisRelease(kwargs)
        given = kwargs
        excess = twice = 0
        if args:
            places = _shifted(self._positions, args)
            given = {**dict(zip(self._positions, places, strict=False)), **kwargs}
            excess = 0 if self._isVariadic else max(0, len(places) - len(self._positions))
            twice = len(kwargs) + min(len(places), len(self._positions)) - len(given)
            args = places if not self._isVariadic else args
        kinds = self._kinds
        wrong = [name for name, value in given.items() if name in kinds and not kinds[name].fits(value)]
        wrong = [name for name in wrong if not hasStandIn(given[name])] if wrong else wrong
        missing = self._required - given.keys() if self._required else ()
        unknown = () if self._isOpen else given.keys() - self._names
        if not (wrong or missing or unknown or excess or twice):
            return args, kwargs
        troubles += self._troubles(made, given, wrong, excess, twice, kwargs)
        for name in (each for each in self._names if each in missing):
            troubles.append(_Trouble(f"lacks its argument {name}"))
        for name in unknown:
            hint = nearest(name, [each for each in knownArguments(type(made)) if each != name])
            troubles.append(_Trouble(f"takes no argument {name}{hint}", name, given[name]))
        good = {name: value for name, value in given.items() if name not in wrong and name not in unknown}
        good.update({name: kinds[name].standIn for name in wrong if kinds[name].standIn is not None})
        lacking = self._required - good.keys()
        standIns = {name: _standIn(type(made), name) for name in lacking}
        return (args[len(self._positions) :] if self._isVariadic else ()), {**good, **standIns}

    def _inThisRelease(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments by name, with the names of this release for those of later ones."""
        later = [
            name
            for name, mine in _LATER_NAMES.items()
            if name in kwargs and mine in self._names and mine not in kwargs
        ]
        if not later:
            return kwargs
        return {_LATER_NAMES[name] if name in later else name: value for name, value in kwargs.items()}

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
    """The class name of an object, with the object's own name if it has one."""
    kind = type(made).__name__
    name = given.get("name", vars(made).get("name"))
    return (
        f"{kind} {name!r}" if isinstance(name, str) and 0 < len(name) < 100 and name.isprintable() else kind
    )


def _tell(made: object, troubles: list[_Trouble]) -> None:
    """Report the faults of an object. Raises L{BadArguments} if no configuration is being loaded."""
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
    """True for a frame of the object's own code, such as a constructor, that holds the wrong value."""
    names = frame.f_code.co_varnames
    if not names or frame.f_locals.get(names[0]) is not made:
        return False
    if trouble.name is None:
        return True
    values = list(frame.f_locals.values())
    inner = [each for value in values if isinstance(value, dict) for each in value.values()]
    return any(each is trouble.value for each in (*values, *inner))

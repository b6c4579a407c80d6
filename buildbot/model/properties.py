# -*- test-case-name: tests.unit.model.test_properties -*-
"""The properties of a build, and texts with properties in them.

This module does not import builds or steps: they pass their properties in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from buildbot.config.arguments import arguments, complain
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import TEXT
from buildbot.config.messages import shown
from buildbot.model.settled import settled, succeeding
from buildbot.text.plural import counted

_Method = TypeVar("_Method", bound=Callable[..., object])
_UNSET = object()
#: C{name}, C{name:-text}, C{name:~text} or C{name:+text}.
_ALTERNATIVE = re.compile(r"(.*?)(?::([-~+])(.*))?", re.DOTALL)


class NoProperty(KeyError):
    """A text needs a property that is not set."""

    def __str__(self) -> str:
        return f"there is no property {self.args[0]!r}"


class HasProperties(Protocol):
    """The source of values for texts: a L{Properties}, or the build or step that has them."""

    def getProperty(self, name: str, default: Any, /) -> Any:
        """The value of a property; C{default} if it is not set."""


def required(source: HasProperties, name: str) -> Any:
    """The value of a property. @raise NoProperty: it is not set."""
    value = source.getProperty(name, _UNSET)
    if value is _UNSET:
        raise NoProperty(name)
    return value


class Properties(Mapping[str, Any]):
    """I map the names of properties to their values, and remember the source of each.

    A value should be a text, a number or None. Other values are kept while the build runs. After a round
    trip through a record, lists, tuples and dictionaries are as JSON has them; other objects become their
    C{repr}.

    @ivar record: the result of L{toRecord} while it is valid; None after a property was set.
    """

    def __init__(self, values: Mapping[str, Any] | None = None, source: str = "unknown", **more: Any) -> None:
        """@param more: further properties, as in 0.8."""
        self._all: dict[str, tuple[Any, str]] = {}
        self.record: dict[str, list[Any]] | None = None
        if values:
            self.update(values, source)
        if more:
            self.update(more, source)

    def setProperty(self, name: str, value: object, source: str) -> None:
        """Set a property, or replace its value.

        @param source: the origin of the value, in words for people: C{"Scheduler"}, C{"slave bot1"}.
        """
        self.record = None
        self._all[name] = (value, source)

    def getProperty(self, name: str, default: Any = None) -> Any:
        """The value of a property; C{default} if it is not set, as since 0.7.6."""
        return self._all[name][0] if name in self._all else default

    def getPropertySource(self, name: str) -> str:
        """The source of a property. @raise KeyError: it is not set."""
        return self._all[name][1]

    def hasProperty(self, name: str) -> bool:
        """True if a property is set, also if its value is None."""
        return name in self._all

    @property
    def properties(self) -> dict[str, tuple[Any, str]]:
        """A copy of all, as 0.8 has them: name -> (value, source)."""
        return dict(self._all)

    def render(self, value: Any) -> Any:
        """The value with everything in it rendered. @raise NoProperty: a property is not set."""
        return render(value, self)

    def update(self, values: Mapping[str, Any], source: str) -> None:
        """Set several properties from one source."""
        self.record = None
        self._all.update({name: (value, source) for name, value in values.items()})

    def updateFrom(self, other: Properties) -> None:
        """Copy all properties of another object, with their sources."""
        self.record = None
        self._all.update(other._all)

    def updateFromProperties(self, other: Properties) -> None:
        """See L{updateFrom}; its name in 0.8."""
        self.updateFrom(other)

    def updateFromPropertiesNoRuntime(self, other: Properties) -> None:
        """See L{updateFrom}. 0.8 leaves out properties that steps have set; here none is marked so."""
        self.updateFrom(other)

    def asDict(self) -> dict[str, Any]:
        """A dictionary: name -> value."""
        return {name: value for name, (value, _) in self._all.items()}

    def divided(self, usual: str) -> tuple[dict[str, Any], dict[str, str]]:
        """Two dictionaries: name -> value, and name -> source for those whose source is not C{usual}."""
        values = {}
        sources = {}
        for name, (value, source) in self._all.items():
            values[name] = value
            if source != usual:
                sources[name] = source
        return values, sources

    def asList(self) -> list[tuple[str, Any, str]]:
        """The list of (name, value, source), sorted by name."""
        return [(name, *self._all[name]) for name in sorted(self._all)]

    def toRecord(self) -> dict[str, list[Any]]:
        """A JSON-able dictionary: name -> [value, source]. Nobody may modify it: many records share it."""
        if self.record is not None:
            return self.record
        record = {name: [_plain(value), source] for name, (value, source) in self._all.items()}
        if all(type(value) in _PLAIN for value, _ in self._all.values()):  # others may change in place
            self.record = record
        return record

    @classmethod
    def fromRecord(cls, record: Mapping[str, Any]) -> Properties:
        """The properties of a dictionary from L{toRecord}."""
        found = cls()
        for name, (value, source) in record.items():
            found.setProperty(name, value, source)
        return found

    def __getitem__(self, name: str) -> Any:
        return self._all[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return self._all == other._all if isinstance(other, Properties) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it is mutable

    def __repr__(self) -> str:
        return f"Properties({', '.join(f'{name}={value!r}' for name, value, _ in self.asList())})"


def _plain(value: Any) -> Any:
    """The value converted for JSON."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return repr(value)


class Told:
    """The properties of a build, as functions of the configuration get them: none of them is an error."""

    def __init__(self, build: HasProperties) -> None:
        self._build = build

    def getProperty(self, name: str, default: Any = None) -> Any:
        """The value of a property; C{default} if it is not set."""
        return self._build.getProperty(name, default)

    def hasProperty(self, name: str) -> bool:
        """True if a property is set."""
        return self.getProperty(name, _UNSET) is not _UNSET

    has_key = __contains__ = hasProperty

    def __getitem__(self, name: str) -> Any:
        return required(self._build, name)

    @property
    def properties(self) -> dict[str, tuple[Any, str]]:
        """A copy of all, as 0.8 has them: name -> (value, source)."""
        build: Any = self._build
        found: dict[str, tuple[Any, str]] = build.properties.properties
        return found

    def asList(self) -> list[tuple[str, Any, str]]:
        """The list of (name, value, source), sorted by name."""
        build: Any = self._build
        listed: list[tuple[str, Any, str]] = build.properties.asList()
        return listed

    def setProperty(self, name: str, value: Any, source: str = "renderer", runtime: bool = True) -> None:
        """Set a property of the build. C{runtime} is of 0.8, and has no effect."""
        build: Any = self._build
        build.setProperty(name, value, source)

    def getBuild(self) -> Any:
        """The build."""
        return self._build

    def render(self, value: Any) -> Any:
        """The value with everything in it rendered."""
        return render(value, self._build)


class ToldToFunction(Told):
    """The properties for a L{renderer}, with the C{render} of 0.8.6 and later."""

    def render(self, value: Any) -> Any:
        """A Deferred with the value, with everything in it rendered; an error fails it."""
        return succeeding(super().render, value)


class Renderable(ComparableMixin):
    """I am a value of the configuration that is known only in a build. Derive from me."""

    def render(self, build: HasProperties) -> Any:
        """The value in a build."""
        raise NotImplementedError(f"{type(self).__name__} has no render()")

    def getRenderingFor(self, build: Any) -> Any:
        """The name of 0.8 for L{render}."""
        return self.render(getattr(build, "getBuild", lambda: build)())


def isRenderable(value: object) -> bool:
    """True for a L{Renderable}, and for an object that implements C{IRenderable} of 0.8."""
    if isinstance(value, Renderable):
        return True
    return not isinstance(value, type) and callable(getattr(value, "getRenderingFor", None))


class WithProperties(Renderable):
    """I am a text with properties of the build in it: C{WithProperties("build-%s.tar", "revision")}.

    Without further arguments, C{fmtstring} has the names: C{WithProperties("build-%(revision)s.tar")}. A
    property with the value None becomes an empty text. Exception: a C{revision} of None (the latest) becomes
    the branch. Version controls resolve a branch to its latest revision, so no other branch is built.

    As in later releases, C{%(name:-text)s} is C{text} if the property is not set. C{%(name:~text)s} is
    C{text} if it is not set, None or empty. C{%(name:+text)s} is C{text} if it is set, and else empty.
    """

    compare_attrs = ("fmtstring", "args", "functions")

    @arguments(fmtstring=TEXT)
    def __init__(self, fmtstring: str, *args: str, **kwargs: Callable[[Any], Any]) -> None:
        """@param kwargs: functions of the properties, which give the values of these names.
        @raise TypeError: the placeholders in C{fmtstring} and the names do not match.
        """
        self.fmtstring = fmtstring
        self.args = args
        functions = self.functions = kwargs
        trouble = _formatTrouble(fmtstring, args)
        wrong = next((name for name, each in functions.items() if not callable(each)), None)
        if wrong is not None:
            trouble = f"needs a function of the properties as {wrong}, not {shown(functions[wrong])}"
        elif args and functions:
            trouble = "takes names of properties or functions, not both"
        if trouble:
            complain(self, trouble)

    def render(self, build: HasProperties) -> str:
        """The text with the values of the properties.

        @raise NoProperty: a property is not set.
        @raise TypeError: a value does not fit its placeholder (C{%d}).
        """
        values = Filling(build, self.functions)
        if self.args:
            return self.fmtstring % tuple(values[name] for name in self.args)
        return self.fmtstring % values

    def __repr__(self) -> str:
        return f"WithProperties({', '.join(map(repr, (self.fmtstring, *self.args)))})"


#: A placeholder in a text: the name in brackets, if it has one, and the letter.
PLACE = re.compile(
    r"%(?:\((?P<name>[^()]*(?:\([^()]*\)[^()]*)*)\))?[-#0 +]*(?:\*|\d+)?(?:\.(?:\*|\d+)?)?[hlL]?"
    r"(?P<letter>.?)",
    re.DOTALL,
)


def _formatTrouble(fmtstring: str, args: tuple[str, ...]) -> str | None:
    """The error in a text that makes it fail with any properties; None if there is no error."""
    wrong = next((each for each in args if not isinstance(each, str) or not each), None)
    if wrong is not None:
        return f"needs the names of properties as texts, not {shown(wrong)}"
    places = [each for each in PLACE.finditer(fmtstring) if each["letter"] != "%"]
    unnamed = [each[0] for each in places if each["name"] is None]
    if not args and unnamed:
        return f"has the place {unnamed[0]!r} and no name of a property for it; for a percent sign write %%"
    if args and len(unnamed) < len(places):
        return (
            "takes names of properties either in the text, as in %(revision)s, or after it, not in both ways"
        )
    try:
        fmtstring % (tuple(1 for _ in args) if args else _Ones())
    except (TypeError, ValueError, OverflowError) as error:
        if args and len(unnamed) != len(args) and "*" not in fmtstring:
            return f"has {counted(len(unnamed), 'place')} for {counted(len(args), 'name')}"
        return f"has a text that properties cannot fill: {error}; for a percent sign write %%"
    return None


class _Ones:
    """I stand for properties whose values fit every placeholder."""

    def __getitem__(self, name: str) -> int:
        return 1


class Filling:
    """I look up the properties of a build for the operator C{%}."""

    def __init__(
        self, build: HasProperties, functions: Mapping[str, Callable[[Any], Any]] | None = None
    ) -> None:
        self._build = build
        self._functions = functions or {}

    def __getitem__(self, name: str) -> Any:
        if name in self._functions:
            return _asText(settled(self._functions[name](ToldToFunction(self._build))))
        name, sign, text = _alternative(name)
        value = self._build.getProperty(name, _UNSET)
        if value is _UNSET:
            if not sign:
                raise NoProperty(name)
            return "" if sign == "+" else text
        if sign == "~" and not value:
            return text
        if sign == "+":
            return text
        return self._latest(name) if value is None else _asText(value)

    def _latest(self, name: str) -> Any:
        """The text for a property that is None: the branch for C{revision}, else empty."""
        if name != "revision":
            return ""
        return self._build.getProperty("branch", None) or ""


def _asText(value: Any) -> Any:
    """The text of bytes: functions and steps of Python 2 encode their texts. Other values stay."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _alternative(name: str) -> tuple[str, str | None, str]:
    """Split a placeholder's name into the property's name, the sign (or None) and the text behind it."""
    found: Any = _ALTERNATIVE.fullmatch(name)  # the pattern matches any text
    return found[1], found[2], found[3]


def propertyOf(name: str) -> str:
    """The name of the property in a placeholder like C{name:-text}."""
    return _alternative(name)[0]


#: Methods for others, which a L{Renderable} does not need; a subclass may override them, as in 0.8.
_OURS: set[object] = {Renderable.getRenderingFor}


def forOthers(method: _Method) -> _Method:
    """Decorate a C{getRenderingFor} that only calls C{render}."""
    _OURS.add(method)
    return method


#: Values of these types contain no L{WithProperties}: a fast path, as most values are of these types.
_PLAIN = frozenset((str, bytes, int, float, bool, type(None)))


def render(value: Any, properties: HasProperties) -> Any:
    """A value with every L{WithProperties} in it rendered, at any depth of lists, tuples and dictionaries.

    The argument is not changed.

    @raise NoProperty: a property is not set.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Renderable) and type(value).getRenderingFor in _OURS:
        return value.render(properties)
    if isinstance(value, list):
        return [each if type(each) in _PLAIN else render(each, properties) for each in value]
    if type(value) is tuple:
        return tuple([each if type(each) in _PLAIN else render(each, properties) for each in value])
    if isinstance(value, dict):
        return {
            name if type(name) in _PLAIN else render(name, properties): (
                each if type(each) in _PLAIN else render(each, properties)
            )
            for name, each in value.items()
        }
    return settled(value.getRenderingFor(ToldToFunction(properties))) if isRenderable(value) else value

# -*- test-case-name: tests.unit.model.test_interpolate -*-
"""Values that a build fills in, under the names of 0.8: Interpolate, Property, renderer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import TEXT
from buildbot.model.properties import HasProperties, Renderable, Told, ToldToFunction, forOthers, render
from buildbot.model.settled import settled, succeeding
from buildbot.model.sourcestamp import SourceStamp

_ANY = Kind("any value", lambda value: True)
_PLACE = re.compile(r"%(?:\(([^()]*(?:\([^()]*\)[^()]*)*)\)(s)|(.?))", re.DOTALL)
#: The selectors of a place: of a property, the source, a keyword, the slave.
_SELECTORS = ("prop", "src", "kw", "slave", "worker")
_SOURCE = ("branch", "revision", "repository", "project", "codebase")


class Property(Renderable):
    """I am the value of a property, of any type.

    @param default: the value if the property is not set, or, with C{defaultWhenFalse}, if it is empty.
    """

    compare_attrs = ("key", "default", "defaultWhenFalse")

    @arguments(key=TEXT, default=_ANY, defaultWhenFalse=_ANY)
    def __init__(self, key: str, default: object = None, defaultWhenFalse: bool = True) -> None:
        self.key = key
        self.default = default
        self.defaultWhenFalse = defaultWhenFalse

    def render(self, build: HasProperties) -> Any:
        """The value. None if the property is not set and there is no default."""
        value = Told(build).getProperty(self.key)
        isWanted = value is None or (self.defaultWhenFalse and not value)
        return render(self.default, build) if isWanted and self.default is not None else value

    def __repr__(self) -> str:
        return f"Property({self.key!r})"


class Interpolate(Renderable):
    """I am a text with places such as C{%(prop:name)s}, C{%(src::branch)s} and C{%(kw:name)s}.

    C{%(prop:name:-text)s} is the text if the property is not set, with C{:~} also if it is empty; with C{:+}
    it is the text if the property is set. C{:?|yes|no} chooses by whether it is set, C{:#?|yes|no} by its
    truth.
    """

    compare_attrs = ("fmtstring", "args", "kwargs")

    @arguments(fmtstring=TEXT)
    def __init__(self, fmtstring: str, *args: object, **kwargs: Any) -> None:
        self.fmtstring = fmtstring
        self.args = args
        self.kwargs = kwargs
        for place in _PLACE.finditer(fmtstring):
            trouble = self._trouble(place)
            if trouble:
                complain(self, trouble)
                break

    def _trouble(self, place: re.Match[str]) -> str | None:
        if place[1] is None:
            good = place[3] == "%" or (place[3] == "s" and self.args)
            return None if good else f"has the place {place[0]!r}; for a percent sign write %%"
        selector, colon, rest = place[1].partition(":")
        if selector not in _SELECTORS or not colon:
            return f"has the place {place[0]!r}; a place begins with one of {', '.join(_SELECTORS[:4])}"
        if selector == "kw" and rest.partition(":")[0] not in self.kwargs:
            return f"has the place {place[0]!r} and no argument {rest.partition(':')[0]}"
        return None

    def render(self, build: HasProperties) -> str:
        """The text with the values of the build."""
        positional = iter(self.args)

        def put(place: re.Match[str]) -> str:
            if place[1] is not None:
                return _worded(self._value(place[1], build))
            return "%" if place[3] == "%" else _worded(render(next(positional, ""), build))

        return _PLACE.sub(put, self.fmtstring)

    @forOthers
    def getRenderingFor(self, build: Any) -> Any:
        """A Deferred with the text, as in 0.8; an error fails it."""
        return succeeding(super().getRenderingFor, build)

    def parts(self) -> list[Any]:
        """My text in parts: plain texts, and a value for each place, which is rendered by itself."""
        parts: list[Any] = []
        at, positional = 0, iter(self.args)
        for place in _PLACE.finditer(self.fmtstring):
            parts.append(self.fmtstring[at : place.start()])
            at = place.end()
            if place[1] is not None:
                parts.append(Interpolate(place[0], **self.kwargs))
            else:
                parts.append("%" if place[3] == "%" else next(positional, ""))
        return [*parts, self.fmtstring[at:]]

    def _value(self, place: str, build: HasProperties) -> Any:
        selector, _, rest = place.partition(":")
        told = Told(build)
        codebase = ""
        if selector == "src":
            codebase, _, rest = rest.partition(":")
        name, colon, rule = rest.partition(":")
        value: Any
        if selector == "kw":
            value = render(self.kwargs[name], build)
            isSet = value is not None
        elif selector == "src" and name not in _SOURCE:
            value, isSet = None, False
        elif selector == "src" and (source := _beyondProperties(build, codebase)):
            stamp = source.of(codebase)
            isSet = stamp is not None
            value = stamp and (stamp.wantedRevision() if name == "revision" else getattr(stamp, name))
        else:
            isSet = told.hasProperty(name)
            value = told.getProperty(name)
        return self._chosen(rule, value, isSet, build) if colon else value

    def _chosen(self, rule: str, value: object, isSet: bool, build: HasProperties) -> Any:
        """The value by the rule behind the name."""
        sign, text = rule[:1], rule[1:]
        if sign == "#" and text[:1] == "?":
            isSet, sign, text = bool(value), "?", text[1:]
        if sign == "?":
            yes, _, no = text[1:].partition(text[:1]) if text else ("", "", "")
            return Interpolate(yes if isSet else no, **self.kwargs).render(build)
        if sign == "+":
            isWanted = isSet
            value = ""
        else:
            isWanted = not isSet or (sign == "~" and not value)
        return Interpolate(text, **self.kwargs).render(build) if isWanted else value

    def __repr__(self) -> str:
        return f"Interpolate({self.fmtstring!r})"


def _beyondProperties(holder: Any, codebase: str) -> SourceStamp | None:
    """The source of a build or step, if the properties do not tell of this codebase; else None.

    They do if it is the only one of the build, and either it or the place has no name.
    """
    source = getattr(getattr(holder, "build", holder), "source", None)
    if not isinstance(source, SourceStamp):
        return None
    isOther = codebase != source.codebase and bool(codebase and source.codebase)
    return source if source.beside or isOther else None


def _worded(value: object) -> str:
    if isinstance(value, bytes):  # functions and steps of Python 2 encode their texts
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)


class Rendered(Renderable):
    """I am the result of a function of the properties: see L{renderer}."""

    compare_attrs = ("function",)

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def render(self, build: HasProperties) -> Any:
        """The result of the function. It gets the properties, as a L{ToldToFunction}."""
        return render(settled(self.function(ToldToFunction(build))), build)

    def __repr__(self) -> str:
        return f"renderer({getattr(self.function, '__name__', 'a function')})"


def renderer(function: Callable[[Any], Any]) -> Rendered:
    """Decorate a function of the properties: it is called in each build for the value of an argument."""
    return Rendered(function)

# -*- test-case-name: tests.unit.schedulers.test_parameters -*-
"""The parameters of a forced build, and their valid values.

The names and arguments are those of 0.8. A form gives each value as text, by the full name of its parameter.
This module starts no build: see L{buildbot.schedulers.forcesched}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, KeysView, Mapping, Sequence, ValuesView
from email.utils import parseaddr
from typing import Any

from buildbot.config.arguments import Kind, arguments, complain, remember
from buildbot.config.bots import propertiesTrouble
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import COUNT, FLAG, PATTERN, TEXT, isText, orNone
from buildbot.config.messages import listing, nearest, shown

#: The texts for True and False.
_FLAGS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0", ""), False),
}


def _isTexts(value: object) -> bool:
    # allow dict.keys(), which was a list in Python 2
    return isinstance(value, (list, tuple, KeysView, ValuesView)) and all(map(isText, value))


def _textsDetail(value: object) -> str | None:
    if not isinstance(value, (list, tuple, KeysView, ValuesView)):
        return None
    return f"it holds {shown(next(each for each in value if not isText(each)))}"


_TAG = re.compile(r"<[^<>]*>")
_VALUE = Kind("a value that can be kept", lambda value: not propertiesTrouble({"value": value}))
#: The attributes that every class takes by name. Those of forms have no effect without web pages.
_KINDS = {
    "label": orNone(TEXT),
    "regex": orNone(PATTERN),
    "default": _VALUE,
    "choices": Kind("a list of texts", _isTexts, _textsDetail),
    **dict.fromkeys(("required", "multiple", "strict", "need_email", "hide", "debug"), FLAG),
    **dict.fromkeys(("size", "length", "maxsize", "cols", "rows", "columns"), orNone(COUNT)),
    **dict.fromkeys(("layout", "tooltip", "tablabel", "anySentinel"), orNone(TEXT)),
}


class ValidationError(ValueError):
    """A value is not valid; the message is for the person who gave it.

    @ivar errors: all messages.
    """

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class BaseParameter(ComparableMixin):
    """I am one value that a person may give. Derive from me, and override C{parse_from_arg}.

    @ivar name: the name of the property.
    @ivar label: the name in forms.
    @ivar type: the kinds of the value, for forms.
    @ivar default: the value if none is given.
    @ivar required: whether a value must be given.
    @ivar multiple: whether several values may be given; the property is a list then.
    @ivar regex: the compiled pattern that each value must match from its beginning; None: no pattern.
    @ivar hide: whether forms do not show me.
    """

    name = ""
    label = ""
    type: Sequence[str] = ()
    default: Any = ""
    required = False
    multiple = False
    regex: re.Pattern[str] | None = None
    debug = True
    hide = False
    choices: Sequence[str] = ()
    parentName: str | None = None
    #: Whether a group that I am in is hidden.
    isInHidden = False
    #: The title of the group in forms; "" without one.
    group = ""

    @arguments(name=TEXT, **_KINDS)
    def __init__(self, name: str, label: str | None = None, regex: Any = None, **kwargs: Any) -> None:
        """@param kwargs: further attributes."""
        remember(self)
        self.name = name
        self.label = name if label is None else label
        if regex:
            self.regex = re.compile(regex)
        for key in [key for key in kwargs if key not in _KINDS and not hasattr(type(self), key)]:
            complain(self, f"takes no argument {key}{nearest(key, ['name', *_KINDS])}", key, kwargs[key])
        self.__dict__.update(kwargs)
        if "choices" in kwargs:
            self.choices = list(kwargs["choices"])

    def _compared(self) -> dict[str, object]:
        return {name: getattr(self, name, None) for name in (*_KINDS, *vars(self))}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fullName!r})"

    @property
    def fullName(self) -> str:
        """The name of the value in a form: those of my groups and mine, joined by C{_}."""
        return "_".join(part for part in (self.parentName, self.name) if part)

    def setParent(self, parent: BaseParameter | None) -> None:
        """Become a part of a group."""
        self.parentName = parent.fullName if parent is not None else None
        titles = (parent.group, parent.words()) if parent is not None else ()
        self.group = ", ".join(filter(None, titles))
        self.isInHidden = parent is not None and bool(parent.hide or parent.isInHidden)

    def leaves(self) -> Iterator[BaseParameter]:
        """Yield the parameters that take a value: myself, or those of a group."""
        yield self

    def getFromKwargs(self, kwargs: Mapping[str, Sequence[Any]]) -> Any:
        """My value.

        @param kwargs: full name -> the given values.
        @raise ValidationError: the value is not valid.
        """
        given = [each for each in kwargs.get(self.fullName, ()) if not isinstance(each, str) or each.strip()]
        if not given and self.required:
            raise self.error("is required")
        if len(given) > 1 and not self.multiple:
            raise self.error(f"takes one value, and is given {len(given)}")
        values = given or (list(self.default or ()) if self.multiple else [self.default])
        for each in values:
            if self.regex is not None and not self.regex.match(str(each)):
                raise self.error(f"must match the pattern '{self.regex.pattern}', and {str(each)!r} does not")
        value = self.parse_from_args(values)
        if value is None:
            raise self.error("needs a value: it has no default")
        return value

    def updateFromKwargs(self, properties: dict[str, Any], kwargs: Any, **unused: Any) -> Any:
        """Set the properties of my value.

        @raise ValidationError: the value is not valid.
        """
        properties[self.name] = self.getFromKwargs(kwargs)

    def parse_from_args(self, args: Sequence[Any]) -> Any:
        """The value of my property, of the given values, or of the default if there are none."""
        return [self.parse_from_arg(each) for each in args] if self.multiple else self.parse_from_arg(args[0])

    def parse_from_arg(self, s: object) -> Any:
        """One value. Override me. @raise ValidationError: it is not valid."""
        return s

    def defaultDoubt(self) -> str | None:
        """Why my default is not valid; None if it is. The rules of a site's own classes are not asked."""
        if not type(self).__module__.startswith("buildbot.") or self.required or self.default in ("", None):
            return None
        try:
            self.getFromKwargs({})
        except ValidationError as why:
            return str(why)
        return None

    def takesOthers(self) -> bool:
        """Whether another text than one of my choices may be given."""
        return False

    def words(self) -> str:
        """The label without the HTML that forms may have in it."""
        return _TAG.sub("", self.label).strip().rstrip(":")

    def error(self, trouble: str) -> ValidationError:
        """The error about a value of mine."""
        label = self.words()
        shown = f" ({label})" if label and label not in (self.name, self.fullName) else ""
        return ValidationError(f"parameter {self.fullName!r}{shown} {trouble}")

    def describe(self, choices: Iterable[str] = ()) -> dict[str, Any]:
        """The facts about me, as JSON can hold them: for people who want to force a build.

        @param choices: the texts to choose from, if there are any.
        """
        return {
            "name": self.fullName,
            "label": self.words(),
            "type": [*self.type, "text"][0],
            "required": bool(self.required),
            "default": json.loads(json.dumps(self.default, default=repr)),
            "multiple": bool(self.multiple),
            "hide": bool(self.hide or self.isInHidden),
            "choices": list(choices),
            "pattern": None if self.regex is None else self.regex.pattern,
            "free": self.takesOthers(),
            "size": self._ownOf("cols" if "textarea" in self.type else "size"),
            "rows": self._ownOf("rows"),
            "group": self.group,
        }

    def _ownOf(self, name: str) -> int | None:
        """The room in a form, if the configuration or a site's class sets it."""
        for kind in type(self).__mro__:
            if name in vars(self) or name in vars(kind):
                isSet = name in vars(self) or not kind.__module__.startswith("buildbot.")
                return (getattr(self, name) or None) if isSet else None
        return None


class FixedParameter(BaseParameter):
    """I always have my default."""

    type = ("fixed",)
    hide = True

    def getFromKwargs(self, kwargs: Mapping[str, Sequence[Any]]) -> Any:
        """See L{BaseParameter.getFromKwargs}."""
        if any(each != self.default for each in kwargs.get(self.fullName, ())):
            raise self.error(f"is fixed: it is always {self.default!r}")
        return self.parse_from_args([self.default])

    def parse_from_args(self, args: Sequence[Any]) -> Any:
        """See L{BaseParameter.parse_from_args}."""
        return self.default


class StringParameter(BaseParameter):
    """I am a line of text."""

    type = ("text",)
    size = 10


class TextParameter(StringParameter):
    """I am a text of several lines."""

    type = ("textarea",)
    cols = 80
    rows = 20

    def value_to_text(self, value: object) -> str:
        """The value in a form."""
        return str(value)


class IntParameter(StringParameter):
    """I am a whole number."""

    type = ("int",)

    def parse_from_arg(self, s: Any) -> Any:
        """See L{BaseParameter.parse_from_arg}."""
        try:
            return int(s)
        except (TypeError, ValueError):
            if s in ("", None):
                raise self.error("needs a whole number: it has no default") from None
            raise self.error(f"must be a whole number, not {s!r}") from None


class BooleanParameter(BaseParameter):
    """I am True or False."""

    type = ("bool",)

    def parse_from_arg(self, s: object) -> Any:
        """See L{BaseParameter.parse_from_arg}."""
        if s is None or isinstance(s, (bool, int)):
            return bool(s)
        if str(s).strip().lower() not in _FLAGS:
            raise self.error(f"must be true or false, not {s!r}")
        return _FLAGS[str(s).strip().lower()]


class UserNameParameter(StringParameter):
    """I am the name and the address of a person.

    @ivar need_email: whether the value must have the form C{Ann <ann@example.org>}.
    """

    type = ("text",)
    size = 30
    need_email = True

    def __init__(self, name: str = "username", label: str | None = "Your name:", **kwargs: Any) -> None:
        super().__init__(name, label, **kwargs)

    def parse_from_arg(self, s: Any) -> Any:
        """See L{BaseParameter.parse_from_arg}."""
        if (s or self.required) and self.need_email and not all(parseaddr(s)):
            raise self.error(f"must have the form 'User <email@email.com>', and {s!r} does not")
        return s


class ChoiceStringParameter(BaseParameter):
    """I am one of some texts.

    @ivar strict: whether other texts are errors.
    """

    type: Sequence[str] = ("list",)
    strict = True

    def takesOthers(self) -> bool:
        """See L{BaseParameter.takesOthers}."""
        return not self.strict

    def parse_from_arg(self, s: object) -> Any:
        """See L{BaseParameter.parse_from_arg}."""
        if self.strict and s not in self.choices:
            needed = "needs a value" if s == "" else "must be one of the choices"
            raise self.error(f"{needed}: {listing(self.choices)}{f', not {s!r}' if s else ''}")
        return s

    def getChoices(self, master: object, scheduler: object, buildername: str | None) -> Sequence[str]:
        """The texts to choose from, for a form about one builder, or about all of them (None)."""
        return self.choices


class BuildslaveChoiceParameter(ChoiceStringParameter):
    """I am the name of the slave that is to build.

    With C{canStartBuild=enforceChosenSlave}, a builder follows the choice.

    @ivar anySentinel: the value for any slave; no property is set then.
    """

    anySentinel = "-any-"
    label = "Build slave"
    strict = False

    def __init__(self, name: str = "slavename", **kwargs: Any) -> None:
        usual = {"label": type(self).label, "default": kwargs.get("anySentinel", self.anySentinel)}
        super().__init__(name, **{**usual, **kwargs})

    def updateFromKwargs(
        self,
        properties: dict[str, Any],
        kwargs: Any,
        master: object = None,
        buildername: str | None = None,
        **unused: Any,
    ) -> Any:
        """See L{BaseParameter.updateFromKwargs}."""
        slave = self.getFromKwargs(kwargs)
        if slave in ("", self.anySentinel):
            return
        there = self.getChoices(master, None, buildername) if master is not None else [slave]
        if slave not in there:
            raise self.error(f"names no slave of the builder: {listing(there)}, not {slave!r}")
        properties[self.name] = slave

    def takesOthers(self) -> bool:
        """See L{BaseParameter.takesOthers}."""
        return False

    def getChoices(self, master: Any, scheduler: object, buildername: str | None) -> Sequence[str]:
        """See L{ChoiceStringParameter.getChoices}."""
        status = master.getStatus()
        if buildername is None:
            return [self.anySentinel, *sorted(status.getSlaveNames())]
        slaves = status.getBuilder(buildername).getSlaves()
        return [self.anySentinel, *sorted(each.getName() for each in slaves)]


class WorkerChoiceParameter(BuildslaveChoiceParameter):
    """The name of 0.9 for L{BuildslaveChoiceParameter}."""

    label = "Worker name"

    def __init__(self, name: str = "workername", **kwargs: Any) -> None:
        super().__init__(name, **kwargs)

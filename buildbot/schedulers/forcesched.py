# -*- test-case-name: tests.unit.schedulers.test_forcesched -*-
"""Builds that a person forces, with the parameters that the configuration asks for.

L{buildbot.schedulers.parameters} has the rules for the values, L{buildbot.control.forcing} the requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.bots import propertiesTrouble
from buildbot.config.kinds import NAMES, TEXT, orNone
from buildbot.config.messages import inOneLine, listing, nearest
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.schedulers import choice
from buildbot.schedulers.inherit import InheritBuildParameter
from buildbot.schedulers.parametergroups import (
    FIELD,
    PARAMETER,
    ROLES,
    AnyPropertyParameter,
    CodebaseParameter,
    NestedParameter,
    ParameterGroup,
    flat,
    leavesOf,
    withoutNameless,
)
from buildbot.schedulers.parameters import (
    BaseParameter,
    BooleanParameter,
    BuildslaveChoiceParameter,
    ChoiceStringParameter,
    FixedParameter,
    IntParameter,
    StringParameter,
    TextParameter,
    UserNameParameter,
    ValidationError,
    WorkerChoiceParameter,
)
from buildbot.schedulers.upstream import BaseUpstreamScheduler
from buildbot.store.interface import StoreFailed

__all__ = [
    "AnyPropertyParameter",
    "BaseParameter",
    "BooleanParameter",
    "BuildslaveChoiceParameter",
    "ChoiceStringParameter",
    "CodebaseParameter",
    "FixedParameter",
    "ForceScheduler",
    "InheritBuildParameter",
    "IntParameter",
    "NestedParameter",
    "ParameterGroup",
    "StringParameter",
    "TextParameter",
    "UserNameParameter",
    "ValidationError",
    "WorkerChoiceParameter",
]

log = Logger()

#: The source of the properties of forced builds, as in 0.8.
SOURCE = "Force Build Form"


def _isProperties(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(PARAMETER.fits, value))


def _isCodebases(value: object) -> bool:
    return bool(value) and isinstance(value, (Mapping, list, tuple)) and _codebasesDetail(value) is None


def _codebasesDetail(value: object) -> str | None:
    if isinstance(value, (list, tuple, dict)) and not value:
        return "it is empty; CodebaseParameter(codebase='', hide=True) asks for nothing"
    if isinstance(value, (list, tuple)):
        value = [each.codebase if isinstance(each, CodebaseParameter) else each for each in value]
    return choice.codebasesDetail(value)


class ForceScheduler(BaseUpstreamScheduler):
    """I make build sets of the values that a person gives. A Dependent can follow me.

    @ivar builderNames: the builders that may be forced through me.
    @ivar username: the parameter for the person; not asked if the person is known.
    @ivar codebases: the parameters for the source, one for each codebase.
    @ivar forcedProperties: the parameters for the source and the properties.
    @ivar configurationDoubts: a sentence about each name that two parameters have, and about each default
        that is not valid.
    """

    compare_attrs = (
        *("name", "builderNames", "username", "reason", "reasonString", "buttonName", "label"),
        "forcedProperties",
    )

    codebases: list[CodebaseParameter]

    @arguments(
        builderNames=NAMES,
        username=FIELD,
        reason=FIELD,
        reasonString=TEXT,
        buttonName=orNone(TEXT),
        label=orNone(TEXT),
        codebases=orNone(
            Kind("a list of codebases, each a text or a CodebaseParameter", _isCodebases, _codebasesDetail)
        ),
        properties=orNone(Kind("a list of parameters, as in [StringParameter(name='x')]", _isProperties)),
        **dict.fromkeys(ROLES, FIELD),
    )
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        username: Any = None,
        reason: Any = None,
        reasonString: str = "A build was forced by '%(owner)s': %(reason)s",
        buttonName: str | None = "Force Build",
        codebases: object = None,
        properties: Sequence[BaseParameter] | None = None,
        branch: object = None,
        revision: Any = None,
        repository: Any = None,
        project: Any = None,
        label: str | None = None,
    ) -> None:
        """@param reasonString: the reason of the builds, with C{%(owner)s} and C{%(reason)s}.
        @param codebases: the source; C{branch}, C{revision}, C{repository} and C{project} are the same for a
            codebase without a name.
        @param properties: further parameters; None: four properties of any name.
        """
        super().__init__(name)
        self.builderNames = list(builderNames)
        self.username = username or UserNameParameter()
        self.reason = reason or StringParameter("reason", label="Reason:", default="force build")
        self.reasonString = reasonString
        self.buttonName = buttonName
        self.label = name if label is None else label
        fields = dict(zip(ROLES, (branch, revision, repository, project), strict=True))
        asked = {role: field for role, field in fields.items() if field is not None}
        if asked and codebases:
            complain(self, f"takes codebases, or {listing(asked)}, but not both")
        self.codebases = _codebasesOf(codebases) if codebases else [CodebaseParameter("", **asked)]
        extra = [AnyPropertyParameter(f"property{number}") for number in range(1, 5)]
        self.forcedProperties = [*self.codebases, *(extra if properties is None else properties)]
        names = Counter(leaf.fullName for each in self.all_fields for leaf in each.leaves())
        twice = [name for name, count in names.items() if count > 1]
        self.configurationDoubts = [f"scheduler {name!r} has two parameters {each!r}" for each in twice]
        wrong = [leaf.defaultDoubt() for each in self.all_fields for leaf in each.leaves()]
        self.configurationDoubts += [
            f"the default of scheduler {name!r} is not valid: {why}" for why in wrong if why
        ]
        for group in flat(self.forcedProperties):
            inner = flat(group.fields) if isinstance(group, NestedParameter) and group.name else ()
            if any(isinstance(each, InheritBuildParameter) for each in inner):
                complain(self, f": an InheritBuildParameter cannot be in the group {group.name!r}")
        try:
            self.reasonString % {"owner": "", "reason": ""}
        except (KeyError, TypeError, ValueError):
            complain(self, ": reasonString may have the places %(owner)s and %(reason)s only")

    def listBuilderNames(self) -> list[str]:
        """See L{BaseScheduler.listBuilderNames}."""
        return self.builderNames

    @property
    def all_fields(self) -> list[BaseParameter]:
        """All parameters, for forms."""
        return [self.username, self.reason, *self.forcedProperties]

    def leaves(self) -> dict[str, BaseParameter]:
        """The parameters that take a value, by full name."""
        return leavesOf(self.all_fields)

    def named(self, role: str) -> BaseParameter:
        """The parameter for a part of the source: C{"branch"}, C{"revision"} and so on.

        @raise ValidationError: there is none, or one for each of several codebases.
        """
        found = [each.roles[role] for each in self.codebases if role in each.roles]
        if len(found) == 1:
            return found[0]
        names = listing(each.fullName for each in found)
        told = f", but one for each codebase: {names}" if found else ""
        raise ValidationError(f"scheduler {self.name!r} takes no {role}{told}")

    def describe(self, builder: str) -> list[dict[str, Any]]:
        """The facts about my parameters, for a builder: see L{BaseParameter.describe}.

        C{person} is true for the parameter that is the person.
        """
        return [
            {**leaf.describe(self._choicesOf(leaf, builder)), "person": leaf is self.username}
            for leaf in self.leaves().values()
        ]

    def _choicesOf(self, leaf: BaseParameter, builder: str) -> list[str]:
        if not isinstance(leaf, ChoiceStringParameter):
            return []
        try:
            return [str(each) for each in leaf.getChoices(self.parent, self, builder)]
        except PLUGIN_ERRORS:
            log.failure("choices of parameter {parameter} failed", parameter=leaf.fullName)
            return []

    def placesOf(self, properties: Mapping[str, str]) -> dict[str, Sequence[str]]:
        """Put properties into my parameters: those of their names, or those for properties of any name.

        @return: full name -> values.
        @raise ValidationError: a property has no place.
        """
        known = self.leaves()
        free = [each for each in flat(self.forcedProperties) if isinstance(each, AnyPropertyParameter)]
        places: dict[str, Sequence[str]] = {}
        for name, value in properties.items():
            if name in known:
                places[name] = [value]
            elif free:
                forName, forValue = free.pop(0).fields
                places.update({forName.fullName: [name], forValue.fullName: [value]})
            else:
                raise ValidationError(
                    f"scheduler {self.name!r} takes no property {name!r}{nearest(name, known)}"
                )
        return places

    async def wanted(self, builder: str, given: Mapping[str, Sequence[Any]], who: str = "") -> BuildSet:
        """The build set for a builder. I do not submit it.

        @param given: full name -> values.
        @param who: the name of the person, if known.
        @raise ValidationError: with all errors.
        @raise StoreFailed: an earlier build cannot be read.
        """
        kwargs: dict[str, Any] = {name: list(values) for name, values in given.items()}
        errors = [*self._unknown(kwargs)]
        properties: dict[str, Any] = {}
        sources: dict[str, Any] = {}
        about: dict[str, Any] = {
            **{"master": self.parent, "buildername": builder, "changes": []},
            **{"sourcestamps": sources, "properties": properties, "kwargs": kwargs},
            "inherits": self._inherited,
        }
        for each in withoutNameless(self.forcedProperties):
            await self._read(each, errors, each.updateFromKwargs, **about)
        reason = await self._read(self.reason, errors, self.reason.getFromKwargs, kwargs)
        owner: Any = who
        if not who or self.username.fullName in kwargs:
            owner = await self._read(self.username, errors, self.username.getFromKwargs, kwargs)
        stamps: list[Any] = [
            await self._read(each, errors, _stampOf, each.codebase, sources) if not errors else None
            for each in self.codebases
        ]
        if not errors and propertiesTrouble(properties):
            errors.append(f"the properties must be {propertiesTrouble(properties)}")
        if errors:
            raise ValidationError(*errors)
        return BuildSet(
            [builder],
            SourceStamp.together(stamps),
            self.reasonString % {"owner": owner, "reason": reason},
            scheduler=self.name,
            properties={**properties, "reason": reason, "owner": owner},
            propertySource=SOURCE,
        )

    async def _read(
        self, parameter: BaseParameter, errors: list[str], read: Callable[..., Any], *args: Any, **kw: Any
    ) -> Any:
        """Call the code of a parameter, which may be the site's. Adds its errors."""
        try:
            return await maybeDeferred(read, *args, **kw)
        except ValidationError as why:
            errors += why.errors
        except StoreFailed:
            raise
        except PLUGIN_ERRORS as why:
            log.failure(
                "parameter {parameter} of scheduler {name} failed",
                parameter=parameter.fullName,
                name=self.name,
            )
            errors.append(f"parameter {parameter.fullName!r} failed: {inOneLine(why)}")
        return None

    async def _inherited(self, builder: str, number: int) -> Mapping[str, Any] | None:
        """The values that were forced for an earlier build; None if there is no such build."""
        store = self.engine.store
        build = await store.getBuild(builder, number)
        if build is None:
            return None
        values: dict[str, Any] = {}
        for request in build.requests:
            buildset = await store.getBuildsetOf(request)
            if buildset is not None and buildset.propertySource == SOURCE:
                values.update(buildset.properties)
        return values

    def _unknown(self, given: Mapping[str, object]) -> Iterator[str]:
        known = self.leaves()
        for name in given:
            if name not in known:
                hint = nearest(name, known) or f"; there is {listing(known)}"
                yield f"scheduler {self.name!r} has no parameter {name!r}{hint}"


def _stampOf(codebase: str, sources: Mapping[str, Mapping[str, Any]]) -> SourceStamp:
    """The source stamp of a codebase: the latest if a class of the site says nothing about it."""
    said = sources.get(codebase) or {}
    return choice.stampOf(codebase, {name: value or None for name, value in said.items()})


def _codebasesOf(codebases: Any) -> list[CodebaseParameter]:
    """The codebases: parameters, texts, or the names in a dictionary with defaults."""
    defaults = codebases if isinstance(codebases, Mapping) else {}
    return [
        each if isinstance(each, CodebaseParameter) else _codebaseOf(each, defaults.get(each) or {})
        for each in codebases
    ]


def _codebaseOf(name: str, said: Mapping[str, Any]) -> CodebaseParameter:
    fields: dict[str, Any] = {
        role: StringParameter(role, label=f"{role.title()}:", default=_textOf(said.get(role)))
        for role in ROLES
    }
    return CodebaseParameter(name, **fields)


def _textOf(value: object) -> str:
    return "" if value is None else str(value)

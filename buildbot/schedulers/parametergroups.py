# -*- test-case-name: tests.unit.schedulers.test_parameters -*-
"""Groups of the parameters of a forced build: dictionaries, properties of any name, the source.

L{buildbot.schedulers.parameters} has the parameters that take one value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments
from buildbot.config.kinds import TEXT, orNone, sequenceOf
from buildbot.schedulers.parameters import BaseParameter, StringParameter, ValidationError

#: The parts of a codebase that a person may give.
ROLES = ("branch", "revision", "repository", "project")
#: Stands for the usual parameter of a part.
DefaultField: Any = object()

PARAMETER = Kind(
    "a parameter, as in StringParameter(name='x')", lambda value: isinstance(value, BaseParameter)
)
FIELD = orNone(PARAMETER)
_ROLE = Kind(
    f"{PARAMETER.expected}, or None to leave it out",
    lambda value: value is DefaultField or FIELD.fits(value),
)

_FIELDS = Kind(
    "a list of parameters, as in [StringParameter(name='x')]",
    sequenceOf(lambda each: isinstance(each, BaseParameter)),
    standIn=(),
)


class NestedParameter(BaseParameter):
    """I am a group of parameters. My value is a dictionary; without a name, my parts are properties."""

    type = ("nested",)
    fields: Sequence[BaseParameter] = ()
    columns = layout = None

    @arguments(fields=_FIELDS)
    def __init__(self, name: str, fields: Sequence[BaseParameter], **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.fields = list(fields)
        self.setParent(None)

    def setParent(self, parent: BaseParameter | None) -> None:
        """See L{BaseParameter.setParent}."""
        super().setParent(parent)
        for field in self.fields:
            field.setParent(self)

    def leaves(self) -> Iterator[BaseParameter]:
        """See L{BaseParameter.leaves}."""
        for field in self.fields:
            yield from field.leaves()

    def valuesOf(self, kwargs: object, **kw: Any) -> dict[str, Any]:
        """The values of my parts. @raise ValidationError: with the errors of all parts."""
        values: dict[str, Any] = {}
        errors: list[str] = []
        for field in self.fields:
            try:
                field.updateFromKwargs(**{**kw, "kwargs": kwargs, "properties": values})
            except ValidationError as why:
                errors += why.errors
        if errors:
            raise ValidationError(*errors)
        return values

    def updateFromKwargs(self, properties: dict[str, Any], kwargs: object, **unused: Any) -> Any:
        """See L{BaseParameter.updateFromKwargs}."""
        values = self.valuesOf(kwargs, **unused)
        (properties.setdefault(self.name, {}) if self.name else properties).update(values)


#: The name of 0.8.9 for L{NestedParameter}.
ParameterGroup = NestedParameter


class AnyPropertyParameter(NestedParameter):
    """I am a property of any name."""

    type = ("any",)

    @arguments(name=TEXT)
    def __init__(self, name: str, **kwargs: Any) -> None:
        title = re.sub(r"(\d+)$", r" \1", name).capitalize()
        fields = [StringParameter(part, label=f"{title} {part}:".strip()) for part in ("name", "value")]
        super().__init__(name, fields, **{"label": "", **kwargs})

    def updateFromKwargs(self, properties: dict[str, Any], kwargs: object, **unused: Any) -> Any:
        """See L{BaseParameter.updateFromKwargs}."""
        said = self.valuesOf(kwargs, **unused)
        if said["name"]:
            properties[said["name"]] = said["value"]
        elif said["value"]:
            raise self.fields[0].error("is required, because the value is given")


def leavesOf(parameters: Iterable[BaseParameter]) -> dict[str, BaseParameter]:
    """The parameters that take a value, by full name."""
    return {leaf.fullName: leaf for each in parameters for leaf in each.leaves()}


class CodebaseParameter(NestedParameter):
    """I am the source of a build.

    @ivar codebase: the name of the codebase.
    @ivar roles: C{"branch"}, C{"revision"}, C{"repository"} and C{"project"}, each with its parameter.
    """

    type = ("codebase",)
    codebase = ""

    @arguments(codebase=TEXT, name=orNone(TEXT), **dict.fromkeys(ROLES, _ROLE))
    def __init__(
        self,
        codebase: str,
        name: str | None = None,
        label: str | None = None,
        branch: object = DefaultField,
        revision: object = DefaultField,
        repository: Any = DefaultField,
        project: Any = DefaultField,
        **kwargs: Any,
    ) -> None:
        """@param name: the beginning of the full names of my parts; by default the codebase.
        @param branch: a parameter; None: nobody is asked.
        """
        given = dict(zip(ROLES, (branch, revision, repository, project), strict=True))
        usual = {role: StringParameter(role, label=f"{role.title()}:") for role in ROLES}
        self.roles = {
            role: usual[role] if field is DefaultField else field
            for role, field in given.items()
            if field is not None
        }
        self.codebase = codebase
        shown = f"Codebase: {codebase}" if label is None and codebase else label
        super().__init__(name or codebase, list(self.roles.values()), label=shown, **kwargs)

    def valuesOf(self, kwargs: Any, **kw: Any) -> dict[str, Any]:
        """The values by role. @raise ValidationError: with the errors of all parts."""
        values: dict[str, Any] = {}
        errors: list[str] = []
        for role, field in self.roles.items():
            told: dict[str, Any] = {}
            try:
                field.updateFromKwargs(**{**kw, "kwargs": kwargs, "properties": told})
            except ValidationError as why:
                errors += why.errors
            values[role] = next(iter(told.values()), "")
        if errors:
            raise ValidationError(*errors)
        return values

    def createSourcestamp(self, properties: dict[str, Any], kwargs: Any) -> Any:
        """The source as a dictionary. Override me to change it; C{kwargs} has it under my full name."""
        return kwargs.get(self.fullName, {})

    def updateFromKwargs(
        self,
        properties: dict[str, Any],
        kwargs: Any,
        sourcestamps: dict[str, Any] | None = None,
        **unused: Any,
    ) -> Any:
        """See L{BaseParameter.updateFromKwargs}. My value becomes a source, not a property."""
        kwargs[self.fullName] = self.valuesOf(kwargs, **unused)
        made = self.createSourcestamp(properties, kwargs)
        if made is not None and sourcestamps is not None:
            sourcestamps[self.codebase] = made


def withoutNameless(parameters: Sequence[BaseParameter]) -> Iterator[BaseParameter]:
    """Yield the parameters, with the parts of groups that have no name in place of these groups."""
    for each in parameters:
        if type(each) is NestedParameter and not each.name:
            yield from withoutNameless(each.fields)
        else:
            yield each


def flat(parameters: Sequence[BaseParameter]) -> Iterator[BaseParameter]:
    """Yield the parameters, groups before their parts."""
    for each in parameters:
        yield each
        if isinstance(each, NestedParameter):
            yield from flat(each.fields)

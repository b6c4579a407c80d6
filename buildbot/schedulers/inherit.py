# -*- test-case-name: tests.stories.test_force -*-
"""A parameter of a forced build that takes the values of an earlier forced build.

L{buildbot.schedulers.parameters} has the other parameters.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.config.arguments import Kind, arguments
from buildbot.config.kinds import orNone, takes
from buildbot.schedulers.parameters import ChoiceStringParameter

#: Finds the values of a forced build by builder and number; None if there is no such build.
Inherits = Callable[[str, int], Awaitable[Mapping[str, Any] | None]]

_FUNCTION = Kind(
    "a function of (status, buildername)",
    lambda value: callable(value) and takes(value, None, None),
    lambda value: "this one does not take two arguments" if callable(value) else None,
)


class InheritBuildParameter(ChoiceStringParameter):
    """I am an earlier build, C{BUILDER/NUMBER}. The properties that were forced for it become properties.

    Its C{owner} becomes C{orig_owner}. Words after the number are ignored.

    @ivar compatible_builds: a function of the status and the builder's name, which returns the builds to
        choose from.
    """

    type = ("list", "inherit")
    strict = False
    compatible_builds: Callable[[Any, str | None], Sequence[str]] | None = None

    @arguments(compatible_builds=orNone(_FUNCTION))
    def __init__(self, name: str = "inherit", compatible_builds: Any = None, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.compatible_builds = compatible_builds

    def getChoices(self, master: Any, scheduler: object, buildername: str | None) -> Sequence[str]:
        """See L{ChoiceStringParameter.getChoices}."""
        if self.compatible_builds is None:
            return []
        return self.compatible_builds(master.getStatus(), buildername)

    def updateFromKwargs(
        self, properties: dict[str, Any], kwargs: Any, inherits: Inherits | None = None, **unused: Any
    ) -> Deferred[None] | None:
        """See L{BaseParameter.updateFromKwargs}.

        @return: fires when the properties are set.
        """
        given = str(self.getFromKwargs(kwargs)).split(None, 1)
        if not given or inherits is None:
            return None
        builder, _, number = given[0].rpartition("/")
        if not (builder and number.isascii() and number.isdecimal() and len(number) < 10):
            raise self.error(f"must be a build, BUILDER/NUMBER, and not {given[0]!r}")
        return ensureDeferred(self._inherit(properties, builder, int(number), inherits))

    async def _inherit(
        self, properties: dict[str, Any], builder: str, number: int, inherits: Inherits
    ) -> None:
        values = await inherits(builder, number)
        if values is None:
            raise self.error(f"names no known build: {builder}/{number}")
        renamed = {"orig_owner" if name == "owner" else name: value for name, value in values.items()}
        properties.update({self.name: f"{builder}/{number}", **renamed})

# -*- test-case-name: tests.stories.test_force -*-
"""Builds forced through a ForceScheduler: find the scheduler, and give it the values.

L{buildbot.control.buildcommands} submits the build set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from buildbot.config.messages import listing, nearest
from buildbot.control.client import ControlError
from buildbot.events.onuse import onUse
from buildbot.process.buildset import BuildSet

if TYPE_CHECKING:
    from buildbot.schedulers import forcesched
else:  # few configurations have a ForceScheduler
    forcesched = onUse("buildbot.schedulers.forcesched")


class Forms:
    """I know the running schedulers through which builds can be forced."""

    def __init__(self, schedulers: Callable[[], Iterable[object]]) -> None:
        self._schedulers = schedulers

    def describe(self, builder: str) -> list[dict[str, Any]]:
        """The schedulers of a builder: their names, and their parameters."""
        return [
            {
                "scheduler": each.name,
                "label": each.label,
                "button": each.buttonName,
                "parameters": each.describe(builder),
            }
            for each in self._all()
            if builder in each.listBuilderNames()
        ]

    async def wanted(
        self,
        scheduler: str,
        builder: str,
        given: Mapping[str, str | Sequence[str]],
        said: Mapping[str, str | None],
        properties: Mapping[str, str],
        who: str,
    ) -> BuildSet:
        """The build set that a scheduler makes.

        @param given: the values by full name.
        @param said: C{branch}, C{revision} and C{reason}, if they were given as such.
        @raise ControlError: with all errors in the values.
        @raise StoreFailed: an earlier build cannot be read.
        """
        form = self._find(scheduler, builder)
        values = {name: [each] if isinstance(each, str) else list(each) for name, each in given.items()}
        errors: list[str] = []
        for role, text in said.items():
            try:
                if text:
                    place = form.reason if role == "reason" else form.named(role)
                    values.setdefault(place.fullName, []).append(text)
            except forcesched.ValidationError as why:
                errors += why.errors
        try:
            for name, places in form.placesOf(properties).items():
                values.setdefault(name, []).extend(places)
        except forcesched.ValidationError as why:
            errors += why.errors
        try:
            wanted = await form.wanted(builder, values, who)
        except forcesched.ValidationError as why:
            errors += why.errors
        if errors:
            raise ControlError("\n".join(errors))
        return wanted

    def _all(self) -> list[forcesched.ForceScheduler]:
        return [each for each in self._schedulers() if isinstance(each, forcesched.ForceScheduler)]

    def _find(self, name: str, builder: str) -> forcesched.ForceScheduler:
        forms = {each.name: each for each in self._all()}
        if name not in forms:
            others = [getattr(each, "name", None) for each in self._schedulers()]
            told = "is no ForceScheduler" if name in others else "is not in c['schedulers']"
            there = f"; there is {listing(forms)}" if forms else ": the configuration has no ForceScheduler"
            raise ControlError(f"scheduler {name!r} {told}{nearest(name, forms) or there}")
        if builder not in forms[name].listBuilderNames():
            known = listing(forms[name].listBuilderNames())
            raise ControlError(f"scheduler {name!r} has no builder {builder!r}: it has {known}")
        return forms[name]

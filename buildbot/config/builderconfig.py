# -*- test-case-name: tests.unit.config.test_later -*-
"""BuilderConfig, as files of 0.8 write their builders: an entry of C{c['builders']}.

L{buildbot.config.later} turns it into a dictionary. L{buildbot.config.builders} has the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments, complain, remember
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import NAME

#: The rules for the builders check the other arguments.
_FACTORY = Kind("a BuildFactory", lambda value: value is None or not isinstance(value, str))

#: The names of 0.9 -> those of 0.8.
_WORKERS = {
    "workername": "slavename",
    "workernames": "slavenames",
    "workerbuilddir": "slavebuilddir",
    "nextWorker": "nextSlave",
}


class BuilderConfig(ComparableMixin):
    """I am one builder of the configuration, with its arguments as attributes."""

    compare_attrs = ("_given",)

    @arguments(name=NAME, factory=_FACTORY)
    def __init__(
        self,
        name: str,
        slavename: str | None = None,
        slavenames: str | Sequence[str] | None = None,
        builddir: str | None = None,
        slavebuilddir: str | None = None,
        factory: object = None,
        category: str | None = None,
        nextSlave: object = None,
        nextBuild: object = None,
        locks: Sequence[Any] | None = None,
        env: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        mergeRequests: object = None,
        description: str | None = None,
        canStartBuild: object = None,
        tags: Sequence[str] | None = None,
        workername: str | None = None,
        workernames: str | Sequence[str] | None = None,
        workerbuilddir: str | None = None,
        nextWorker: object = None,
        collapseRequests: object = None,
    ) -> None:
        """@param slavenames: the slaves, as a list, or a single one as text, like C{slavename}.
        @param builddir: by default made of the name.
        @param slavebuilddir: the directory on the slaves; by default C{builddir}.
        """
        remember(self)
        if factory is None:
            complain(self, "lacks its argument factory", "factory", factory)
        given = {name: value for name, value in locals().items() if name != "self"}
        self._given = {_WORKERS.get(key, key): value for key, value in given.items() if value is not None}
        for key in given:
            setattr(self, key, given[key])
        if isinstance(slavenames, str):
            self.slavenames = [slavenames]

    def __repr__(self) -> str:
        return f"BuilderConfig({self._given.get('name')!r})"

    def getConfigDict(self) -> dict[str, Any]:
        """The builder as a dictionary of C{c['builders']}."""
        return dict(self._given)

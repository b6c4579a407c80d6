# -*- test-case-name: tests.unit.control.test_changecommands -*-
"""The command C{sendchange} of the control socket and the API: take a change, as a PBChangeSource does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from buildbot.changes.changedict import BadChange, changeFrom
from buildbot.control.client import ControlError
from buildbot.control.refusals import stored
from buildbot.model.change import Change


class ChangeCommands:
    """I am the command C{sendchange} of one master."""

    def __init__(self, addChange: Callable[[Change], Awaitable[Change]]) -> None:
        """@param addChange: stores a change, and gives it to the schedulers."""
        self._addChange = addChange

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {"sendchange": self.sendchange}

    async def sendchange(
        self,
        who: str,
        files: Sequence[str],
        comments: str,
        branch: str | None = None,
        revision: str | int | None = None,
        category: str | None = None,
        when: float | None = None,
        revlink: str | None = None,
        properties: Mapping[str, Any] | None = None,
        links: Sequence[str] = (),
        isdir: bool = False,
        repository: str | None = None,
        project: str | None = None,
        codebase: str | None = None,
    ) -> dict[str, Any]:
        """Take a change. Returns C{{"change": NUMBER}} when the change is on disk.

        @raise ControlError: a value cannot be used, or the store fails.
        """
        said = {name: value for name, value in locals().items() if name != "self"}
        try:
            change = changeFrom(said)
        except BadChange as bad:
            raise ControlError(str(bad)) from None
        assert change is not None  # None is for changes outside of a prefix, and there is none
        kept = await stored(self._addChange(change))
        return {"change": kept.number}

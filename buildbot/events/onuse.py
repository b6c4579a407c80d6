# -*- test-case-name: tests.unit.events.test_onuse -*-
"""Import a module of ours when it is first used. What most masters never use does not slow down their start.

The importing module says for the type checker, and for the test of the layers, what the name stands for::

    if TYPE_CHECKING:
        from buildbot.web import running
    else:
        running = onUse("buildbot.web.running")

A test imports every module that is named so: a broken one is found by it, and not at the first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class OnUse:
    """I stand for a module. The first use of one of its names imports it, in any thread."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)

    def __repr__(self) -> str:
        return f"<{self._name}, imported on use>"


def onUse(name: str) -> Any:
    """A stand-in for the module with this whole name. Its attributes are those of the module."""
    return OnUse(name)

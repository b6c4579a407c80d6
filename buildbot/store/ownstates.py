# -*- test-case-name: tests.unit.store.test_ownstates -*-
"""The states of people's own plug-ins: C{StateMixin} of 0.8.

A poller, scheduler or status target of people's own keeps values over a restart of the master.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred

from buildbot.store.interface import IStore


class StateMixin:
    """I keep values in the store of the master, under the name and the class of the plug-in.

    The plug-in must have joined the master: its C{parent}, or a parent of that, is the master.

    @ivar name: the name of the plug-in. Two of one class need different names.
    """

    name: Any = None

    def getState(self, name: str, *default: Any) -> Deferred[Any]:
        """Read a value.

        @param default: the value if none was kept.
        @return: fires with the value. Tuples have become lists, as JSON has no tuples. Fails with KeyError if
            none was kept and there is no default, with RuntimeError outside of a master, and with
            L{StoreFailed<buildbot.store.interface.StoreFailed>}.
        """

        def found(kept: dict[str, Any] | None) -> Any:
            if kept is not None:
                return kept["value"]
            if default:
                return default[0]
            raise KeyError(name)

        reading: Deferred[Any] = maybeDeferred(lambda: _storeOf(self).getState(self._stateKey(name)))
        return reading.addCallback(found)

    def setState(self, name: str, value: Any) -> Deferred[None]:
        """Keep a value.

        @param value: anything that JSON can express.
        @return: fires when it is on disk. Fails with TypeError if JSON cannot express the value, with
            RuntimeError outside of a master, and with L{StoreFailed<buildbot.store.interface.StoreFailed>}.
        """
        return maybeDeferred(lambda: _storeOf(self).setState(self._stateKey(name), {"value": value}))

    def _stateKey(self, name: str) -> str:
        return f"own/{type(self).__name__}/{self.name or ''}/{name}"


def _storeOf(plugin: object) -> IStore:
    """The store of the master that a plug-in has joined."""
    holder: Any = plugin
    while holder is not None:
        botmaster = getattr(holder, "botmaster", None)
        if botmaster is not None:
            store: IStore = botmaster.store
            return store
        holder = getattr(holder, "parent", None)
    raise RuntimeError(f"{type(plugin).__name__} keeps states only while it belongs to a running master")

"""The part of the master that schedulers use."""

from __future__ import annotations

from collections.abc import Container
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from buildbot.process.buildevents import BuildEvents
from buildbot.process.resources import Resources
from buildbot.store.interface import IStore


class MasterForSchedulers(Protocol):
    """The master with its builders. This is L{buildbot.slaves.botmaster.BotMaster}."""

    clock: IReactorTime

    @property
    def config(self) -> object:
        """The configuration in force."""

    @property
    def resources(self) -> Resources:
        """The clock, the store and other resources of builds."""

    @property
    def store(self) -> IStore:
        """The store of C{resources}."""

    @property
    def builders(self) -> Container[str]:
        """The existing builders, by name."""

    @property
    def events(self) -> BuildEvents:
        """The events of builds."""

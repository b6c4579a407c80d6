"""The Protocols of the layers above an instance: the slave of the configuration, and the master."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from buildbot.daemon.symptoms import Symptom
from buildbot.latent.buildslave import AbstractLatentBuildSlave
from buildbot.latent.states import State


class Attachable(Protocol):
    """The slave of an instance: the L{buildbot.slaves.perspective.BotPerspective}."""

    def happened(self, text: str, /) -> None:
        """Add an event with the present time to the status."""

    def disconnect(self, reason: str, /) -> Deferred[None]:
        """Disconnect the slave. Fires with None when the connection is gone."""


class KnownInstance(Protocol):
    """The part of an instance that its surroundings use; see L{buildbot.latent.instance.Instance}."""

    name: str
    state: State
    wanted: AbstractLatentBuildSlave | None
    slave: AbstractLatentBuildSlave | None

    @property
    def password(self) -> str | None:
        """The password made for it; None if there is none now."""


class Surroundings(Protocol):
    """What an instance uses of the master: the L{buildbot.latent.instances.Instances}.

    @ivar isOver: True while the master stops.
    """

    isOver: bool

    @property
    def clock(self) -> IReactorTime: ...

    def now(self) -> float:
        """The time, in seconds since the epoch."""

    def keep(self, key: str, value: Any, /) -> Deferred[None]:
        """Write into the store, in the order of the calls. Fails only when the master stops."""

    def environment(self, instance: KnownInstance, /) -> Mapping[str, str]:
        """What an instance has to know, as environment variables."""

    def masked(self, instance: KnownInstance, text: str, /) -> str:
        """A text without passwords."""

    def changed(self, instance: KnownInstance, /) -> None:
        """Called after each change of the state."""

    def admit(self, instance: KnownInstance, /) -> None:
        """Offer the slave to its builders."""

    def ask(self, instance: KnownInstance, /) -> None:
        """Ask the builders of the slave whether they need it."""

    def trouble(self, instance: KnownInstance, symptom: Symptom | None, /) -> None:
        """Show a trouble with an instance; None ends it."""

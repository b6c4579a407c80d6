# -*- test-case-name: tests.stories.test_mail -*-
"""The mails of one notifier about slaves that are missing, late, or back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from buildbot.mails.contents import Contents
from buildbot.mails.lateslaves import LateSlaves
from buildbot.mails.missing import SHARED, MissingSlaves, Watch, watchesOf
from buildbot.mails.postbox import Postbox


class SlaveMails:
    """I watch slaves, and write and queue these mails.

    @ivar missing: watches the slaves that are lost; C{late}: the latent ones that do not attach.
    """

    def __init__(
        self,
        master: Any,
        contents: Contents,
        postbox: Postbox,
        tellsOwners: Callable[[], bool],
        names: Sequence[str],
        others: Sequence[str],
    ) -> None:
        """@param master: the BuildMaster.
        @param tellsOwners: returns True if the owners of slaves are told.
        @param names: the slaves about which C{others} are told; "all" is all of them.
        """
        self._master, self._status = master, master.getStatus()
        self._contents, self._postbox = contents, postbox
        self._tellsOwners, self._names, self._others = tellsOwners, names, others
        resources = master.botmaster.resources
        self._now: Callable[[], float] = lambda: resources.now()
        self.missing = MissingSlaves(
            *(resources.store, resources.clock, self._now, SHARED),
            self._watched,
            lambda name: self._status.getSlave(name).isConnected(),
            self._tellMissing,
            self._tellBack,
        )
        since = master.botmaster.instances.lateSince
        self.late = LateSlaves(lambda: self._watched(latent=True), since, self._tellMissing)

    def _watched(self, latent: bool = False) -> dict[str, Watch]:
        """Who is told about which slave."""
        slaves = self._master.config.slaves.values()
        return watchesOf(slaves, self._tellsOwners(), self._names, self._others, latent)

    async def _tellMissing(self, name: str, lost: float, watch: Watch) -> None:
        letter = self._contents.ofSlave(self._status.getSlave(name), lost)
        await self._postbox.post(letter, (list(watch.recipients), []), "")

    async def _tellBack(self, name: str, lost: float, watch: Watch) -> None:
        letter = self._contents.ofSlaveBack(self._status.getSlave(name), lost, self._now())
        await self._postbox.post(letter, (list(watch.recipients), []), "")

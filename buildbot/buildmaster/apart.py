# -*- test-case-name: tests.stories.test_readers -*-
"""What a master gives to the processes that only serve its pages; L{buildbot.readers} has the rest.

A process in the master's directory uses the control socket. One on another machine uses the ports of the web
servers, if the store is in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from buildbot.control.protocol import COMMANDS
from buildbot.control.server import ControlServer
from buildbot.daemon.directory import pagesAddress, readTac
from buildbot.events.onuse import onUse
from buildbot.readers import passing, pieces, telling
from buildbot.slaves.botmaster import BotMaster
from buildbot.status.master import Status

if TYPE_CHECKING:
    from buildbot.readers import door, states
    from buildbot.web.accounts.logins import Logins
else:  # a master without such processes needs nothing for them
    door = onUse("buildbot.readers.door")
    states = onUse("buildbot.readers.states")


class ServedMaster(Protocol):
    """The part of a master that L{PagesApart} uses."""

    basedir: str
    botmaster: BotMaster
    status: Status
    commands: dict[str, Callable[..., Any]]

    @property
    def logins(self) -> Logins:
        """Who is logged in, and the tokens of scripts; made when it is first used."""

    def __iter__(self) -> Iterator[Any]: ...


class PagesApart:
    """I answer the processes with the pages of one master.

    @ivar inner: the resources of web servers for processes on other machines, by their path.
    """

    inner: Mapping[bytes, Any] = {}
    _offer: door.Offer | None = None

    def __init__(self, master: Any, reactor: Any) -> None:
        """@param master: a L{ServedMaster}."""
        self._master: ServedMaster = master
        self._reactor = reactor
        self._address = pagesAddress(readTac(master.basedir))
        self._telling = telling.Telling(master, self._changesOfLogins)

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """My commands: name -> function."""
        master = self._master
        handedOn = passing.Passing(self._servers, master.status.topics.lastId, self._changesOfLogins)
        resources = master.botmaster.resources
        parts = pieces.Pieces(lambda: resources.logs.directory, self._growing, self._reactor)
        return {
            "follow": self._telling.follow,
            "pass": handedOn.passOn,
            "used": self._used,
            "log": parts.log,
        }

    def readers(self) -> list[dict[str, Any]]:
        """The processes, for C{status}."""
        return self._telling.readers()

    def wake(self) -> None:
        """Tell the processes now that the logins have changed."""
        self._telling.wake()

    def open(self) -> None:
        """Answer processes on other machines from now on, through the ports of the web servers."""
        master = self._master
        commands = {name: COMMANDS[name] for name in door.COMMANDS}
        handlers = {name: master.commands[name] for name in commands}
        answers = ControlServer(master.basedir, handlers, self._reactor, commands).answer
        store = master.botmaster.resources.store
        self._offer = door.Offer(store, master.basedir, self._servers, self._address)
        self.inner = {door.PATH.encode(): door.LinkResource(self._offer.secret, answers)}

    async def tell(self) -> None:
        """Write into the store where processes on other machines find this master, if they are answered."""
        if self._offer is not None:
            await self._offer.tell()

    def _changesOfLogins(self) -> int:
        return self._master.logins.stored if "logins" in self._master.__dict__ else 0

    def _used(self, key: str) -> None:
        master = self._master
        states.Uses(lambda: master.logins, lambda: master.botmaster.now()).used(key)

    def _servers(self) -> list[Any]:
        """The running web servers."""
        return [each for each in self._master if hasattr(type(each), "dispatcher")]

    def _growing(self) -> list[Any]:
        """The logs of the running builds."""
        builds = [
            each.build_status
            for one in self._master.botmaster.builders.values()
            for each in (*one.building, *one.ending)
        ]
        return [log for build in builds for log in build.getLogs() if not log.isFinished()]

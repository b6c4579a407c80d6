# -*- test-case-name: tests.unit.control.test_debug -*-
"""The account C{debug}: it can reconfigure the master, request builds, and send made-up changes.

A master has the account while its configuration has a C{debugPassword}; see L{buildbot.slaves.realm}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from twisted.application import service
from twisted.logger import Logger

from buildbot.changes.changedict import LARGEST_PROPERTIES, LONGEST_NAME
from buildbot.control.plugins import Control, ControlledMaster
from buildbot.model.change import LONGEST_COMMENTS, Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildercontrol import BuilderControl
from buildbot.process.buildset import BuildSet
from buildbot.reconfig.reconfigurer import Reconfigurer
from buildbot.slaves.realm import Dispatcher
from buildbot.wire.budget import weigh
from buildbot.wire.callee import NewCredPerspective, WrongArguments
from buildbot.wire.dialect import word

log = Logger()


def _wordOrNone(value: object) -> str | None:
    if value is None:
        return None
    return str(value) if isinstance(value, int) else _name(value)


def _name(value: object, most: int = LONGEST_NAME) -> str:
    """A text for a record. Raises WrongArguments if it is too long."""
    said = word(value)
    if len(said) > most:
        raise WrongArguments(f"a text has {len(said)} characters; at most {most} are taken")
    return said


class DebuggedMaster(ControlledMaster, Protocol):
    """The part of L{buildbot.buildmaster.service.BuildMaster} that the account C{debug} uses."""

    @property
    def reconfigurer(self) -> Reconfigurer[Any]:
        """The reconfigurer of the master."""


class MasterWithAccounts(DebuggedMaster, Protocol):
    """The parent of L{DebugAccount}: a master with accounts."""

    @property
    def dispatcher(self) -> Dispatcher:
        """The accounts of its slave ports."""


class DebugAccount(service.Service):
    """While I run, the slave ports of the master that is my parent have the account C{debug}."""

    def __init__(self, password: str) -> None:
        self._password = password

    def startService(self) -> None:
        """Register the account."""
        super().startService()
        master = cast(MasterWithAccounts, self.parent)
        self._dispatcher = master.dispatcher
        self._dispatcher.register("debug", DebugPerspective(master), self._password)

    def stopService(self) -> None:
        """Unregister the account."""
        super().stopService()
        self._dispatcher.unregister("debug")


class DebugPerspective(NewCredPerspective):
    """I have the remote methods of the account C{debug}."""

    def __init__(self, master: DebuggedMaster) -> None:
        self.master = master

    def getPerspective(self) -> DebugPerspective:
        """See L{buildbot.slaves.realm.Dispatcher.register}."""
        return self

    def perspective_print(self, msg: object) -> None:
        """Write a message into the master's log."""
        log.info("debug client: {msg}", msg=str(msg)[:1000])

    async def perspective_reload(self) -> bool:
        """Reconfigure the master. Returns True if the new configuration is in force."""
        outcome = await self.master.reconfigurer.request()
        return bool(outcome["applied"])

    async def perspective_requestBuild(
        self,
        buildername: object,
        reason: object,
        branch: object = None,
        revision: object = None,
        properties: object = None,
    ) -> None:
        """Request a build. Returns when the request is on disk."""
        control = self._builder(buildername)
        source = SourceStamp(_wordOrNone(branch), _wordOrNone(revision))
        given = _properties(properties or {})
        buildset = BuildSet(
            [control.original.name], source, _name(reason, LONGEST_COMMENTS), properties=given
        )
        await self.master.submitBuildSet(buildset)

    async def perspective_pingBuilder(self, buildername: object) -> None:
        """Ping the slaves of a builder. A slave that does not answer is disconnected."""
        control = self._builder(buildername)
        lives = await control.ping()
        log.info("debug client: ping of slave {name}: {lives}", name=control.original.name, lives=lives)

    async def perspective_fakeChange(
        self, file: object, revision: object = None, who: object = "fakeUser", branch: object = None
    ) -> None:
        """Add an invented change of one file. Returns when the change is on disk."""
        change = Change(
            _name(who),
            [_name(file)],
            "some fake comments",
            revision=_wordOrNone(revision),
            branch=_wordOrNone(branch),
        )
        await Control(self.master).addChange(change)

    def _builder(self, name: object) -> BuilderControl:
        try:
            return Control(self.master).getBuilder(word(name))
        except KeyError:
            raise WrongArguments(f"there is no builder {word(name)[:64]!r}") from None


def _properties(given: object) -> dict[str, Any]:
    """Check the properties sent by a peer. Raises WrongArguments if they are not valid."""
    if not isinstance(given, Mapping):
        raise WrongArguments("properties must be a dictionary")
    named = {word(name): word(value) if isinstance(value, bytes) else value for name, value in given.items()}
    for name, value in named.items():
        if not isinstance(value, (str, int, float, type(None))):
            raise WrongArguments(f"property {name[:64]!r} is neither text nor a number")
    if weigh(named) > LARGEST_PROPERTIES:
        raise WrongArguments(f"the properties take more than {LARGEST_PROPERTIES} bytes of memory")
    return named

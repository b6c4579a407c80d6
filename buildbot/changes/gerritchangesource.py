# -*- test-case-name: tests.unit.changes.test_gerritchangesource,tests.integration.test_gerrit -*-
"""The changes of a Gerrit server, which tells them over SSH as they happen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.changes.base import PollingChangeSource
from buildbot.changes.gerritevents import changeOf, flattened, projectOf, updateOf
from buildbot.config.arguments import arguments
from buildbot.config.kinds import FLAG, NAMES, TEXT, hostKind, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.gerrit.ssh import PORT, USER, Login
from buildbot.programs.running import Program, ProgramFailed
from buildbot.text.printable import plainLine

log = Logger()

#: Seconds from the end of a connection to the next one, at most.
RECONNECT = 15.0
#: Seconds after which a connection works.
WORKS = 10.0
#: The most bytes of one event. A longer one is left out.
LONGEST = 1 << 20
#: ssh notices within so many seconds that the server does not answer any more.
_ALIVE = ("-oServerAliveInterval=20", "-oServerAliveCountMax=3")


class GerritChangeSource(PollingChangeSource):
    """I make a change of each event of a Gerrit server, as in 0.8.

    A subclass may have methods like C{eventReceived_comment_added(properties, event)} for other events, and
    may override L{addChange}.
    """

    compare_attrs = ("login", "handled_events")
    pollInterval = RECONNECT
    found: int = 0
    _program: Program | None = None
    _pending = b""
    _isSkipping = False

    @arguments(
        gerritserver=hostKind("gerritport"),
        username=USER,
        gerritport=PORT,
        identity_file=orNone(TEXT),
        handled_events=NAMES,
        debug=FLAG,
    )
    def __init__(
        self,
        gerritserver: str,
        username: str,
        gerritport: int = 29418,
        identity_file: str | None = None,
        handled_events: Sequence[str] = ("patchset-created", "ref-updated"),
        debug: bool = False,
    ) -> None:
        """@param identity_file: the file of a private key; None: ssh finds one.
        @param handled_events: the types of events that become changes.
        @param debug: log each event.
        """
        self.login = Login(gerritserver, username, gerritport, identity_file)
        self.handled_events = tuple(handled_events)
        self.debug = debug

    def describe(self) -> str:
        """One line for people: the server and the account."""
        return f"{type(self).__name__} of {self.login.username}@{self.login.server}:{self.login.port}"

    # the connection

    async def poll(self) -> None:
        """Listen until the connection ends, which is a failure. The next look is the next connection."""
        self._pending, self._isSkipping = b"", False
        works = Alarm(self._works)
        works.set(self.clock, WORKS)
        self._program = self.makeProgram()
        try:
            await self._program.start(self.login.command(["gerrit", "stream-events"], *_ALIVE))
        finally:
            works.stop()
            self._program = None
        raise ProgramFailed("the server has ended the connection")

    def makeProgram(self) -> Program:
        """The run of ssh for one connection."""
        return Program(self.clock, None, heard=self._heard)

    def _works(self) -> None:
        if self.failure:
            self.failure = ""
            log.info("{source} works again", source=self.describe())

    def stopPoll(self, looking: Deferred[Any]) -> None:
        """End the connection."""
        if self._program is not None:
            self._program.stop()

    def reasonOf(self, why: Failure) -> str:
        """See L{PollingChangeSource.reasonOf}. A failure of ssh has its reason in its text."""
        return plainLine(str(why.value)) if why.check(ProgramFailed) else super().reasonOf(why)

    # the events

    def _heard(self, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            if not self._isSkipping:
                self.lineReceived(line)
            self._isSkipping = False
        if len(self._pending) > LONGEST:
            log.warn("{source}: an event is longer than {most} bytes", source=self.describe(), most=LONGEST)
            self._pending, self._isSkipping = b"", True

    def lineReceived(self, line: bytes) -> None:
        """Handle one line of the server. An error is logged."""
        if self.debug:
            log.info(
                "{source}: {line}", source=self.describe(), line=plainLine(line.decode("utf-8", "replace"))
            )
        if not self.running or not line.strip():
            return
        try:
            event = json.loads(line)
            if event["type"] in self.handled_events:
                self.eventReceived(event)
        except PLUGIN_ERRORS:
            log.failure("{source}: an event could not be used", source=self.describe())

    def eventReceived(self, event: Mapping[str, Any]) -> Any:
        """Call the method for this type of event, or make a change of one about a patch set.

        An event of the server that lacks something raises KeyError.
        """
        properties = flattened(event)
        method = getattr(self, f"eventReceived_{event['type'].replace('-', '_')}", None)
        if method is not None:
            return method(properties, event)
        if "change" in event and "patchSet" in event:
            return self.addChangeFromEvent(properties, event)
        log.warn("{source}: nothing handles events {type}", source=self.describe(), type=event["type"])
        return None

    def eventReceived_ref_updated(self, properties: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
        """Make a change of an updated branch."""
        change = updateOf(event, properties, self._repository(event))
        return None if change is None else self.addChange(change)

    def addChangeFromEvent(self, properties: Mapping[str, Any], event: Mapping[str, Any]) -> Any:
        """Make a change of an event about a patch set."""
        return self.addChange(changeOf(event, properties, self._repository(event)))

    def addChange(self, chdict: Mapping[str, Any]) -> Deferred[Any]:
        """Pass a change on: the arguments of C{master.addChange} of 0.8.

        @return: fires when it is on disk. An error is logged.
        """
        self.found += 1
        added: Deferred[Any] = self.master.addChange(**chdict)
        return added.addErrback(
            lambda why: log.failure("{source}: a change is lost", why, source=self.describe())
        )

    def _repository(self, event: Mapping[str, Any]) -> str:
        login = self.login
        return f"ssh://{login.username}@{login.server}:{login.port}/{projectOf(event)}"

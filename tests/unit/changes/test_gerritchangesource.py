"""GerritChangeSource of 0.8: the events of Gerrit; tests.integration.test_gerrit has a server and ssh."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.changes.gerritchangesource import LONGEST, RECONNECT, WORKS, GerritChangeSource
from buildbot.changes.gerritevents import authorOf, flattened
from buildbot.config.arguments import BadArguments
from buildbot.model.change import Change
from buildbot.programs.running import ProgramFailed

PATCH_SET: dict[str, Any] = {
    "type": "patchset-created",
    "change": {
        "project": "acme",
        "branch": "main",
        "number": 12,
        "url": "http://g/12",
        "subject": "Fix it",
        "owner": {"name": "Ann", "email": "ann@example.org"},
    },
    "patchSet": {"number": 3, "revision": "b" * 40, "ref": "refs/changes/12/12/3"},
}
UPDATE: dict[str, Any] = {
    "type": "ref-updated",
    "submitter": {"username": "bob"},
    "refUpdate": {"project": "acme", "refName": "refs/heads/main", "newRev": "c" * 40},
}


class FakeProgram:
    """A connection that a test ends."""

    def __init__(self) -> None:
        self.command: list[str] = []
        self.done: Deferred[bytes] = Deferred()

    def start(self, command: list[str]) -> Deferred[bytes]:
        self.command = command
        return self.done

    def stop(self) -> None:
        self.done.errback(ProgramFailed("ssh: was stopped"))


class Source(GerritChangeSource):
    """A source whose connections are fakes."""

    connections: list[FakeProgram]

    def makeProgram(self) -> Any:
        self.connections.append(FakeProgram())
        return self.connections[-1]

    def eventReceived_comment_added(self, properties: Any, event: Any) -> Any:
        return self.addChangeFromEvent(properties, event)


class GerritCase(unittest.SynchronousTestCase):
    """A source that listens."""

    def begin(self, **more: Any) -> Source:
        """Start a source; C{changes} has what it passes on."""
        self.clock = Clock()
        self.changes: list[Change] = []
        self.refuses = ""
        source = Source("gerrit.example.org", "bot", **more)
        source.connections = []
        source.random = lambda: 0.0
        botmaster = SimpleNamespace(clock=self.clock, now=self.clock.seconds)
        source.parent = SimpleNamespace(addChange=self.add, parent=SimpleNamespace(botmaster=botmaster))
        source.startService()
        self.clock.advance(0)
        self.source = source
        return source

    def add(self, change: Change) -> Deferred[Any]:
        if self.refuses:
            return fail(OSError(self.refuses))
        self.changes.append(change)
        return succeed(change)

    def hear(self, *events: Any) -> None:
        """The server sends events."""
        for event in events:
            self.source._heard(json.dumps(event).encode() + b"\n")


class EventTests(GerritCase):
    """Events become changes."""

    def test_patchSet(self) -> None:
        """A patch set is a change on a branch of its own, with the values of the event as properties."""
        self.begin()
        self.hear(PATCH_SET)
        [change] = self.changes
        self.assertEqual((change.who, change.comments), ("Ann <ann@example.org>", "Fix it"))
        self.assertEqual((change.branch, change.revision, change.files), ("main/12", "b" * 40, ["unknown"]))
        self.assertEqual(change.repository, "ssh://bot@gerrit.example.org:29418/acme")
        self.assertEqual((change.project, change.category), ("acme", "patchset-created"))
        self.assertEqual(change.revlink, "http://g/12")
        self.assertEqual(change.properties["event.patchSet.ref"], "refs/changes/12/12/3")
        self.assertEqual(self.source.found, 1)

    def test_update(self) -> None:
        """An update of a branch is a change. Those of reviews, and a deleted branch, are none."""
        self.begin()
        self.hear(UPDATE)
        for more in ({"refName": "refs/changes/12/12/3"}, {"newRev": "0" * 40}):
            self.hear({**UPDATE, "refUpdate": {**UPDATE["refUpdate"], **more}})
        [change] = self.changes
        self.assertEqual((change.branch, change.revision, change.who), ("main", "c" * 40, "bob"))

    def test_others(self) -> None:
        """Only the handled events count. A subclass has methods for others, and a patch set needs none."""
        self.begin()
        self.hear({**PATCH_SET, "type": "comment-added"}, {"type": "reviewer-added"})
        self.assertEqual(self.changes, [])
        self.begin(handled_events=["comment-added", "change-merged", "dropped-output"])
        self.hear(*({**PATCH_SET, "type": kind} for kind in ("comment-added", "change-merged")))
        self.hear({"type": "dropped-output"}, UPDATE)
        self.assertEqual([each.category for each in self.changes], ["comment-added", "change-merged"])

    def test_pieces(self) -> None:
        """Output comes in pieces. An endless line is left out, and the next one counts."""
        source = self.begin(debug=True)
        for byte in json.dumps(PATCH_SET).encode() + b"\n\n":
            source._heard(bytes([byte]))
        self.assertEqual(len(self.changes), 1)
        source._heard(b"x" * (LONGEST + 1))
        source._heard(b"x\n" + json.dumps(UPDATE).encode() + b"\n")
        self.assertEqual(len(self.changes), 2)

    def test_nonsense(self) -> None:
        """What is no event, or lacks something, is logged, and the source goes on."""
        self.begin()
        self.source._heard(b"hello\n[]\n{}\n")
        self.hear({"type": "patchset-created", "change": {}, "patchSet": {}}, {"type": "ref-updated"})
        self.hear(UPDATE)
        self.assertEqual(len(self.changes), 1)
        self.assertEqual(len(self.flushLoggedErrors()), 5)

    def test_notKept(self) -> None:
        """A change that cannot be kept is logged."""
        self.begin()
        self.refuses = "the disk is full"
        self.hear(UPDATE)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_authors(self) -> None:
        """An author has a name, an address, or both."""
        told = [{"name": "A", "email": "a@b"}, {"username": "a"}, {"email": "a@b"}, {}, None]
        self.assertEqual([authorOf(each) for each in told], ["A <a@b>", "a", "a@b", "gerrit", "gerrit"])
        self.assertEqual(flattened({"a": {"b": 1}, "c": [2]}), {"event.a.b": 1, "event.c": [2]})


class ConnectionTests(GerritCase):
    """The connection."""

    def test_command(self) -> None:
        """ssh logs in without questions, notices a dead server, and listens to events."""
        source = self.begin(gerritport=2222, identity_file="/key")
        command = source.connections[0].command
        self.assertEqual(command[0], "ssh")
        for each in ("-oBatchMode=yes", "-i/key", "-p2222", "-lbot", "-oServerAliveInterval=20"):
            self.assertIn(each, command)
        self.assertEqual(command[-3:], ["gerrit.example.org", "gerrit", "stream-events"])
        self.assertEqual(source.describe(), "Source of bot@gerrit.example.org:2222")

    def test_again(self) -> None:
        """After the end of a connection there is another, and the trouble is over when that one works."""
        source = self.begin()
        source.connections[0].done.errback(ProgramFailed("ssh: Connection refused", 255))
        self.assertEqual(source.failure, "ssh: Connection refused")
        self.clock.advance(RECONNECT)
        self.assertEqual(len(source.connections), 2)
        self.clock.advance(WORKS)
        self.assertEqual(source.failure, "")
        source.connections[1].done.callback(b"")
        self.assertEqual(source.failure, "the server has ended the connection")

    def test_stop(self) -> None:
        """The end of the source ends the connection, and nothing is heard any more."""
        source = self.begin()
        self.successResultOf(source.stopService())  # type: ignore[arg-type]
        self.hear(UPDATE)
        self.assertEqual(self.changes, [])
        self.clock.advance(10 * RECONNECT)
        self.assertEqual(len(source.connections), 1)

    def test_pieceOfTheLast(self) -> None:
        """The beginning of an event from a lost connection does not spoil the next one."""
        source = self.begin()
        source._heard(b'{"type": "ref-up')
        source.connections[0].done.callback(b"")
        self.clock.advance(RECONNECT)
        self.hear(UPDATE)
        self.assertEqual(len(self.changes), 1)

    def test_wrong(self) -> None:
        """Wrong arguments are named."""
        for wrong in ({"gerritport": 0}, {"handled_events": "x"}, {"identity_file": 7}):
            with self.assertRaisesRegex(BadArguments, next(iter(wrong))):
                self.begin(**wrong)

    def test_same(self) -> None:
        """A reconfig keeps the connection of an equal source."""
        self.assertEqual(self.begin(), self.begin())
        self.assertNotEqual(self.begin(), self.begin(gerritport=1))

"""Several senders with one address: each message that somebody wants arrives, and none twice."""

from __future__ import annotations

from typing import Any

from buildbot.outgoing.target import TargetDown
from tests.stories.posting import PostingCase

URL = "'https://hooks.example/x'"
FINISHED = "events=['build.finished']"


class SharedWebhookStory(PostingCase):
    """A master with two webhooks that post to one address."""

    def events(self, *hooks: str) -> list[tuple[str, str]]:
        """Type and builder of what is posted about a good and a bad build; the server is down at first."""
        self.add("from buildbot.status.webhook import Webhook")
        self.add(f"c['status'] = [{', '.join(f'Webhook({URL}, {each})' for each in hooks)}]")
        self.begin()
        self.wait(2)
        self.server.trouble = TargetDown("connection refused")
        self.build()
        self.server.trouble = None
        self.wait(120)
        self.build(1)
        got = [body for _, body in self.server.got]
        return [(each["type"], each["data"].get("builder", "")) for each in got]

    def test_once(self) -> None:
        """An event that two webhooks tell to one address is posted once, also when the server was down."""
        told = self.events(FINISHED, "events=['build.finished', 'builder.broken'], builders=['full']")
        full = ("build.finished", "full")
        self.assertEqual(told, [full, full, ("builder.broken", "full")])

    def test_slaves(self) -> None:
        """The same is true for slaves."""
        self.assertEqual(self.events(*["events=['slave.back']"] * 2), [("slave.back", "")])

    def test_others(self) -> None:
        """What the first webhook does not tell is posted by the second."""
        told = self.events("events=['build.started'], builders=['full']", FINISHED + ", builders='package'")
        self.assertEqual(told, [("build.started", "full")] * 2)

    def test_reconfig(self) -> None:
        """A reconfig that takes out the first of them leaves the event to the second."""
        self.assertEqual(len(self.events(FINISHED, FINISHED + ", categories=None, builders=['full']")), 2)
        self.edit(f"[Webhook({URL}, {FINISHED}), ", "[")
        self.assertTrue(self.reconfig()["applied"])
        self.build()
        self.assertEqual(len(self.server.got), 3)


class SharedForgeStory(PostingCase):
    """A master with two senders of another kind, whose messages differ."""

    key = "id"

    def told(self, key: str, name: str, *senders: str) -> list[Any]:
        """The values of a key in what is posted about a build whose end finds the server down."""
        self.add(f"from buildbot.status.{name}")
        self.add(f"c['status'] = [{', '.join(senders)}]")
        self.begin()
        self.wait(2)
        self.server.trouble = TargetDown("connection refused")
        self.build()
        self.server.trouble = None
        self.wait(120)
        return [body.get(key) for _, body in self.server.got]

    def test_contexts(self) -> None:
        """Two statuses on GitHub with different names are both posted."""
        self.server.key = "path"
        each = "GitHubStatus('t0ken', 'acme', 'ship', sha='a' * 40, context='ci/{}')".format
        told = self.told("context", "github import GitHubStatus", each("a"), each("b"))
        self.assertEqual(sorted(told), ["ci/a", "ci/a", "ci/b", "ci/b"])

    def test_channels(self) -> None:
        """Two channels that one webhook of Mattermost serves both get the message."""
        each = "MattermostStatus('https://chat.example/hooks/x', mode='all', channel='{}')".format
        told = self.told("channel", "chat import MattermostStatus", each("town"), each("team"))
        self.assertEqual(sorted(told), ["team", "town"])

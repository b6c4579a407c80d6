"""GitHub is told the state of each build."""

from __future__ import annotations

from buildbot.config.arguments import BadArguments
from buildbot.outgoing.target import TargetDown
from buildbot.webhooks.github import GitHubStatus
from tests.stories.posting import PostingCase

SHA = "a" * 40


class GitHubStory(PostingCase):
    """A master with one builder."""

    key = "path"

    def setUp(self) -> None:
        super().setUp()
        self.add("from buildbot.process.properties import Interpolate, WithProperties")
        self.add("from buildbot.status.github import GitHubStatus")
        self.add("c['buildbotURL'] = 'http://ci.example/'")

    def start_(self, more: str) -> None:
        """Start a master with a GitHubStatus with these arguments."""
        self.add(f"c['status'] = [GitHubStatus('canary-1', 'acme', 'ship'{more})]")
        self.begin()

    def test_states(self) -> None:
        """A build is pending at its start, and then has its result, with a link to its page."""
        self.start_(f", sha='{SHA}'")
        for status in (0, 1):
            self.build(status)
        self.assertEqual({path for path, _ in self.server.got}, {f"/repos/acme/ship/statuses/{SHA}"})
        self.assertEqual(
            [body["state"] for _, body in self.server.got], ["pending", "success", "pending", "failure"]
        )
        _, last = self.server.got[-1]
        self.assertEqual(last["context"], "buildbot/full")
        self.assertEqual(last["target_url"], "http://ci.example/builders/full/builds/1")
        self.assertEqual(last["description"], "failed shell")

    def test_rendered(self) -> None:
        """All texts may have properties."""
        self.start_(
            f", sha=Interpolate('%(prop:nothing:-{SHA})s'), startDescription='go',"
            " endDescription=WithProperties('on %(slavename)s'),"
            " context=Interpolate('ci/%(prop:buildername)s')"
        )
        self.build(0)
        (_, start), (_, end) = self.server.got
        self.assertEqual((start["description"], end["description"]), ("go", "on bot1"))
        self.assertEqual(end["context"], "ci/full")

    def test_noCommit(self) -> None:
        """A build of something that is no commit of git has no status."""
        self.start_("")
        self.build(0)
        self.assertEqual(self.server.got, [])

    def test_noProperty(self) -> None:
        """A build that lacks a property of a text has no status; the others have one."""
        self.start_(f", sha='{SHA}', endDescription=WithProperties('%(nothing)s')")
        self.build(0)
        self.assertEqual([body["state"] for _, body in self.server.got], ["pending"])

    def test_down(self) -> None:
        """Statuses wait while GitHub is down, also over a kill of the master, and arrive in order."""
        self.start_(f", sha='{SHA}'")
        self.server.trouble = TargetDown("502")
        self.build(0)
        self.kill()
        self.server.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual([body["state"] for _, body in self.server.got], ["pending", "success"])

    def test_secret(self) -> None:
        """The token is in no text; an own server has another address."""
        self.start_(f", sha='{SHA}', baseURL='https://git.example/api/v3/'")
        self.build(0)
        self.assertEqual(self.server.address.url, "https://git.example/api/v3")
        (receiver,) = self.master.config.status
        self.assertNotIn("canary", f"{receiver!r} {self.server.address!r} {self.status()}")

    def test_otherToken(self) -> None:
        """What waits because the token is wrong is posted with the right one, after a reconfig."""
        self.start_(f", sha='{SHA}'")
        self.server.trouble = TargetDown("it answered 401")
        self.build(0)
        self.server.trouble = None
        self.edit("'canary-1', 'acme'", "'canary-2', 'acme'")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(5)
        self.assertEqual([body["state"] for _, body in self.server.got], ["pending", "success"])
        self.assertEqual(self.server.address.token, "canary-2")

    def test_noToken(self) -> None:
        """A token with a line break, such as the whole text of a file, is refused, and not shown."""
        for token in ("canary-1\n", "canary 1", "canary-\u00e9", ""):
            error = self.assertRaises(BadArguments, GitHubStatus, token, "acme", "ship")
            self.assertIn("token must be text of ASCII characters without blanks", str(error))
            self.assertNotIn("canary", str(error))

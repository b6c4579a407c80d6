"""Gitea, Forgejo and GitLab are told the state of each build."""

from __future__ import annotations

from buildbot.config.arguments import BadArguments
from buildbot.outgoing.target import TargetDown
from buildbot.webhooks.github import GiteaStatus
from buildbot.webhooks.gitlab import GitLabStatus
from tests.stories.posting import PostingCase

SHA = "a" * 40


class ForgeStory(PostingCase):
    """A master with one builder."""

    key = "path"

    def setUp(self) -> None:
        super().setUp()
        self.add("from buildbot.process.properties import Interpolate")
        self.add("from buildbot.status.gitea import GiteaStatus")
        self.add("from buildbot.status.gitlab import GitLabStatus")
        self.add("c['buildbotURL'] = 'http://ci.example/'")

    def gitea(self, more: str = "") -> None:
        """Start a master with a GiteaStatus."""
        said = f"'https://git.example/', 'canary-1', 'acme', 'ship', sha='{SHA}'{more}"
        self.add(f"c['status'] = [GiteaStatus({said})]")
        self.begin()

    def gitlab(self, more: str = "") -> None:
        """Start a master with a GitLabStatus."""
        self.add(f"c['status'] = [GitLabStatus('canary-1', 'acme/ship', sha='{SHA}'{more})]")
        self.begin()

    def states(self) -> list[str]:
        """The states that the server has got."""
        return [body["state"] for _, body in self.server.got]

    def test_gitea(self) -> None:
        """A build is pending at its start, and then has its result, with a link to its page."""
        self.gitea(", context=Interpolate('ci/%(prop:buildername)s')")
        for status in (0, 1):
            self.build(status)
        self.assertEqual(self.server.address.url, "https://git.example/api/v1")
        self.assertEqual({path for path, _ in self.server.got}, {f"/repos/acme/ship/statuses/{SHA}"})
        self.assertEqual(self.states(), ["pending", "success", "pending", "failure"])
        _, last = self.server.got[-1]
        self.assertEqual(last["context"], "ci/full")
        self.assertEqual(last["target_url"], "http://ci.example/builders/full/builds/1")

    def test_gitlab(self) -> None:
        """A build is running at its start. The path of a project is one segment of the address."""
        self.gitlab()
        for status in (0, 1):
            self.build(status)
        self.assertEqual(self.server.address.url, "https://gitlab.com/api/v4")
        self.assertTrue(self.server.address.bearer)
        self.assertEqual({path for path, _ in self.server.got}, {f"/projects/acme%2Fship/statuses/{SHA}"})
        self.assertEqual(self.states(), ["running", "success", "running", "failed"])
        _, last = self.server.got[-1]
        self.assertEqual((last["name"], "context" in last), ("buildbot/full", False))

    def test_down(self) -> None:
        """Statuses wait while the server is down, also over a kill of the master, and arrive in order."""
        self.gitlab()
        self.server.trouble = TargetDown("502")
        self.build(1)
        self.kill()
        self.server.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual(self.states(), ["running", "failed"])

    def test_killedBeforeQueued(self) -> None:
        """A build that ended just before a kill of the master has its result all the same."""
        self.gitlab()
        self.build(0)
        self.loseBuild(1)
        self.assertEqual(self.states(), ["running", "success", "failed"])

    def test_interrupted(self) -> None:
        """A build that was running when the master was killed has a last state, and so has the new build."""
        self.gitlab()
        self.slaves[-1].onCommand = lambda command: None
        self.send()
        self.wait(70)
        self.kill()
        self.begin()
        self.wait(5)
        self.assertEqual(self.states(), ["running", "failed", "running", "success"])

    def test_otherToken(self) -> None:
        """What waits because the token is wrong is posted with the right one, after a reconfig."""
        self.gitea()
        self.server.trouble = TargetDown("it answered 401")
        self.build(0)
        self.server.trouble = None
        self.edit("'canary-1', 'acme'", "'canary-2', 'acme'")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(5)
        self.assertEqual(self.states(), ["pending", "success"])
        self.assertEqual(self.server.address.token, "canary-2")

    def test_secret(self) -> None:
        """The token is in no text, and not in the store."""
        self.gitlab(", baseURL='https://git.example'")
        self.server.trouble = TargetDown("502")
        self.build(0)
        (receiver,) = self.master.config.status
        kept = self.successResultOf(self.store.getStates("outgoing/"))
        self.assertTrue(kept)
        self.assertNotIn("canary-1", f"{receiver!r} {self.server.address!r} {self.status()} {kept}")

    def test_wrong(self) -> None:
        """A wrong token or address is refused, and not shown."""
        for error in (
            self.assertRaises(BadArguments, GitLabStatus, "canary\n", "acme/ship"),
            self.assertRaises(BadArguments, GitLabStatus, "t", "acme/ship", baseURL="canary"),
            self.assertRaises(BadArguments, GiteaStatus, "canary.example", "t", "acme", "ship"),
            self.assertRaises(BadArguments, GiteaStatus, "https://x.example", "canary 1", "acme", "ship"),
        ):
            self.assertNotIn("canary", str(error))

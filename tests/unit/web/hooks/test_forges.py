"""What the deliveries of the forges mean (A11, E4)."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.web.hooks.delivery import BadDelivery, Delivery, HookOptions, Received
from buildbot.web.hooks.readers import READERS
from tests.unit.web.hooks import payloads
from tests.unit.web.hooks.payloads import MID, NEW, OLD, ZEROS, received


def read(dialect: str, event: str, payload: object, **options: Any) -> Delivery:
    """Read a delivery."""
    return READERS[dialect](received(dialect, event, payload), HookOptions(dialect, **options))


class ForgeCase(unittest.SynchronousTestCase):
    """A forge sends something."""

    def reason(self, *args: Any, **options: Any) -> str:
        """The reason why a delivery makes no changes."""
        delivery = read(*args, **options)
        self.assertEqual(delivery.changes, ())
        return delivery.ignored

    def one(self, *args: Any, **options: Any) -> Change:
        """The only change of a delivery."""
        (change,) = read(*args, **options).changes
        return change

    def two(self, *args: Any, **options: Any) -> tuple[Change, Change]:
        """The two changes of a delivery."""
        first, last = read(*args, **options).changes
        self.assertEqual([first.revision, last.revision], [MID, NEW])
        return first, last


class GithubTests(ForgeCase):
    """GitHub."""

    def test_push(self) -> None:
        """Each commit of a push is a change, the oldest first."""
        delivery = read("github", "push", payloads.githubPush())
        self.assertEqual((delivery.event, delivery.id, delivery.ignored), ("push", "id-1", ""))
        _, last = delivery.changes
        self.assertEqual(last.who, "Ann Bee <ann@example.org>")
        self.assertEqual(last.files, ["src/valve.c", "src/pump.c", "README", "old.c"])
        self.assertEqual((last.comments, last.revision, last.branch), ("Mend the pump", NEW, "main"))
        self.assertEqual(last.when, 1777890615.0)
        self.assertEqual(last.revlink, f"https://github.com/acme/pump/commit/{NEW}")
        self.assertEqual((last.repository, last.project), ("https://github.com/acme/pump", "acme/pump"))
        self.assertEqual((last.codebase, last.category), ("", None))
        self.assertIs(last.properties["github_distinct"], True)

    def test_form(self) -> None:
        """The body may be a form with the JSON in the field payload."""
        import json
        from urllib.parse import urlencode

        body = urlencode({"payload": json.dumps(payloads.githubPush())}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "x-github-event": "push"}
        delivery = READERS["github"](Received("POST", headers, body), HookOptions("github"))
        self.assertEqual([each.revision for each in delivery.changes], [MID, NEW])

    def test_deleted(self) -> None:
        """A deleted branch makes no change."""
        gone = payloads.githubPush(commits=[], after=ZEROS, deleted=True)
        self.assertEqual(self.reason("github", "push", gone), "branch main was deleted")

    def test_newBranch(self) -> None:
        """A new branch without new commits makes no change."""
        self.assertIn("no new commits", self.reason("github", "push", payloads.githubPush(commits=[])))

    def test_tag(self) -> None:
        """A tag makes a change only if the configuration says so."""
        tag = payloads.githubPush("refs/tags/v1", commits=[], head_commit=payloads.githubCommit())
        self.assertIn("'tags': True", self.reason("github", "push", tag))
        change = self.one("github", "push", tag, tags=True)
        self.assertEqual((change.branch, change.category, change.revision), ("v1", "tag", NEW))

    def test_many(self) -> None:
        """Of too many commits, the newest are taken, and the last change says so."""
        commits = [payloads.githubCommit(f"{number:040x}") for number in range(2100)]
        changes = read("github", "push", payloads.githubPush(commits=commits)).changes
        self.assertEqual((len(changes), changes[-1].revision), (2048, f"{2099:040x}"))
        self.assertIn("has 2100 commits; only the newest 2048 were delivered", changes[-1].comments)
        self.assertNotIn("delivered", changes[0].comments)

    def test_pull(self) -> None:
        """A pull request makes a change of the merge, with the category pull, as in 0.8."""
        change = self.one("github", "pull_request", payloads.githubPull())
        self.assertEqual((change.branch, change.category), ("refs/pull/50/merge", "pull"))
        self.assertEqual((change.revision, change.who), (NEW, "cee"))
        self.assertEqual(change.comments, "GitHub Pull Request #50 (2 commits)\nUpdate the README")
        self.assertEqual(change.revlink, "https://github.com/acme/pump/pull/50")
        found = [
            change.properties[f"github.{name}"] for name in ("number", "base.ref", "base.sha", "head.ref")
        ]
        self.assertEqual(found, [50, "main", OLD, "changes"])

    def test_pullOptions(self) -> None:
        """The option pullrequest_ref chooses the branch."""
        change = self.one("github", "pull_request", payloads.githubPull("synchronize"), pullRef="head")
        self.assertEqual(change.branch, "refs/pull/50/head")

    def test_others(self) -> None:
        """Events without new commits are ignored, with the reason."""
        self.assertEqual(
            self.reason("github", "ping", {"zen": "Keep it simple", "hook_id": 1}), "the hook works"
        )
        self.assertIn("'issues'", self.reason("github", "issues", {}))
        self.assertIn("'closed'", self.reason("github", "pull_request", payloads.githubPull("closed")))
        self.assertIn("no event", self.reason("github", "", {}))

    def test_codebase(self) -> None:
        """The codebase is a name, or a function of the body, as in 0.8."""
        self.assertEqual(self.two("github", "push", payloads.githubPush(), codebase="p")[0].codebase, "p")
        named = self.two(
            "github", "push", payloads.githubPush(), codebase=lambda body: body["repository"]["name"]
        )
        self.assertEqual(named[0].codebase, "pump")

    def test_brokenCodebase(self) -> None:
        """A codebase function that fails makes an answer that names it."""
        for broken in (lambda body: body["no"], lambda body: 5):
            with self.assertRaisesRegex(BadDelivery, "codebase.*master.cfg"):
                read("github", "push", payloads.githubPush(), codebase=broken)

    def test_project(self) -> None:
        """?project= in the URL of the hook is the project, as in 0.8."""
        asked = received("github", "push", payloads.githubPush(), {"project": ["mine"]})
        change = READERS["github"](asked, HookOptions("github")).changes[0]
        self.assertEqual(change.project, "mine")

    def test_manyFiles(self) -> None:
        """A commit of very many files makes a change, which says how many were left out."""
        commit = payloads.githubCommit(
            added=[f"f{number}" for number in range(40_000)], removed=[], modified=[]
        )
        change = self.one("github", "push", payloads.githubPush(commits=[commit]))
        self.assertEqual(len(change.files), 10_000)
        self.assertIn("30000 more files", change.comments)


class GitlabTests(ForgeCase):
    """GitLab."""

    def test_push(self) -> None:
        """Each commit of a push is a change, the oldest first."""
        _, last = self.two("gitlab", "Push Hook", payloads.gitlabPush())
        self.assertEqual((last.who, last.branch), ("Ann Bee <ann@example.org>", "main"))
        self.assertEqual(last.files, ["CHANGELOG", "src/pump.c"])
        self.assertEqual(last.repository, "git@gitlab.example.org:acme/pump.git")
        self.assertEqual(last.project, "acme/pump")

    def test_truncated(self) -> None:
        """E4: the newest 20 commits are in the body; the last change says how many there were."""
        _, last = self.two("gitlab", "Push Hook", payloads.gitlabPush(total_commits_count=35))
        self.assertIn("has 35 commits; only the newest 2 were delivered", last.comments)

    def test_deleted(self) -> None:
        """A deleted branch makes no change."""
        gone = payloads.gitlabPush(after=ZEROS, commits=[], checkout_sha=None)
        self.assertEqual(self.reason("gitlab", "Push Hook", gone), "branch main was deleted")

    def test_tag(self) -> None:
        """A tag makes a change if the configuration says so, even without commits in the body."""
        tag = payloads.gitlabPush("refs/tags/v1", "tag_push", commits=[], message="First release")
        self.assertIn("tags", self.reason("gitlab", "Tag Push Hook", tag))
        change = self.one("gitlab", "Tag Push Hook", tag, tags=True)
        self.assertEqual((change.branch, change.revision, change.who), ("v1", NEW, "Ann Bee"))
        self.assertEqual(change.comments, "First release")

    def test_merge(self) -> None:
        """A merge request makes a change of its newest commit, with the properties of both sides."""
        change = self.one("gitlab", "Merge Request Hook", payloads.gitlabMerge())
        self.assertEqual((change.branch, change.category), ("refs/merge-requests/3/head", "merge_request"))
        self.assertEqual((change.revision, change.who), (NEW, "Cee Dee <cee@example.org>"))
        self.assertEqual(change.comments, "Merge Request !3: A valve\n\nIt closes.")
        self.assertEqual(change.properties["source_repository"], "https://gitlab.example.org/cee/pump.git")
        self.assertEqual(change.properties["target_branch"], "main")

    def test_mergeUpdate(self) -> None:
        """An update of a merge request makes a change only if it has new commits."""
        self.assertIn("brings no commits", self.reason("gitlab", "x", payloads.gitlabMerge("update")))
        self.assertIn("brings no commits", self.reason("gitlab", "x", payloads.gitlabMerge("close")))
        self.assertEqual(self.one("gitlab", "x", payloads.gitlabMerge("update", oldrev=OLD)).revision, NEW)


class GiteaTests(ForgeCase):
    """Gitea and Forgejo."""

    def test_push(self) -> None:
        """Each commit of a push is a change, the oldest first, though the body has the newest first."""
        _, last = self.two("gitea", "push", payloads.giteaPush())
        self.assertEqual((last.who, last.branch), ("Ann Bee <ann@example.org>", "main"))
        self.assertEqual((last.repository, last.files), ("https://gitea.example.org/acme/pump", ["pump.c"]))

    def test_truncated(self) -> None:
        """The last change says if commits are missing."""
        self.assertIn("9 commits", self.two("gitea", "push", payloads.giteaPush(total_commits=9))[1].comments)

    def test_pull(self) -> None:
        """A pull request makes a change of its head: there is no branch with the merge."""
        change = self.one("gitea", "pull_request", payloads.giteaPull())
        self.assertEqual((change.branch, change.category), ("refs/pull/8/head", "pull"))
        self.assertEqual((change.who, change.comments), ("cee", "Pull Request #8\nA valve"))
        self.assertIn("no commits", self.reason("gitea", "pull_request", payloads.giteaPull("closed")))


class BitbucketTests(ForgeCase):
    """Bitbucket Cloud and Bitbucket Server."""

    def test_cloud(self) -> None:
        """Each commit of a push is a change, the oldest first."""
        _, last = self.two("bitbucket", "repo:push", payloads.cloudPush())
        self.assertEqual((last.who, last.branch), ("Ann Bee <ann@example.org>", "main"))
        self.assertEqual(last.revlink, f"https://bitbucket.org/acme/pump/commits/{NEW}")
        self.assertEqual((last.repository, last.project), ("https://bitbucket.org/acme/pump", "acme/pump"))

    def test_cloudTruncated(self) -> None:
        """The last change says that commits are missing; the body does not say how many."""
        _, last = self.two("bitbucket", "repo:push", payloads.cloudPush(truncated=True))
        self.assertIn("This push has more commits; only the newest 2", last.comments)

    def test_cloudDeleted(self) -> None:
        """A deleted branch makes no change."""
        gone = payloads.cloudPush(new=None, closed=True, commits=[])
        self.assertEqual(self.reason("bitbucket", "repo:push", gone), "branch main was deleted")

    def test_cloudTag(self) -> None:
        """A tag makes a change if the configuration says so."""
        tag = {"type": "tag", "name": "v1", "target": payloads.cloudCommit()}
        pushed = payloads.cloudPush(old=None, new=tag, commits=[])
        change = self.one("bitbucket", "repo:push", pushed, tags=True)
        self.assertEqual((change.branch, change.category, change.revision), ("v1", "tag", NEW))

    def test_cloudPull(self) -> None:
        """A pull request makes a change on the branch and repository of its author."""
        change = self.one("bitbucket", "pullrequest:created", payloads.cloudPull())
        self.assertEqual((change.branch, change.repository), ("valve", "https://bitbucket.org/cee/pump"))
        self.assertEqual((change.category, change.revision), ("pull", NEW[:12]))

    def test_server(self) -> None:
        """A push makes one change of the new revision, as the body has no commits."""
        for kind, said in (("UPDATE", "Push to refs/heads/main: a1a1"), ("ADD", "Push of the new")):
            change = self.one("bitbucket", "repo:refs_changed", payloads.serverPush(kind))
            self.assertEqual((change.revision, change.branch), (NEW, "main"))
            self.assertEqual(change.who, "Ann Bee <ann@example.org>")
            self.assertIn(said, change.comments)
            self.assertEqual(change.repository, "https://bitbucket.example.org/projects/ACME/repos/pump")
            self.assertEqual(change.project, "ACME/pump")

    def test_newServer(self) -> None:
        """Newer servers describe the commits: each is a change."""
        author = {"name": "cee", "displayName": "Cee Dee", "emailAddress": "cee@example.org"}
        commits = [
            {"id": each, "message": "m", "author": author, "authorTimestamp": 1_778_000_000_000}
            for each in (NEW, MID)
        ]
        _, last = self.two("bitbucket", "repo:refs_changed", payloads.serverPush(commits=commits))
        self.assertEqual((last.who, last.when), ("Cee Dee <cee@example.org>", 1_778_000_000.0))

    def test_serverDeleted(self) -> None:
        """A deleted branch makes no change."""
        gone = payloads.serverPush("DELETE")
        self.assertEqual(self.reason("bitbucket", "repo:refs_changed", gone), "branch main was deleted")

    def test_serverPull(self) -> None:
        """A pull request makes a change of the merge, or of its head."""
        change = self.one("bitbucket", "pr:opened", payloads.serverPull())
        self.assertEqual((change.branch, change.category), ("refs/pull-requests/11/merge", "pull"))
        change = self.one("bitbucket", "pr:opened", payloads.serverPull(), pullRef="head")
        self.assertEqual(change.branch, "refs/pull-requests/11/from")

    def test_oldService(self) -> None:
        """The POST service of 0.8's days is gone: the answer says what to use."""
        with self.assertRaisesRegex(BadDelivery, "webhook"):
            read("bitbucket", "", {"canon_url": "https://bitbucket.org", "commits": []})

    def test_others(self) -> None:
        """Other events are ignored."""
        self.assertEqual(self.reason("bitbucket", "diagnostics:ping", {"test": True}), "the hook works")
        self.assertIn("repo:fork", self.reason("bitbucket", "repo:fork", {}))

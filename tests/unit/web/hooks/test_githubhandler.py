"""Handlers of 0.8 for the deliveries of GitHub: classes in master.cfg that derive from GitHubEventHandler."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from twisted.trial import unittest

from buildbot.status.web.hooks.github import GitHubEventHandler
from buildbot.web.hooks.delivery import BadDelivery, Delivery, HookOptions
from buildbot.web.hooks.options import checkedDialects
from buildbot.web.hooks.readers import READERS
from tests.unit.web.hooks import payloads
from tests.unit.web.hooks.payloads import MID, NEW, received

WHEN = datetime(2026, 5, 4, 10, 30, 15, tzinfo=timezone.utc)


class Own(GitHubEventHandler):
    """As files of 0.8 write it: a change of their own for each commit."""

    def handle_push(self, payload: dict[str, Any]) -> Any:
        match = re.match("refs/heads/(.+)$", payload["ref"])
        if not match:
            return [], "git"
        return [self.made(payload, each, match.group(1)) for each in payload["commits"]], "git"

    def made(self, payload: dict[str, Any], commit: dict[str, Any], branch: str) -> dict[str, Any]:
        change = {
            "author": f"{commit['author']['name']} <{commit['author']['email']}>",
            "files": commit["added"],
            "comments": commit["message"],
            "revision": commit["id"],
            "when_timestamp": WHEN,
            "branch": branch,
            "revlink": commit["url"],
            "category": "own",
            "repository": payload["repository"]["clone_url"],
            "project": payload["repository"]["full_name"],
            "properties": {"perf": "yes"},
        }
        if callable(self._codebase):
            change["codebase"] = self._codebase(payload)
        elif self._codebase is not None:
            change["codebase"] = self._codebase
        return change


class More(GitHubEventHandler):
    """One that adds to the usual changes."""

    def handle_push(self, payload: dict[str, Any]) -> Any:
        changes, kind = super().handle_push(payload)
        return [{**each, "category": each["branch"], "codebase": "pump"} for each in changes], kind

    def handle_issues(self, payload: dict[str, Any]) -> Any:
        return [{"author": "ann", "comments": payload["action"]}], "git"


def read(handler: Any, event: str, payload: Any, **more: Any) -> Delivery:
    """Read a delivery with a handler."""
    return READERS["github"](
        received("github", event, payload), HookOptions("github", handler=handler, **more)
    )


class HandlerTests(unittest.SynchronousTestCase):
    """The methods of a handler."""

    def test_own(self) -> None:
        """Its changes are dictionaries with the names of 0.8."""
        first, last = read(Own, "push", payloads.githubPush(), codebase="pump").changes
        self.assertEqual((first.revision, last.revision), (MID, NEW))
        self.assertEqual((last.who, last.files), ("Ann Bee <ann@example.org>", ["src/valve.c"]))
        self.assertEqual((last.comments, last.branch, last.category), ("Mend the pump", "main", "own"))
        self.assertEqual((last.when, last.codebase), (WHEN.timestamp(), "pump"))
        self.assertEqual(last.revlink, f"https://github.com/acme/pump/commit/{NEW}")
        self.assertEqual((last.repository, last.project), ("https://github.com/acme/pump.git", "acme/pump"))
        self.assertEqual(dict(last.properties), {"perf": "yes"})
        named = read(Own, "push", payloads.githubPush(), codebase=lambda body: body["repository"]["name"])
        self.assertEqual(named.changes[0].codebase, "pump")

    def test_noChanges(self) -> None:
        """It may make no changes of a delivery; an event without a method makes none."""
        for event, payload in (("push", payloads.githubPush("refs/tags/v1")), ("ping", {}), ("star", {})):
            self.assertEqual(read(Own, event, payload).changes, ())
        self.assertIn("no method for the event 'star'", read(Own, "star", {}).ignored)
        self.assertEqual(read(Own, "__init__", {}).changes, ())

    def test_usual(self) -> None:
        """The methods of the base class make the usual changes, which a subclass may alter."""
        usual = read(GitHubEventHandler, "push", payloads.githubPush())
        self.assertEqual(usual.changes, read(None, "push", payloads.githubPush()).changes)
        last = read(More, "push", payloads.githubPush()).changes[-1]
        self.assertEqual((last.category, last.codebase, last.revision), ("main", "pump", NEW))
        self.assertEqual(read(Own, "pull_request", payloads.githubPull()).changes[0].category, "pull")

    def test_otherEvent(self) -> None:
        """It may have methods for other events."""
        (made,) = read(More, "issues", {"action": "opened"}).changes
        self.assertEqual((made.who, made.comments, made.files), ("ann", "opened", []))

    def test_wrong(self) -> None:
        """A wrong change is an error, which the sender is told."""
        for wrong in ({}, {"author": ""}, "x", {"author": 7}, {"author": "x", "branch": 3}):

            class Wrong(GitHubEventHandler):
                made: Any = wrong

                def handle_push(self, payload: dict[str, Any]) -> Any:
                    return [self.made], "git"

            self.assertRaises(BadDelivery, read, Wrong, "push", payloads.githubPush())

    def test_option(self) -> None:
        """The option class takes such a class, and no other."""

        class Processing(GitHubEventHandler):
            def process(self, request: Any) -> None: ...

        good = checkedDialects({"github": {"secret": "x", "class": Own, "strict": True}})
        self.assertEqual((good.errors, good.dialects["github"].handler), ((), Own))
        for wrong, words in ((Own("x"), "derives from"), (Processing, "override handle_push()")):
            (error,) = checkedDialects({"github": {"secret": "x", "class": wrong}}).errors
            self.assertIn(words, error)
        self.assertIn("use the dialect 'base'", checkedDialects({"gitlab": {"class": Own}}).errors[0])

# -*- test-case-name: tests.unit.web.hooks.test_forges -*-
"""Read the deliveries of GitHub: pushes and pull requests."""

from __future__ import annotations

from buildbot.text.plural import counted
from buildbot.web.hooks.delivery import Delivery, HookOptions, Received, change, codebaseOf, ignoring
from buildbot.web.hooks.fields import Part, bodyOf
from buildbot.web.hooks.githubhandler import handled
from buildbot.web.hooks.gitpush import Push, changesOf, commitOf, delivered, placeOf, unusedEvent

#: Other actions on a pull request bring no new commits.
_ACTIONS = ("opened", "reopened", "synchronize")


def read(received: Received, options: HookOptions) -> Delivery:
    """Read a delivery.

    @raise BadDelivery: the body cannot be understood.
    """
    event, id = received.header("x-github-event"), received.header("x-github-delivery")
    body = bodyOf(received)
    if options.handler is not None:
        return handled(body.values, options, event, id, lambda: _usual(received, options, event, id, body))
    return _usual(received, options, event, id, body)


def _usual(received: Received, options: HookOptions, event: str, id: str, body: Part) -> Delivery:
    """The delivery of an event, without a handler of the configuration."""
    if event == "ping":
        return ignoring(event, id, "the hook works")
    if event == "push":
        return delivered(event, id, changesOf(_push(received, options, body), options.tags), True)
    if event == "pull_request":
        return _pullRequest(received, options, body, id)
    return ignoring(event, id, unusedEvent(event))


def _push(received: Received, options: HookOptions, body: Part) -> Push:
    repository = body.part("repository")
    commits = [
        commitOf(each, {"event": "push", "github_distinct": each.values.get("distinct") is not False})
        for each in body.parts("commits")
    ]
    head = commitOf(body.part("head_commit"), {"event": "push"}) if "head_commit" in body else None
    place = _place(received, options, repository, body)
    return Push(body.text("ref"), body.text("after"), commits, head, 0, place)


def _place(received: Received, options: HookOptions, repository: Part, body: Part) -> dict[str, str]:
    url = repository.text("html_url", "") or repository.text("url")
    return placeOf(received, url, repository.text("full_name", ""), codebaseOf(options, body.values))


def _pullRequest(received: Received, options: HookOptions, body: Part, id: str) -> Delivery:
    number, action = body.number("number"), body.text("action")
    if action not in _ACTIONS:
        return ignoring("pull_request", id, f"pull request {number}: action {action!r} brings no commits")
    asked = body.part("pull_request")
    head, base = asked.part("head"), asked.part("base")
    count, title = asked.number("commits", 1), asked.text("title", "")
    made = change(
        {
            "who": body.maybe("sender").text("login", "unknown"),
            "files": [],
            "comments": f"GitHub Pull Request #{number} ({counted(count, 'commit')})\n{title}".strip(),
            "revision": head.text("sha"),
            "when": asked.when("updated_at") or asked.when("created_at"),
            "branch": f"refs/pull/{number}/{options.pullRef}",
            "category": "pull",
            "revlink": asked.text("html_url", ""),
            "properties": {
                "event": "pull_request",
                "github.number": number,
                "github.title": title,
                "github.head.ref": head.text("ref", ""),
                "github.head.sha": head.text("sha"),
                "github.base.ref": base.text("ref", ""),
                "github.base.sha": base.text("sha", ""),
            },
            **_place(received, options, body.part("repository"), body),
        }
    )
    return Delivery((made,), "pull_request", id, isUnique=True)

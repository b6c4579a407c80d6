# -*- test-case-name: tests.unit.web.hooks.test_forges -*-
"""Read the deliveries of Gitea and Forgejo: pushes and pull requests."""

from __future__ import annotations

from buildbot.text.plural import counted
from buildbot.web.hooks.delivery import Delivery, HookOptions, Received, change, codebaseOf, ignoring
from buildbot.web.hooks.fields import Part, bodyOf
from buildbot.web.hooks.gitpush import Push, changesOf, commitOf, delivered, placeOf, unusedEvent

_EVENTS = ("x-gitea-event", "x-forgejo-event", "x-gogs-event", "x-github-event")
_IDS = ("x-gitea-delivery", "x-forgejo-delivery", "x-gogs-delivery", "x-github-delivery")
#: Other actions on a pull request bring no new commits.
_ACTIONS = ("opened", "reopened", "synchronized")


def read(received: Received, options: HookOptions) -> Delivery:
    """Read a delivery.

    @raise BadDelivery: the body cannot be understood.
    """
    event, id = received.header(*_EVENTS), received.header(*_IDS)
    body = bodyOf(received)
    if event == "push":
        return delivered(event, id, changesOf(_push(received, options, body), options.tags))
    if event in ("pull_request", "pull_request_sync"):
        return _pullRequest(received, options, body, event, id)
    return ignoring(event, id, unusedEvent(event))


def _push(received: Received, options: HookOptions, body: Part) -> Push:
    commits = [commitOf(each, {"event": "push"}) for each in body.parts("commits")]
    head = commitOf(body.part("head_commit"), {"event": "push"}) if "head_commit" in body else None
    return Push(
        body.text("ref"),
        body.text("after"),
        commits,
        head,
        body.number("total_commits", 0),
        _place(received, options, body),
    )


def _place(received: Received, options: HookOptions, body: Part) -> dict[str, str]:
    repository = body.part("repository")
    url = repository.text("html_url", "") or repository.text("clone_url")
    return placeOf(received, url, repository.text("full_name", ""), codebaseOf(options, body.values))


def _pullRequest(received: Received, options: HookOptions, body: Part, event: str, id: str) -> Delivery:
    number, action = body.number("number"), body.text("action")
    if action not in _ACTIONS:
        return ignoring(event, id, f"pull request {number}: action {action!r} brings no commits")
    asked = body.part("pull_request")
    head, base = asked.part("head"), asked.part("base")
    sender, title = body.maybe("sender"), asked.text("title", "")
    count = asked.number("commits", 0)
    many = f" ({counted(count, 'commit')})" if count else ""
    made = change(
        {
            "who": sender.text("full_name", "") or sender.text("login", "") or "unknown",
            "files": [],
            "comments": f"Pull Request #{number}{many}\n{title}".strip(),
            "revision": head.text("sha"),
            "when": asked.when("updated_at") or asked.when("created_at"),
            "branch": f"refs/pull/{number}/head",
            "category": "pull",
            "revlink": asked.text("html_url", ""),
            "properties": {
                "event": "pull_request",
                "pr_id": number,
                "head_branch": head.text("ref", ""),
                "head_sha": head.text("sha"),
                "base_branch": base.text("ref", ""),
                "base_sha": base.text("sha", ""),
            },
            **_place(received, options, body),
        }
    )
    return Delivery((made,), event, id)

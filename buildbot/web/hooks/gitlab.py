# -*- test-case-name: tests.unit.web.hooks.test_forges -*-
"""Read the deliveries of GitLab: pushes, tags and merge requests."""

from __future__ import annotations

from buildbot.web.hooks.delivery import Delivery, HookOptions, Received, change, codebaseOf, ignoring
from buildbot.web.hooks.fields import Part, bodyOf
from buildbot.web.hooks.gitpush import (
    Commit,
    Push,
    authorOf,
    changesOf,
    commitOf,
    delivered,
    placeOf,
    unusedEvent,
)

#: Other actions on a merge request bring no new commits; C{update} does only with C{oldrev}.
_ACTIONS = ("open", "reopen")


def read(received: Received, options: HookOptions) -> Delivery:
    """Read a delivery.

    @raise BadDelivery: the body cannot be understood.
    """
    id = received.header("webhook-id", "idempotency-key", "x-gitlab-event-uuid")
    body = bodyOf(received)
    event = body.text("object_kind", "") or received.header("x-gitlab-event")
    if event in ("push", "tag_push"):
        return delivered(event, id, changesOf(_push(received, options, body, event), options.tags))
    if event == "merge_request":
        return _mergeRequest(received, options, body, id)
    return ignoring(event, id, unusedEvent(event))


def _push(received: Received, options: HookOptions, body: Part, event: str) -> Push:
    commits = [commitOf(each, {"event": event}) for each in body.parts("commits")]
    after, checkedOut = body.text("after"), body.text("checkout_sha", "")
    head = next((each for each in commits if each.revision == checkedOut), None)
    if head is None and checkedOut:
        who = authorOf(body.text("user_name", ""), body.text("user_email", ""))
        said = body.text("message", "") or body.text("ref")
        head = Commit(checkedOut, who, said, properties={"event": event})
    total = body.number("total_commits_count", 0)
    return Push(body.text("ref"), after, commits, head, total, _place(received, options, body))


def _place(received: Received, options: HookOptions, body: Part) -> dict[str, str]:
    project, repository = body.maybe("project"), body.maybe("repository")
    url = repository.text("url", "") or project.text("git_http_url", "") or body.part("project").text("url")
    return placeOf(received, url, project.text("path_with_namespace", ""), codebaseOf(options, body.values))


def _mergeRequest(received: Received, options: HookOptions, body: Part, id: str) -> Delivery:
    asked = body.part("object_attributes")
    number, action = asked.number("iid"), asked.text("action", "")
    if action not in _ACTIONS and not (action == "update" and asked.text("oldrev", "")):
        return ignoring("merge_request", id, f"merge request {number}: action {action!r} brings no commits")
    commit, user = asked.part("last_commit"), body.maybe("user")
    author = commit.maybe("author")
    source, target = asked.maybe("source"), asked.maybe("target")
    said = f"Merge Request !{number}: {asked.text('title', '')}\n\n{asked.text('description', '')}"
    who = authorOf(author.text("name", ""), author.text("email", ""))
    made = change(
        {
            "who": user.text("name", "unknown") if who == "unknown" else who,
            "files": [],
            "comments": said.strip(),
            "revision": commit.text("id"),
            "when": commit.when("timestamp"),
            "branch": f"refs/merge-requests/{number}/head",
            "category": "merge_request",
            "revlink": asked.text("url", ""),
            "properties": {
                "event": "merge_request",
                "source_branch": asked.text("source_branch", ""),
                "source_project_id": asked.number("source_project_id", 0),
                "source_repository": source.text("git_http_url", ""),
                "source_git_ssh_url": source.text("git_ssh_url", ""),
                "target_branch": asked.text("target_branch", ""),
                "target_project_id": asked.number("target_project_id", 0),
                "target_repository": target.text("git_http_url", ""),
                "target_git_ssh_url": target.text("git_ssh_url", ""),
            },
            **_place(received, options, body),
        }
    )
    return Delivery((made,), "merge_request", id)

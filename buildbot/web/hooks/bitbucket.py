# -*- test-case-name: tests.unit.web.hooks.test_forges -*-
"""Read the deliveries of Bitbucket Cloud and Bitbucket Server: pushes and pull requests.

The server is called Data Center today.
"""

from __future__ import annotations

from buildbot.model.change import Change
from buildbot.web.hooks.delivery import (
    BadDelivery,
    Delivery,
    HookOptions,
    Received,
    change,
    codebaseOf,
    ignoring,
)
from buildbot.web.hooks.fields import Part, bodyOf
from buildbot.web.hooks.gitpush import Commit, Push, authorOf, changesOf, delivered, placeOf, unusedEvent

#: Of the Cloud, and of the server.
_CLOUD_REQUESTS = ("pullrequest:created", "pullrequest:updated")
_SERVER_REQUESTS = ("pr:opened", "pr:from_ref_updated")
_ZEROS = "0" * 40


def read(received: Received, options: HookOptions) -> Delivery:
    """Read a delivery.

    @raise BadDelivery: the body cannot be understood.
    """
    event, id = received.header("x-event-key"), received.header("x-request-uuid", "x-request-id")
    if not event:
        raise BadDelivery(
            "there is no header X-Event-Key: the old POST service of Bitbucket is gone, add a webhook instead"
        )
    body = bodyOf(received)
    if event == "diagnostics:ping":
        return ignoring(event, id, "the hook works")
    if event == "repo:push":
        return delivered(event, id, _cloud(received, options, body))
    if event == "repo:refs_changed":
        return delivered(event, id, _server(received, options, body))
    if event in _CLOUD_REQUESTS:
        return Delivery((_cloudRequest(received, options, body),), event, id)
    if event in _SERVER_REQUESTS:
        return Delivery((_serverRequest(received, options, body),), event, id)
    return ignoring(event, id, unusedEvent(event))


# the Cloud


def _href(part: Part, name: str = "html") -> str:
    return part.maybe("links").maybe(name).text("href", "")


def _cloud(received: Received, options: HookOptions, body: Part) -> tuple[list[Change], str]:
    place = _cloudPlace(received, options, body)
    actor = body.maybe("actor")
    made: list[Change] = []
    reasons = []
    for each in body.part("push").parts("changes"):
        found, reason = changesOf(_cloudPush(each, actor, place), options.tags)
        made += found
        reasons += [reason] * bool(reason)
    return made, "; ".join(reasons[:10]) or "the push has no changes"


def _cloudPush(moved: Part, actor: Part, place: dict[str, str]) -> Push:
    new, old = moved.maybe("new"), moved.maybe("old")
    there = new if "new" in moved else old
    ref = f"refs/{'tags' if there.text('type', '') == 'tag' else 'heads'}/{there.text('name')}"
    if "new" not in moved:
        return Push(ref, _ZEROS, [], None, 0, place)
    target = new.part("target")
    commits = [_cloudCommit(each, actor) for each in moved.parts("commits")]
    head = _cloudCommit(target, actor)
    # The body has the newest five commits, and does not say how many there are.
    isCut = moved.values.get("truncated") is True
    return Push(ref, target.text("hash"), commits, head, 0, place, isCut)


def _cloudCommit(part: Part, actor: Part) -> Commit:
    who = part.maybe("author").text("raw", "") or actor.text("display_name", "") or "unknown"
    said = part.text("message", "")
    return Commit(part.text("hash"), who, said, when=part.when("date"), link=_href(part))


def _cloudPlace(received: Received, options: HookOptions, body: Part) -> dict[str, str]:
    repository = body.part("repository")
    name = repository.text("full_name", "")
    url = _href(repository) or f"https://bitbucket.org/{name}"
    return placeOf(received, url, name, codebaseOf(options, body.values))


def _cloudRequest(received: Received, options: HookOptions, body: Part) -> Change:
    asked = body.part("pullrequest")
    number, title = asked.number("id"), asked.text("title", "")
    source, target = asked.part("source"), asked.part("destination")
    place = _cloudPlace(received, options, body)
    return change(
        {
            "who": body.maybe("actor").text("display_name", "unknown"),
            "files": [],
            "comments": f"Bitbucket Pull Request #{number}\n{title}".strip(),
            "revision": source.part("commit").text("hash"),
            "when": asked.when("updated_on"),
            # The Cloud has no branch for a pull request: this is the branch of its author.
            "branch": source.part("branch").text("name"),
            "category": "pull",
            "revlink": _href(asked),
            "properties": {
                "event": "pull_request",
                "pullrequestid": number,
                "source_branch": source.part("branch").text("name"),
                "target_branch": target.maybe("branch").text("name", ""),
                "target_repository": place["repository"],
            },
            **place,
            "repository": _href(source.maybe("repository")) or place["repository"],
        }
    )


# the server


def _server(received: Received, options: HookOptions, body: Part) -> tuple[list[Change], str]:
    place = _serverPlace(received, options, body, body.part("repository"))
    actor = body.maybe("actor")
    made: list[Change] = []
    reasons = []
    news = body.maybe("toCommit")
    for each in body.parts("changes"):
        found, reason = changesOf(_serverPush(each, actor, body, news, place), options.tags)
        made += found
        reasons += [reason] * bool(reason)
    return made, "; ".join(reasons[:10]) or "the push has no changes"


def _serverPush(moved: Part, actor: Part, body: Part, newest: Part, place: dict[str, str]) -> Push:
    ref = moved.part("ref").text("id")
    after = moved.text("toHash")
    if moved.text("type", "") == "DELETE":
        return Push(ref, _ZEROS, [], None, 0, place)
    # Newer servers describe the commits of a push to one branch.
    commits = [_serverCommit(each, actor) for each in body.parts("commits")]
    if after not in [each.revision for each in commits]:
        commits = [_serverCommit(newest, actor)] if newest.text("id", "") == after else []
    if not commits:
        who = authorOf(_named(actor), actor.text("emailAddress", ""))
        before = moved.text("fromHash", "").strip("0")
        said = f"Push to {ref}: {before[:12]}..{after[:12]}" if before else f"Push of the new {ref}"
        commits = [Commit(after, who, f"{said}\n\n(The server does not name the commits.)")]
    return Push(ref, after, commits, commits[0], int(body.number("total", 0)), place)


def _named(user: Part) -> str:
    return user.text("displayName", "") or user.text("name", "")


def _serverCommit(part: Part, actor: Part) -> Commit:
    author = part.maybe("author") if "author" in part else actor
    millis = part.number("authorTimestamp", 0)
    return Commit(
        part.text("id"),
        authorOf(_named(author), author.text("emailAddress", "")),
        part.text("message", ""),
        when=millis / 1000 if millis > 0 else None,
    )


def _serverPlace(received: Received, options: HookOptions, body: Part, repository: Part) -> dict[str, str]:
    slug = repository.text("slug")
    key = repository.maybe("project").text("key", "")
    links = repository.maybe("links").parts("self")
    url = links[0].text("href", "").removesuffix("/browse") if links else ""
    return placeOf(received, url, f"{key}/{slug}" if key else slug, codebaseOf(options, body.values))


def _serverRequest(received: Received, options: HookOptions, body: Part) -> Change:
    asked = body.part("pullRequest")
    number, title = asked.number("id"), asked.text("title", "")
    source, target = asked.part("fromRef"), asked.part("toRef")
    actor = body.maybe("actor")
    millis = asked.number("updatedDate", 0)
    return change(
        {
            "who": authorOf(_named(actor), actor.text("emailAddress", "")),
            "files": [],
            "comments": f"Bitbucket Pull Request #{number}\n{title}".strip(),
            "revision": source.text("latestCommit"),
            "when": millis / 1000 if millis > 0 else None,
            "branch": f"refs/pull-requests/{number}/{'merge' if options.pullRef == 'merge' else 'from'}",
            "category": "pull",
            "properties": {
                "event": "pull_request",
                "pullrequestid": number,
                "source_branch": source.text("displayId", ""),
                "target_branch": target.text("displayId", ""),
            },
            **_serverPlace(received, options, body, target.part("repository")),
        }
    )

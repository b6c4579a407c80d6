"""Deliveries as the forges send them: made by their public documentation, of invented projects."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.web.hooks.delivery import Received

SECRET = "correct horse battery"
ZEROS = "0" * 40
OLD, MID, NEW = "a1" * 20, "b2" * 20, "c3" * 20
NOW = 1_780_000_000.0


def githubCommit(revision: str = NEW, message: str = "Mend the pump", **more: Any) -> dict[str, Any]:
    """A commit in a push."""
    return {
        "id": revision,
        "tree_id": "d4" * 20,
        "distinct": True,
        "message": message,
        "timestamp": "2026-05-04T12:30:15+02:00",
        "url": f"https://github.com/acme/pump/commit/{revision}",
        "author": {"name": "Ann Bee", "email": "ann@example.org", "username": "annb"},
        "committer": {"name": "GitHub", "email": "noreply@github.com", "username": "web-flow"},
        "added": ["src/valve.c"],
        "removed": ["old.c"],
        "modified": ["src/pump.c", "README"],
        **more,
    }


def githubPush(ref: object = "refs/heads/main", commits: Any = None, **more: Any) -> Any:
    """A push to GitHub."""
    named = [githubCommit(MID, "Add a valve"), githubCommit()] if commits is None else commits
    return {
        "ref": ref,
        "before": OLD,
        "after": NEW,
        "repository": {
            "id": 1296269,
            "name": "pump",
            "full_name": "acme/pump",
            "private": False,
            "owner": {"name": "acme", "email": "hello@example.org", "login": "acme"},
            "html_url": "https://github.com/acme/pump",
            "url": "https://github.com/acme/pump",
            "clone_url": "https://github.com/acme/pump.git",
            "pushed_at": 1_778_000_000,
            "default_branch": "main",
        },
        "pusher": {"name": "annb", "email": "ann@example.org"},
        "sender": {"login": "annb", "id": 7, "type": "User"},
        "created": False,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": "https://github.com/acme/pump/compare/a1a1...c3c3",
        "commits": named,
        "head_commit": named[-1] if named and isinstance(named, list) else None,
        **more,
    }


def githubPull(action: str = "opened", **more: Any) -> Any:
    """A pull request of GitHub."""
    return {
        "action": action,
        "number": 50,
        "pull_request": {
            "url": "https://api.github.com/repos/acme/pump/pulls/50",
            "html_url": "https://github.com/acme/pump/pull/50",
            "number": 50,
            "state": "open",
            "title": "Update the README",
            "user": {"login": "cee"},
            "created_at": "2026-05-05T08:00:00Z",
            "updated_at": "2026-05-05T09:00:00Z",
            "head": {"label": "cee:changes", "ref": "changes", "sha": NEW},
            "base": {"label": "acme:main", "ref": "main", "sha": OLD},
            "commits": 2,
            **more,
        },
        "repository": githubPush()["repository"],
        "sender": {"login": "cee", "id": 9},
    }


def gitlabCommit(revision: str = NEW, message: str = "Mend the pump\n", **more: Any) -> dict[str, Any]:
    """A commit in a push."""
    return {
        "id": revision,
        "message": message,
        "title": message.splitlines()[0],
        "timestamp": "2026-05-04T12:30:15+02:00",
        "url": f"https://gitlab.example.org/acme/pump/-/commit/{revision}",
        "author": {"name": "Ann Bee", "email": "ann@example.org"},
        "added": ["CHANGELOG"],
        "modified": ["src/pump.c"],
        "removed": [],
        **more,
    }


GITLAB_PROJECT = {
    "id": 15,
    "name": "Pump",
    "web_url": "https://gitlab.example.org/acme/pump",
    "git_ssh_url": "git@gitlab.example.org:acme/pump.git",
    "git_http_url": "https://gitlab.example.org/acme/pump.git",
    "namespace": "Acme",
    "path_with_namespace": "acme/pump",
    "default_branch": "main",
    "url": "git@gitlab.example.org:acme/pump.git",
}
GITLAB_REPOSITORY = {
    "name": "Pump",
    "url": "git@gitlab.example.org:acme/pump.git",
    "homepage": "https://gitlab.example.org/acme/pump",
}


def gitlabPush(ref: str = "refs/heads/main", kind: str = "push", **more: Any) -> Any:
    """A push to GitLab."""
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": OLD,
        "after": NEW,
        "ref": ref,
        "checkout_sha": NEW,
        "message": None,
        "user_id": 4,
        "user_name": "Ann Bee",
        "user_username": "annb",
        "user_email": "",
        "project_id": 15,
        "project": GITLAB_PROJECT,
        "repository": GITLAB_REPOSITORY,
        "commits": [gitlabCommit(MID, "Add a valve\n"), gitlabCommit()],
        "total_commits_count": 2,
        **more,
    }


def gitlabMerge(action: str = "open", **more: Any) -> Any:
    """A merge request of GitLab."""
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": {"id": 1, "name": "Cee Dee", "username": "cee", "email": "[REDACTED]"},
        "project": GITLAB_PROJECT,
        "repository": GITLAB_REPOSITORY,
        "object_attributes": {
            "id": 99,
            "iid": 3,
            "target_branch": "main",
            "source_branch": "valve",
            "source_project_id": 14,
            "target_project_id": 15,
            "title": "A valve",
            "description": "It closes.",
            "state": "opened",
            "url": "https://gitlab.example.org/acme/pump/-/merge_requests/3",
            "source": {**GITLAB_PROJECT, "git_http_url": "https://gitlab.example.org/cee/pump.git"},
            "target": GITLAB_PROJECT,
            "last_commit": {
                "id": NEW,
                "message": "Add a valve",
                "timestamp": "2026-05-04T12:30:15+02:00",
                "author": {"name": "Cee Dee", "email": "cee@example.org"},
            },
            "action": action,
            **more,
        },
        "labels": [],
        "changes": {},
    }


def giteaPush(ref: str = "refs/heads/main", **more: Any) -> Any:
    """A push to Gitea: the newest commit is the first."""
    author = {"name": "Ann Bee", "email": "ann@example.org", "username": "annb"}
    commits = [
        {
            "id": revision,
            "message": message,
            "url": f"https://gitea.example.org/acme/pump/commit/{revision}",
            "author": author,
            "committer": author,
            "verification": None,
            "timestamp": "2026-05-04T12:30:15Z",
            "added": [],
            "removed": [],
            "modified": ["pump.c"],
        }
        for revision, message in ((NEW, "Mend the pump\n"), (MID, "Add a valve\n"))
    ]
    return {
        "ref": ref,
        "before": OLD,
        "after": NEW,
        "compare_url": "https://gitea.example.org/acme/pump/compare/a1...c3",
        "commits": commits,
        "total_commits": 2,
        "head_commit": commits[0],
        "repository": {
            "id": 140,
            "owner": {"id": 1, "login": "acme", "full_name": "Acme"},
            "name": "pump",
            "full_name": "acme/pump",
            "html_url": "https://gitea.example.org/acme/pump",
            "ssh_url": "git@gitea.example.org:acme/pump.git",
            "clone_url": "https://gitea.example.org/acme/pump.git",
            "updated_at": "2026-05-04T10:30:16Z",
        },
        "pusher": {"id": 1, "login": "annb", "full_name": "Ann Bee"},
        "sender": {"id": 1, "login": "annb", "full_name": "Ann Bee"},
        **more,
    }


def giteaPull(action: str = "opened") -> Any:
    """A pull request of Gitea."""
    return {
        "action": action,
        "number": 8,
        "pull_request": {
            "id": 12,
            "number": 8,
            "title": "A valve",
            "html_url": "https://gitea.example.org/acme/pump/pulls/8",
            "head": {"label": "valve", "ref": "valve", "sha": NEW},
            "base": {"label": "main", "ref": "main", "sha": OLD},
            "updated_at": "2026-05-04T10:30:16Z",
        },
        "repository": giteaPush()["repository"],
        "sender": {"id": 2, "login": "cee", "full_name": ""},
    }


def cloudCommit(revision: str = NEW, message: str = "Mend the pump\n") -> dict[str, Any]:
    """A commit of Bitbucket Cloud."""
    return {
        "type": "commit",
        "hash": revision,
        "message": message,
        "date": "2026-05-04T10:30:15+00:00",
        "author": {"type": "author", "raw": "Ann Bee <ann@example.org>"},
        "links": {"html": {"href": f"https://bitbucket.org/acme/pump/commits/{revision}"}},
        "parents": [],
    }


def cloudPush(**more: Any) -> Any:
    """A push to Bitbucket Cloud: the newest commit is the first."""
    moved = {
        "forced": False,
        "created": False,
        "closed": False,
        "truncated": False,
        "old": {"type": "branch", "name": "main", "target": cloudCommit(OLD)},
        "new": {"type": "branch", "name": "main", "target": cloudCommit()},
        "commits": [cloudCommit(), cloudCommit(MID, "Add a valve\n")],
        "links": {"html": {"href": "https://bitbucket.org/acme/pump/branches/compare/c3..a1"}},
        **more,
    }
    return {
        "push": {"changes": [moved]},
        "repository": {
            "type": "repository",
            "uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}",
            "full_name": "acme/pump",
            "name": "pump",
            "links": {"html": {"href": "https://bitbucket.org/acme/pump"}},
        },
        "actor": {"type": "user", "display_name": "Ann Bee", "uuid": "{1}"},
    }


def cloudPull() -> Any:
    """A pull request of Bitbucket Cloud."""
    fork = {"full_name": "cee/pump", "links": {"html": {"href": "https://bitbucket.org/cee/pump"}}}
    return {
        "pullrequest": {
            "id": 5,
            "title": "A valve",
            "state": "OPEN",
            "updated_on": "2026-05-04T10:30:15+00:00",
            "source": {"branch": {"name": "valve"}, "commit": {"hash": NEW[:12]}, "repository": fork},
            "destination": {"branch": {"name": "main"}, "commit": {"hash": OLD[:12]}},
            "links": {"html": {"href": "https://bitbucket.org/acme/pump/pull-requests/5"}},
        },
        "repository": cloudPush()["repository"],
        "actor": {"display_name": "Cee Dee"},
    }


SERVER_REPOSITORY = {
    "slug": "pump",
    "id": 84,
    "name": "pump",
    "scmId": "git",
    "project": {"key": "ACME", "id": 84, "name": "Acme", "type": "NORMAL"},
    "links": {"self": [{"href": "https://bitbucket.example.org/projects/ACME/repos/pump/browse"}]},
}
SERVER_ACTOR = {"name": "ann", "emailAddress": "ann@example.org", "displayName": "Ann Bee", "slug": "ann"}


def serverPush(kind: str = "UPDATE", **more: Any) -> Any:
    """A push to Bitbucket Server."""
    return {
        "eventKey": "repo:refs_changed",
        "date": "2026-05-04T12:30:16+0200",
        "actor": SERVER_ACTOR,
        "repository": SERVER_REPOSITORY,
        "changes": [
            {
                "ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
                "refId": "refs/heads/main",
                "fromHash": ZEROS if kind == "ADD" else OLD,
                "toHash": ZEROS if kind == "DELETE" else NEW,
                "type": kind,
            }
        ],
        **more,
    }


def serverPull() -> Any:
    """A pull request of Bitbucket Server."""
    return {
        "eventKey": "pr:opened",
        "date": "2026-05-04T12:30:16+0200",
        "actor": SERVER_ACTOR,
        "pullRequest": {
            "id": 11,
            "title": "A valve",
            "updatedDate": 1_778_000_000_500,
            "fromRef": {"id": "refs/heads/valve", "displayId": "valve", "latestCommit": NEW},
            "toRef": {
                "id": "refs/heads/main",
                "displayId": "main",
                "latestCommit": OLD,
                "repository": SERVER_REPOSITORY,
            },
        },
    }


def signature(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> str:
    """The hexadecimal HMAC of a body."""
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


def webhookSignature(id: str, when: float, body: bytes, key: bytes) -> str:
    """The signature of Standard Webhooks."""
    signed = f"{id}.{int(when)}.".encode() + body
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


#: dialect -> the header with the event.
_EVENT = {"github": "x-github-event", "gitea": "x-gitea-event", "bitbucket": "x-event-key"}


def signedHeaders(dialect: str, event: str, body: bytes, id: str = "id-1") -> dict[str, str]:
    """The headers of a forge."""
    digits = signature(body)
    own = {
        "github": {"x-github-delivery": id, "x-hub-signature-256": f"sha256={digits}"},
        "gitea": {"x-gitea-delivery": id, "x-gitea-signature": digits},
        "gitlab": {"x-gitlab-event": event, "x-gitlab-event-uuid": id, "x-gitlab-token": SECRET},
        "bitbucket": {"x-request-uuid": id, "x-hub-signature": f"sha256={digits}"},
        "base": {"idempotency-key": id, "authorization": f"Bearer {SECRET}"},
    }[dialect]
    named = {_EVENT[dialect]: event} if dialect in _EVENT else {}
    return {"content-type": "application/json", **own, **named}


def received(
    dialect: str, event: str, payload: object, query: Mapping[str, Sequence[str]] | None = None
) -> Received:
    """A signed delivery."""
    body = json.dumps(payload).encode()
    return Received("POST", signedHeaders(dialect, event, body), body, query or {})

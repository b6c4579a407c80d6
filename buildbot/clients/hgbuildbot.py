# -*- test-case-name: tests.unit.clients.test_hgbuildbot,tests.daemons.test_hg_hook -*-
"""The hook of 0.8 that runs within Mercurial's own process, with its section [hgbuildbot] in hgrc.

It reads the settings, and starts C{buildbot} to send the changes, as L{buildbot.scripts.hook} does. So no
Twisted runs in Mercurial's process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import buildbot
from buildbot.clients import hghook
from buildbot.clients.hookdelivery import Change, Delivery, HookFailed, Master, say

_SECTION = b"hgbuildbot"
#: The most seconds that a push waits for one master.
SECONDS = 20.0
#: Runs C{buildbot} with the package from which the hook comes, and without modules of the working directory.
_RUN = "import sys; sys.path[:1] = [{path!r}]; from buildbot.scripts.runner import run; run()"


@dataclass(frozen=True)
class Settings:
    """The section [hgbuildbot] of hgrc.

    @ivar branchtype: C{inrepo}: the branch is that of the changeset; C{dirname}: the name of the directory.
    @ivar branch: the branch of all changes, if it is set.
    @ivar strip: the number of directories to take from the repository's path, before C{baseurl} is put there.
    @ivar auth: C{USER:PASSWORD}, or empty for the default account.
    """

    masters: Sequence[str] = ()
    branchtype: str = "inrepo"
    branch: str = ""
    fork: bool = False
    strip: int = 3
    baseurl: str = ""
    category: str = ""
    project: str = ""
    auth: str = ""

    def repository(self, root: str) -> str:
        """The repository of the changes."""
        parts = root.split("/", self.strip)
        return self.baseurl + parts[-1]

    def changed(self, change: Change, root: str) -> Change:
        """A change with the values of the section."""
        branch = change["branch"]
        if self.branch or self.branchtype == "dirname":
            branch = self.branch or os.path.basename(root)
        more = {"category": self.category or None, "project": self.project}
        return {**change, **more, "branch": branch, "repository": self.repository(root)}


def hook(
    ui: Any, repo: Any, hooktype: object, node: object = None, source: object = None, **kwargs: Any
) -> None:
    """Send the changesets of a push: C{changegroup.buildbot = python:buildbot.changes.hgbuildbot.hook}.

    Returns None, which is success for Mercurial, whatever happens.
    """
    settings = _settings(ui)
    if not settings.masters:
        say("there is no master in the section [hgbuildbot] of .hg/hgrc")
        return
    if _text(hooktype) not in ("changegroup", "commit", "incoming"):
        say(f"hgbuildbot: there is nothing to send in the hook {_text(hooktype)}")
        return
    if settings.fork and os.fork():
        return
    try:
        last = _text(kwargs.get("node_last") or b"")
        kind = _text(hooktype)
        _send(settings, _text(repo.root), {"HG_NODE": _text(node), "HG_NODE_LAST": last, "HG_HOOKTYPE": kind})
    except (HookFailed, OSError, ValueError) as problem:
        say(f"the hook has failed: {problem}")
    finally:
        if settings.fork:
            os._exit(0)


def _send(settings: Settings, root: str, environ: dict[str, str]) -> None:
    said = {name: value for name, value in environ.items() if value}
    changes = [settings.changed(each, root) for each in hghook.added({**os.environ, **said}, root)]
    for number, address in enumerate(settings.masters):
        directory = os.path.join(root, ".hg", *([f"buildbot-{number + 1}"] if number else ()))
        with suppress(FileExistsError):
            os.mkdir(directory)
        master = Master(address, None, _buildbot(), SECONDS, settings.auth or "change:changepw")
        Delivery(directory, master, "").hook(lambda: changes)


def _buildbot() -> tuple[str, ...]:
    if "BUILDBOT" in os.environ:
        return (os.environ["BUILDBOT"],)
    path = os.path.dirname(os.path.dirname(os.path.abspath(buildbot.__file__)))
    return (sys.executable, "-c", _RUN.format(path=path))


def _settings(ui: Any) -> Settings:
    def read(name: bytes, default: bytes = b"", section: bytes = _SECTION) -> str:
        return _text(ui.config(section, name, default) or default)

    strip = read(b"strip", section=b"notify") or read(b"strip", b"3")
    return Settings(
        [_text(each) for each in ui.configlist(_SECTION, b"master", [])],
        read(b"branchtype", b"inrepo"),
        read(b"branch"),
        bool(ui.configbool(_SECTION, b"fork", False)),
        int(strip) if strip.isdecimal() else 3,
        read(b"baseurl") or read(b"baseurl", section=b"web"),
        read(b"category"),
        read(b"project"),
        read(b"auth"),
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)

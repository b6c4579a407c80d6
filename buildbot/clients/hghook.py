# -*- test-case-name: tests.daemons.test_hg_hook -*-
"""The changes of a commit to a Mercurial repository, or of a push, for its hooks commit and changegroup."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from buildbot.clients.hookdelivery import COMMITS, Change, HookFailed, change, output

#: Mercurial then prints UTF-8, whatever the user has configured.
_ENVIRONMENT = {"HGPLAIN": "1", "HGENCODING": "UTF-8"}
#: The fields of a changeset. None can hold a null character.
_TEMPLATE = "{node}\\0{author}\\0{branch}\\0{files % '{file}\\n'}\\0{desc}\\0"
_FIELDS = 5


def directoryOf(repository: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The directory C{.hg} of a repository, or of the current one. @raise HookFailed: there is none."""
    root = _hg(environ, "root", *([] if repository is None else ["-R", repository])).rstrip("\n")
    return os.path.join(root, ".hg")


def added(environ: Mapping[str, str] = os.environ, root: str | None = None) -> Iterator[Change]:
    """The changes of the hook's changesets, the oldest first; of many, the last ones.

    @param root: the repository; None: that of the current directory.
    @raise HookFailed: this is no hook, or hg failed.
    """
    first = environ.get("HG_NODE")
    if not first:
        raise HookFailed("this is no hook of hg: there is no HG_NODE in the environment")
    isPush = environ.get("HG_HOOKTYPE", environ.get("HG_HOOKNAME", "")).startswith("changegroup")
    last = environ.get("HG_NODE_LAST") or ("tip" if isPush else first)
    where = [] if root is None else ["-R", root]
    which = f"last({first}:{last}, {COMMITS})"
    said = _hg(environ, "log", *where, "-r", which, "--template", _TEMPLATE)
    fields = said.split("\0")
    for start in range(0, len(fields) - _FIELDS + 1, _FIELDS):
        node, author, branch, files, comments = fields[start : start + _FIELDS]
        names = [name for name in files.split("\n") if name]
        yield change(author, names, comments, branch=branch, revision=node)


def _hg(environ: Mapping[str, str], *words: str) -> str:
    return output(environ.get("HG") or "hg", *words, env=_ENVIRONMENT)

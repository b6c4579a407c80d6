# -*- test-case-name: tests.unit.steps.source.test_old -*-
"""Source from GitHub, with the merges of its pull requests."""

from __future__ import annotations

import re
from typing import Any

from buildbot.steps.source.git import Git

_MERGE = re.compile(r"refs/pull/\d+/merge")


class GitHub(Git):
    """I am L{Git}, and can also get a branch such as C{refs/pull/12/merge}.

    GitHub makes this branch: it is the merge of a pull request. The revision of the build is that of the
    pull request, so I get the latest revision of the branch.
    """

    name = "github"

    def startVC(self, branch: str | None, revision: object, patch: object) -> Any:
        """See L{buildbot.steps.source.base.Source}."""
        isMerge = branch is not None and _MERGE.fullmatch(branch)
        return super().startVC(branch, None if isMerge else revision, patch)

# -*- test-case-name: tests.unit.steps.source.test_old -*-
"""Source from Gerrit: the patch set of a change under review."""

from __future__ import annotations

import re
from typing import Any

from buildbot.steps.source.git import Git

_CHANGE = re.compile(r"(\d+)/(\d+)")


class Gerrit(Git):
    """I am L{Git}, and can also get a patch set of Gerrit.

    A property names the patch set: C{event.patchSet.ref} from an event of Gerrit, or C{gerrit_change}, as
    C{change/patch set}. Without either, I get the branch of the build.
    """

    name = "gerrit"

    def startVC(self, branch: str | None, revision: object, patch: object) -> Any:
        """See L{buildbot.steps.source.base.Source}."""
        ref = self._patchSet()
        if ref is None:
            return super().startVC(branch, revision, patch)
        return super().startVC(ref, None, patch)

    def _patchSet(self) -> str | None:
        wanted = _CHANGE.fullmatch(str(self._property("gerrit_change")).strip())
        if wanted is not None:
            change, number = map(int, wanted.groups())
            return f"refs/changes/{change % 100:02}/{change}/{number}"
        ref = self._property("event.patchSet.ref")
        return str(ref) if ref else None

    def _property(self, name: str) -> Any:
        return self.getProperty(name, None)

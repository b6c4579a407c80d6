# -*- test-case-name: tests.test_properties -*-
"""The properties of a build, and the texts that they fill in.

Nothing here knows a build or a step: they hand over their properties.
"""

from __future__ import annotations

from buildbot.util import ComparableMixin


class WithProperties(ComparableMixin):
    """I am a text that the properties of the build fill in: C{WithProperties("build-%s.tar", "revision")}.

    Without names, C{fmtstring} names them itself: C{WithProperties("build-%(revision)s.tar")}.
    """

    compare_attrs = ("fmtstring", "args")

    def __init__(self, fmtstring: str, *args: str) -> None:
        self.fmtstring = fmtstring
        self.args = args

    def __repr__(self) -> str:
        return f"WithProperties({', '.join(map(repr, (self.fmtstring, *self.args)))})"

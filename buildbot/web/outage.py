# -*- test-case-name: tests.stories.test_storeaway -*-
"""What a page says when the store cannot be read: it shows what was known before."""

from __future__ import annotations

from buildbot.web.call import Part
from buildbot.web.markup import Template

#: Seconds after which an open page tries to read the store again.
AGAIN = 5.0
_NOTE = Template(
    '<p class="note failed" role="status"><strong>Old:</strong> The store does not work: {why}. '
    "Finished builds are shown as they were known before; some may be missing.</p>"
)


class Outage:
    """I am told, while a page is made, that the store could not be read.

    @ivar reason: why; "" if it could be read.
    """

    def __init__(self) -> None:
        self.reason = ""

    def parts(self) -> list[Part]:
        """The note for the page; empty if the store could be read."""
        return [Part("outage", _NOTE(why=self.reason))] if self.reason else []

    def renewal(self, usual: float = 0.0) -> float:
        """Seconds after which an open page is made again.

        @param usual: the seconds if the store could be read.
        """
        return AGAIN if self.reason else usual

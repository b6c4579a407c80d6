"""The words for a request to a master that was broken off."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python.failure import Failure
from twisted.trial import unittest
from twisted.web.client import ResponseFailed

from buildbot.readers.posting import cut

TOLD = "the master ended the connection before it answered"


class CutTests(unittest.SynchronousTestCase):
    """A connection has ended."""

    def test_stopped(self) -> None:
        """A master that stops ends its connections: there is nothing more to say."""
        whole = ResponseFailed([Failure(ConnectionLost()), Failure(ConnectionDone())])
        for why in (ConnectionLost(), ConnectionDone(), whole):
            self.assertEqual(str(cut(why)), TOLD)

    def test_other(self) -> None:
        """Any other reason is told."""
        both = ResponseFailed([Failure(ConnectionLost()), Failure(ValueError("not HTTP."))])
        for why in (both, ResponseFailed([Failure(ValueError("not HTTP."))])):
            self.assertRegex(str(cut(why)), rf"^{TOLD} \(.*not HTTP\)$")
        self.assertEqual(str(cut(None)), f"{TOLD} (None)")

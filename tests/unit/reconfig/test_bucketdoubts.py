"""checkconfig asks the server of object storage, and warns."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from buildbot.config.model import MasterConfig
from buildbot.reconfig.configchild import bucketDoubts


class Storage:
    """A value of c['logStorage']."""

    place, spoolLimit = "s3://logs", None

    def __init__(self, why: str, doubts: list[str]) -> None:
        self._why, self.configurationDoubts = why, doubts

    def whyUnusable(self) -> str:
        """What the server says."""
        return self._why


class DoubtTests(SynchronousTestCase):
    def test_doubts(self) -> None:
        """What the server says is a warning; it is not asked if the file is wrong already."""
        for storage, expected in (
            (None, []),
            (object(), []),
            (Storage("", []), []),
            (Storage("no bucket", []), ["c['logStorage']: no bucket"]),
            (Storage("no keys", ["no file"]), []),
        ):
            found = [each.message for each in bucketDoubts(MasterConfig(logStorage=storage))]
            self.assertEqual(found, expected)

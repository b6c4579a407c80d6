"""The value of c['logStorage']."""

from __future__ import annotations

from importlib.util import find_spec
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from buildbot.config.model import IsLogStorage
from buildbot.logstorage import s3
from buildbot.logstorage.s3 import S3


class S3Tests(SynchronousTestCase):
    def setUp(self) -> None:
        found = patch.object(s3, "find_spec", lambda name: name)
        found.start()
        self.addCleanup(found.stop)

    def test_good(self) -> None:
        """Server and bucket are enough; equal values are equal, so a reconfig changes nothing."""
        one = S3("https://s3.example.org:9000/", "logs", "ci/")
        self.assertEqual(one, S3("https://s3.example.org:9000/", "logs", "ci/"))
        self.assertEqual(one.place, "https://s3.example.org:9000/logs/ci/")
        self.assertIsInstance(one, IsLogStorage)

    def test_allFaultsAtOnce(self) -> None:
        """All that is wrong is told at once, in words, and never a password."""
        why = str(self.assertRaises(ValueError, S3, "https://me:geheim@host", "", prefix="/x", cacheSize=-1))
        for words in (
            "a user or a password: see credentialsFile",
            "bucket must be a name (text): this one is empty",
            "prefix must be text that does not begin with a slash",
            "cacheSize must be a whole number of bytes",
        ):
            self.assertIn(words, why)
        self.assertNotIn("geheim", why)

    def test_addresses(self) -> None:
        """The endpoint is the address of a server."""
        for endpoint in ("s3.example.org", "ftp://x", "http://", "http://x/path", "http://x:y", "http://x?q"):
            self.assertRaises(ValueError, S3, endpoint, "logs")
        for wrong in (5, None):
            self.assertRaises(ValueError, S3, wrong, "logs")

    def test_sizes(self) -> None:
        """Sizes are bytes; only the spool may be without limit."""
        self.assertIsNone(S3("http://x", "logs", spoolLimit=None).spoolLimit)
        for wrong in ("1 GB", True, 1.5, -1):
            self.assertRaises(ValueError, S3, "http://x", "logs", spoolLimit=wrong)
        self.assertRaises(ValueError, S3, "http://x", "logs", cacheSize=None)

    def test_missingPackage(self) -> None:
        """Without the package minio, the file is refused, and the cure is named."""
        with patch.object(s3, "find_spec", lambda name: None):
            why = str(self.assertRaises(ValueError, S3, "http://x", "logs"))
        self.assertIn("install buildbot-classic[s3]", why)

    def test_opens(self) -> None:
        """The bucket connects only when it is used."""
        if find_spec("minio") is None:
            return
        self.assertIn("http://x/logs/", repr(S3("http://x", "logs").open()))

"""The keys of a bucket are found in a file or in the environment; what is wrong with them is said."""

from __future__ import annotations

import os
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logstorage import s3
from buildbot.logstorage.bucket import StorageAway
from buildbot.logstorage.credentials import Keys, findKeys
from buildbot.logstorage.s3 import S3
from tests.unit.logstorage.buckets import FakeBucket

GOOD = "[default]\naws_access_key_id = me\naws_secret_access_key = ge%heim\n[ci]\naws_access_key_id = ci\n"


class CredentialTests(SynchronousTestCase):
    def setUp(self) -> None:
        found = patch.object(s3, "find_spec", lambda name: name)
        found.start()
        self.addCleanup(found.stop)
        self.path = os.path.abspath(self.mktemp())
        self.write(GOOD)

    def write(self, text: str | bytes) -> None:
        """Write the file."""
        with open(self.path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def why(self, environ: dict[str, str] | None = None, **more: str) -> str:
        """Why there are no keys."""
        setup = S3("http://x", "logs", **more)  # type: ignore[arg-type] # only texts
        why = self.assertRaises(StorageAway, findKeys, setup, environ or {"HOME": "/nowhere"})
        self.assertTrue(why.cure)
        return str(why.strerror)

    def test_file(self) -> None:
        """Keys are read from the named file; a percent sign is a character like others."""
        setup = S3("http://x", "logs", credentialsFile=self.path)
        self.assertEqual(findKeys(setup, {}), Keys("me", "ge%heim"))
        usual = findKeys(S3("http://x", "logs"), {"AWS_SHARED_CREDENTIALS_FILE": self.path})
        self.assertEqual(usual, Keys("me", "ge%heim"))
        self.assertNotIn("heim", repr(findKeys(setup, {})))

    def test_environment(self) -> None:
        """Without a named file, the variables count; the machine's service comes last."""
        environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
        self.assertEqual(findKeys(S3("http://x", "logs"), environ), Keys("a", "s", "t"))
        machine = S3("http://x", "logs", instanceProfile=True)
        self.assertIsNone(findKeys(machine, {"HOME": "/nowhere"}))
        self.assertIn("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set", self.why())

    def test_unfit(self) -> None:
        """What is wrong with a file is said, with its whole path, and never a key."""
        self.assertIn("No such file", self.why(credentialsFile="missing"))
        self.assertIn(os.path.abspath("missing"), self.why(credentialsFile="missing"))
        self.assertIn("no part [other]", self.why(credentialsFile=self.path, profile="other"))
        self.assertIn("no part [env]", self.why({"AWS_PROFILE": "env"}, credentialsFile=self.path))
        self.assertIn("[ci] has no aws_secret_access_key", self.why(credentialsFile=self.path, profile="ci"))
        for text in ("aws_secret_access_key = geheim", b"\xff[default]", "[default]\ngeheim"):
            self.write(text)
            why = self.why(credentialsFile=self.path)
            self.assertIn("has not the form of ~/.aws/credentials", why)
            self.assertNotIn("geheim", why)

    def test_doubts(self) -> None:
        """A check of the configuration warns of files that are missing; other processes get whole paths."""
        good = S3("http://x", "logs", credentialsFile=self.path)
        self.assertEqual(good.configurationDoubts, [])
        bad = S3("http://x", "logs", credentialsFile="k", caFile="ca")
        keys, ca = bad.configurationDoubts
        self.assertIn("cannot read the keys in", keys)
        self.assertIn("cannot read caFile", ca)
        self.assertEqual(bad.absolute().caFile, os.path.abspath("ca"))
        self.assertEqual(bad.absolute().credentialsFile, os.path.abspath("k"))
        self.assertIsNone(S3("http://x", "logs").absolute().credentialsFile)

    def test_asks(self) -> None:
        """The server says whether the bucket can be used."""
        bucket = FakeBucket()
        with patch.object(S3, "open", lambda setup: bucket):
            self.assertEqual(S3("http://x", "logs").whyUnusable(), "")
            bucket.why = "AccessDenied"
            self.assertEqual(S3("http://x", "logs").whyUnusable(), "AccessDenied (mend it)")

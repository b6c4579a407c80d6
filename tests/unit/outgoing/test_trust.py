"""Certificates that the configuration names."""

from __future__ import annotations

import ssl

from twisted.trial import unittest

from buildbot.outgoing.target import TargetDown
from buildbot.outgoing.trust import trust


class TrustTests(unittest.SynchronousTestCase):
    """The file of a certificate."""

    def test_missing(self) -> None:
        """A file that is not there is told with its path and its argument, as for a wrong server."""
        why = self.assertRaises(TargetDown, trust, ssl.create_default_context(), "no.pem", "caFile")
        self.assertEqual(why.reason, "caFile: cannot read no.pem: No such file or directory")
        self.assertEqual(why.cure, "correct caFile=")

    def test_other(self) -> None:
        """So is one without a certificate."""
        path = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write("hello\n")
        why = self.assertRaises(TargetDown, trust, ssl.create_default_context(), path, "smtpCAFile")
        self.assertEqual(why.reason, f"smtpCAFile: cannot read {path}: it has no certificate")

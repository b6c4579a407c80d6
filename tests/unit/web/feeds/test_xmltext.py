"""Tests of buildbot.web.feeds.xmltext."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web.feeds.xmltext import element, possible, rfc822, rfc3339


class XmlTextTests(unittest.TestCase):
    """Any text fits into a document."""

    @given(st.text(st.characters(codec=None)))
    def test_anyText(self, text: str) -> None:
        """Any text is read again, with a mark for each character that XML cannot have."""
        read = ElementTree.fromstring(element("a", text, b=text))
        self.assertEqual(read.text or "", possible(text))
        self.assertEqual(read.get("b"), possible(text))

    def test_forbidden(self) -> None:
        """Control characters and lone surrogates are replaced."""
        self.assertEqual(possible("a\x00\x1b\ud800\uffffb\n\t"), "a\ufffd\ufffd\ufffd\ufffdb\n\t")

    def test_times(self) -> None:
        """Times are told in UTC. A time that no date can tell is the nearest date."""
        self.assertEqual(rfc3339(1795957200.9), "2026-11-29T13:00:00Z")
        self.assertEqual(rfc822(1795957200), "Sun, 29 Nov 2026 13:00:00 GMT")
        self.assertEqual((rfc3339(-5), rfc3339(1e30)), ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"))

"""Where a login may lead."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.accounts.redirects import ownPath


class OwnPathTests(unittest.SynchronousTestCase):
    """Targets of redirects."""

    def test_own(self) -> None:
        """Own paths stay, and are quoted anew."""
        for wanted, path in {
            "/": "/",
            "/builders/a%20b/builds/3": "/builders/a%20b/builds/3",
            "/builders/ä?branch=x%26y&z=": "/builders/%C3%A4?branch=x%26y&z=",
            "/a?next=http://evil.example": "/a?next=http%3A%2F%2Fevil.example",
            "/a#part": "/a",
        }.items():
            self.assertEqual(ownPath(wanted), path)

    def test_foreign(self) -> None:
        """CVE-2019-7313: other sites, line breaks, backslashes and dots lead to the default page."""
        for wanted in (
            None,
            "",
            "builders",
            "//evil.example",
            "///evil.example",
            "/%2fevil.example",
            "/\\evil.example",
            "/%5cevil.example",
            "\\\\evil.example",
            "http://evil.example/",
            "https:evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "/a\r\nSet-Cookie: x=y",
            "/a%0d%0aSet-Cookie:%20x",
            "/a%0aX",
            "/a\tb",
            "/a%00",
            "/..//evil.example",
            "/a/%2e%2e/%2e%2e//evil.example",
            "/./x",
            "/%ff",
            "/\x85x",
            "/" + "a" * 3000,
            "//[",
        ):
            self.assertEqual(ownPath(wanted, "/home"), "/home", wanted)

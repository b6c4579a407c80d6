"""Requests from other sites, and foreign names of this host."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.accounts.origin import Trust, hostName, originOf, siteOf, trustOf

URL = "https://ci.example.org/buildbot/"
OWN = "https://ci.example.org"
#: The headers Sec-Fetch-Site and Origin of a POST -> the trust.
POSTS = {
    ("same-origin", OWN): Trust.OWN,
    ("same-origin", None): Trust.OWN,
    ("same-origin", "https://evil.example"): Trust.OWN,  # the browser itself says it; scripts cannot set it
    ("none", None): Trust.OWN,
    ("same-site", OWN): Trust.FOREIGN,
    ("same-site", None): Trust.FOREIGN,
    ("cross-site", OWN): Trust.FOREIGN,
    ("cross-site", None): Trust.FOREIGN,
    ("", OWN): Trust.FOREIGN,
    ("anything else", None): Trust.FOREIGN,
    (None, OWN): Trust.OWN,
    (None, "https://CI.example.org:443"): Trust.OWN,
    (None, "http://ci.example.org"): Trust.FOREIGN,
    (None, "https://ci.example.org:8443"): Trust.FOREIGN,
    (None, "https://ci.example.org.evil.example"): Trust.FOREIGN,
    (None, "https://evil.example"): Trust.FOREIGN,
    (None, "null"): Trust.FOREIGN,
    (None, ""): Trust.FOREIGN,
    (None, None): Trust.NO_BROWSER,
}


class TrustTests(unittest.SynchronousTestCase):
    """Requests that change something."""

    def test_posts(self) -> None:
        """Each combination of headers of a POST."""
        own = siteOf(URL).origins
        for (fetchSite, origin), wanted in POSTS.items():
            for method in ("POST", "PUT", "DELETE", "patch", "INVENTED"):
                found = trustOf(method, fetchSite, origin, own)
                self.assertIs(found, wanted, (method, fetchSite, origin))

    def test_reading(self) -> None:
        """A method that changes nothing is always allowed."""
        for method in ("GET", "HEAD", "OPTIONS", "get"):
            self.assertIs(trustOf(method, "cross-site", "https://evil.example", ()), Trust.READING)

    def test_noURL(self) -> None:
        """Without a buildbotURL, no Origin is trusted, not even an empty one."""
        for origin in ("", "null", "http://localhost:8010"):
            self.assertIs(trustOf("POST", None, origin, siteOf(None).origins), Trust.FOREIGN)


class HostTests(unittest.SynchronousTestCase):
    """The header Host."""

    def test_own(self) -> None:
        """The host of the buildbotURL, listed ones, local ones and addresses are accepted."""
        site = siteOf(URL, ["ci", "old.example.org:8010"])
        for host in ("ci.example.org", "CI.example.org:8010", "ci.example.org.", "ci", "old.example.org",
                     "localhost:8010", "127.0.0.1", "[::1]:8010", "192.0.2.7:8010", None):  # fmt: skip
            self.assertTrue(site.isOwnHost(host), host)

    def test_foreign(self) -> None:
        """A name of another site is refused, and so is a malformed header."""
        site = siteOf(URL)
        for host in ("evil.example", "ci.example.org.evil.example", "", ":80", "a b", "ci.example.org:x",
                     "x@ci.example.org", "ci.example.org/x", "[::1", "ci.example.org, evil.example",
                     "notlocalhost"):  # fmt: skip
            self.assertFalse(site.isOwnHost(host), host)

    def test_names(self) -> None:
        """The name is in lower case, without the port."""
        self.assertEqual(hostName("Ci.Example:80"), "ci.example")
        self.assertIsNone(hostName("a/b"))


class URLTests(unittest.SynchronousTestCase):
    """Origins of URLs."""

    def test_origins(self) -> None:
        """The origin is the scheme, the host, and a port that is not the usual one."""
        for url, origin in {
            "https://a.example/x": "https://a.example",
            "HTTP://A.example:80": "http://a.example",
            "http://a.example:8010/": "http://a.example:8010",
            "http://[2001:DB8::1]:80": "http://[2001:db8::1]",
            "ftp://a.example": "",
            "http://": "",
            "http://a.example:x": "",
            "null": "",
        }.items():
            self.assertEqual(originOf(url), origin)

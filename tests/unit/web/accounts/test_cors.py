"""Pages of other sites that read the API."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.accounts.cors import corsHeaders, isOrigin, isReadable

DASH = "https://dash.example.org"
BUILDS = ("api", "v1", "builds")


class CorsTests(unittest.TestCase):
    """The rule."""

    def of(
        self, allowed: set[str], method: str = "GET", path: tuple[str, ...] = BUILDS, **more: str
    ) -> object:
        """The headers of an answer to a page of DASH."""
        headers = {"origin": DASH, **{name.replace("_", "-"): value for name, value in more.items()}}
        found = corsHeaders(allowed, method, path, headers)
        return None if found is None else dict(found)

    def test_off(self) -> None:
        """Without the setting no other site may read anything."""
        self.assertIsNone(self.of(set()))

    def test_read(self) -> None:
        """A site of the list may read, never with credentials; each answer tells that it depends on it."""
        found = self.of({DASH})
        assert isinstance(found, dict)
        self.assertEqual((found["Access-Control-Allow-Origin"], found["Vary"]), (DASH, "Origin"))
        self.assertNotIn("Access-Control-Allow-Credentials", found)
        self.assertEqual(self.of({"https://other.example"}), {"Vary": "Origin"})
        self.assertEqual(self.of({DASH}, origin=""), {"Vary": "Origin"})
        self.assertEqual(self.of({DASH}, origin=DASH + ".evil.example"), {"Vary": "Origin"})
        self.assertEqual(self.of({DASH}, origin="null"), {"Vary": "Origin"})

    def test_every(self) -> None:
        """With * every site may read, and the answer is the same for all."""
        found = self.of({"*"})
        assert isinstance(found, dict)
        self.assertEqual(found["Access-Control-Allow-Origin"], "*")
        self.assertNotIn("Vary", found)

    def test_asked(self) -> None:
        """The browser's question is answered for reading alone; no header with a login is allowed."""
        found = self.of({DASH}, "OPTIONS", access_control_request_method="GET")
        assert isinstance(found, dict)
        self.assertEqual(found["Access-Control-Allow-Methods"], "GET, HEAD")
        self.assertNotIn("authorization", found["Access-Control-Allow-Headers"].lower())
        for method in ("POST", "DELETE", ""):
            asked = self.of({DASH}, "OPTIONS", access_control_request_method=method)
            self.assertEqual(asked, {"Vary": "Origin"})

    def test_paths(self) -> None:
        """Only the API, /json, feeds and badges can be read; no page, no action."""
        for path in (
            BUILDS,
            ("json",),
            ("json", "builders"),
            ("badge", "full.svg"),
            ("png",),
            ("cctray.xml",),
            ("atom",),
            ("api", "v2", "x"),
        ):
            self.assertTrue(isReadable(path), path)
        for path in (
            ("",),
            ("builders",),
            ("api",),
            ("api", "v3"),
            ("metrics",),
            ("me",),
            ("x", "api", "v1"),
        ):
            self.assertFalse(isReadable(path), path)
        self.assertIsNone(self.of({DASH}, path=("builders",)))
        self.assertEqual(self.of({DASH}, "POST"), {"Vary": "Origin"})

    def test_origins(self) -> None:
        """A setting is an origin without a path."""
        for good in (DASH, "http://localhost:3000", "http://[::1]:81", "*"):
            self.assertTrue(isOrigin(good), good)
        for bad in ("dash.example.org", DASH + "/", "https://*.example.org", "null", "", "HTTPS://A.example"):
            self.assertFalse(isOrigin(bad), bad)

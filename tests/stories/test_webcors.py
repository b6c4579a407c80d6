"""A page of another site reads the API of a master."""

from __future__ import annotations

from typing import Any

from tests.stories.web import WebWorld

DASH = "https://dash.example.org"
ASKED: dict[str, Any] = {
    "Origin": DASH,
    "Sec_Fetch_Site": "cross-site",
    "Access_Control_Request_Method": "GET",
}
READ = "access-control-allow-origin"


class OffTests(WebWorld):
    """No other site is named."""

    def test_off(self) -> None:
        """Nothing is allowed, and the browser's question is answered with 405."""
        self.successResultOf(self.start())
        self.assertNotIn(READ, self.ask("/api/v1/builders", Origin=DASH).headers)
        asked = self.ask("/api/v1/builders", "OPTIONS", **ASKED)
        self.assertEqual(asked.status, 405)
        self.assertNotIn(READ, asked.headers)


class OnTests(WebWorld):
    """One site is named."""

    STATUS = (
        "from buildbot.status import html\n"
        f"c['status'] = [html.WebStatus(http_port=8010, allowForce=True, allowed_origins=[{DASH!r}])]"
    )

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.successResultOf(self.start())

    def test_read(self) -> None:
        """It may read the API, also errors and unchanged answers; not the pages, and never with cookies."""
        for path in (
            *("/api/v1/builders", "/api/v1/builders/none", "/json/builders", "/badge/full.svg"),
            *("/cctray.xml?_=17", "/cc.xml", "/atom", "/rss"),
        ):
            answer = self.ask(path, Origin=DASH, Sec_Fetch_Site="cross-site")
            self.assertEqual(answer.headers[READ], DASH, path)
            self.assertIn("Origin", answer.headers["vary"])
            self.assertNotIn("access-control-allow-credentials", answer.headers)
        etag = self.ask("/api/v1/builders", Origin=DASH).headers["etag"]
        unchanged = self.ask("/api/v1/builders", Origin=DASH, If_None_Match=etag)
        self.assertEqual((unchanged.status, unchanged.headers[READ]), (304, DASH))
        self.assertNotIn(READ, self.ask("/builders", Origin=DASH).headers)
        self.assertNotIn(READ, self.ask("/api/v1/builders", Origin="https://evil.example").headers)
        self.assertEqual(self.ask("/api/v1/builders", Origin=DASH, Host="evil.example").status, 421)

    def test_stream(self) -> None:
        """It may follow the events."""
        connection = self.dial()
        head = f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: {DASH}\r\n\r\n"
        connection.send(head.encode())
        self.settle()
        self.assertIn(f"Access-Control-Allow-Origin: {DASH}\r\n".encode(), connection.received())

    def test_asked(self) -> None:
        """The browser's question before a request is answered for reading, not for actions."""
        asked = self.ask("/api/v1/builders", "OPTIONS", **ASKED)
        self.assertEqual((asked.status, asked.headers["access-control-allow-methods"]), (200, "GET, HEAD"))
        path = "/api/v1/builders/full/force"
        refused = self.ask(path, "OPTIONS", **{**ASKED, "Access_Control_Request_Method": "POST"})
        self.assertNotIn(READ, refused.headers)
        forced = self.ask(path, "POST", Origin=DASH, Sec_Fetch_Site="cross-site")
        self.assertEqual(forced.status, 403)
        self.assertNotIn(READ, forced.headers)

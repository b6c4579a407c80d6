"""Feeds, badges, states for monitors and health, from a master that builds."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.stories.test_webpages import BuildingCase

ATOM = "{http://www.w3.org/2005/Atom}"


class FeedsTests(BuildingCase):
    """A master with a failed build."""

    def failBuild(self) -> None:
        """Let a build fail in its first step."""
        self.force()
        self.commands[-1].update(stdout="line one\nboom & <b>\n")
        self.commands[-1].end(2)
        self.wait(2)
        self.commands[-1].end(0)
        self.wait(2)

    def test_atom(self) -> None:
        """A failed build is an entry, with the last lines of the log of its failed step."""
        answer = self.ask("/atom")
        self.assertEqual(answer.headers["content-type"], "application/atom+xml; charset=utf-8")
        self.assertEqual(ElementTree.fromstring(answer.text).findall(f"{ATOM}entry"), [])
        self.failBuild()
        (entry,) = ElementTree.fromstring(self.ask("/atom").text).findall(f"{ATOM}entry")
        self.assertEqual(entry.findtext(f"{ATOM}title"), "full #0: failed: compile")
        self.assertIn("boom &amp; &lt;b&gt;", entry.findtext(f"{ATOM}content") or "")

    def test_filters(self) -> None:
        """A feed can be about some builders, branches and outcomes."""
        self.failBuild()
        for query, count in (
            ("builder=full", 1),
            ("builder=other", 0),
            ("branch=trunk", 1),
            ("branch=stable", 0),
            ("only=changes", 1),
            ("only=all", 1),
            ("committer=nobody", 0),
        ):
            items = ElementTree.fromstring(self.ask(f"/rss?{query}").text).findall("channel/item")
            self.assertEqual(len(items), count, query)
        self.assertEqual(self.ask("/rss?only=odd").status, 400)

    def test_unchanged(self) -> None:
        """A feed that has not changed is not sent again; after a build it is."""
        etag = self.ask("/atom").headers["etag"]
        self.assertEqual(self.ask("/atom", If_None_Match=etag).status, 304)
        self.failBuild()
        self.assertEqual(self.ask("/atom", If_None_Match=etag).status, 200)

    def test_cctray(self) -> None:
        """While a builder builds, the state for monitors is that of its last finished build."""
        self.failBuild()
        self.force()
        for path in ("/cctray.xml", "/cc.xml?builder=full"):
            (project,) = ElementTree.fromstring(self.ask(path).text)
            self.assertEqual(project.get("lastBuildStatus"), "Failure")
            self.assertEqual(project.get("activity"), "Building")
            self.assertEqual(project.get("lastBuildLabel"), "0")

    def test_badge(self) -> None:
        """A badge shows the last finished build, and is fetched again each time."""
        self.failBuild()
        answer = self.ask("/badge/full.svg")
        self.assertIn("failure", answer.text)
        self.assertEqual(answer.headers["content-type"], "image/svg+xml; charset=utf-8")
        self.assertEqual(answer.headers["cache-control"], "no-cache, max-age=0")
        self.assertEqual(self.ask("/badge/full.svg", If_None_Match=answer.headers["etag"]).status, 304)
        self.assertEqual(self.ask("/badge/full.json").json["schemaVersion"], 1)
        self.assertIn("no build", self.ask("/badge/full.svg?branch=stable").text)

    def test_badgeElsewhere(self) -> None:
        """A browser may show a badge in the page of another site; it may not load pages there."""
        policy = "cross-origin-resource-policy"
        for path in ("/badge/full.svg", "/badge/full.json", "/badge/ful.svg", "/png?builder=full"):
            self.assertEqual(self.ask(path).headers[policy], "cross-origin", path)
        self.assertEqual(self.ask("/").headers[policy], "same-origin")

    def test_unknownBadge(self) -> None:
        """An unknown builder has an image that says so, with status 404."""
        answer = self.ask("/badge/ful.svg")
        self.assertEqual(answer.status, 404)
        self.assertIn("unknown builder", answer.text)
        self.assertEqual(self.ask("/badge/full").status, 404)

    def test_png(self) -> None:
        """The image of 0.8 is a PNG."""
        answer = self.ask("/png?builder=full&size=large")
        self.assertEqual(answer.headers["content-type"], "image/png")
        self.assertTrue(answer.body.startswith(b"\x89PNG"))
        self.assertEqual(self.ask("/png?builder=ful").status, 404)
        self.assertEqual(self.ask("/png").status, 400)

    def test_health(self) -> None:
        """While the store fails, the master lives but is not ready, and tells why."""
        self.assertTrue(self.ask("/readyz").json["ready"])
        self.master.botmaster.health.failed("database or disk is full")
        answer = self.ask("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertIn("database or disk is full", answer.json["checks"]["store"])
        for path in ("/livez", "/healthz"):
            self.assertEqual(self.ask(path).text, "ok\n")
        self.master.botmaster.health.works()
        self.assertEqual(self.ask("/readyz").status, 200)
        self.master.botmaster.resources.deposed = "another master may be active"
        self.assertEqual(self.ask("/readyz").json["checks"]["master"], "another master may be active")

    def test_links(self) -> None:
        """The first page and the waterfall tell feed readers where the feeds are."""
        for path in ("/", "/waterfall"):
            text = self.ask(path).text
            self.assertIn('<link rel="alternate" type="application/atom+xml"', text, path)
            self.assertIn('href="rss"', text, path)


class FewFeedsTests(BuildingCase):
    """A master that provides only some feeds."""

    def write(self, text: str) -> None:
        """Write master.cfg."""
        BuildingCase.write(
            self, f"{text}\nc['status'] = [html.WebStatus(http_port=8010, provide_feeds=['atom'])]\n"
        )

    def test_provided(self) -> None:
        """provide_feeds decides which of atom, rss and json are there."""
        statuses = {path: self.ask(f"/{path}").status for path in ("atom", "rss", "json")}
        self.assertEqual(statuses, {"atom": 200, "rss": 404, "json": 404})
        self.assertNotIn('href="rss"', self.ask("/").text)

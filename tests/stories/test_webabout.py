"""The pages about the master and its configuration."""

from __future__ import annotations

from buildbot.daemon.symptoms import Symptom
from buildbot.web.accounts.guard import Guard
from buildbot.web.pages.about import shown
from buildbot.web.pages.configuration import namesOnly, placeOf
from tests.stories.test_webpages import BuildingCase


async def everything(self: Guard, who: object, action: str, builder: str | None = None) -> bool:
    """Permission for everything."""
    return True


class AboutTests(BuildingCase):
    """A person asks about the master."""

    def test_about(self) -> None:
        """The page has versions, ports, the store and how long builds are kept."""
        page = self.ask("/about").text
        for words in (
            "Twisted",
            "SQLite",
            "9989",
            "works",
            "the last 500 builds of each builder, for 365 days",
        ):
            self.assertIn(words, page)
        self.assertIn("There are none.", page)

    def test_masters(self) -> None:
        """An administrator sees which master this is, and who else uses the store, as in status."""
        other = {"name": "two:/<m>", "state": "standby", "heard": 0.4, "isReady": True, "release": "1"}
        told = {"name": "one:/m", "state": "active", "epoch": 3, "release": "1", "trouble": ""}
        self.patch(self.master.place, "report", lambda: {**told, "others": [other]})
        self.assertNotIn("one:/m", self.ask("/about").text)
        self.patch(Guard, "may", everything)
        self.wait(2)
        page = self.ask("/about").text
        self.assertIn("one:/m: active in epoch 3: two:/&lt;m&gt; waits, heard 0 s ago", page)

    def test_troubles(self) -> None:
        """A trouble is shown; its reason, which may name a path, is not."""
        symptom = Symptom("it <cannot> be read", "/secret/path", "look")
        self.master.troubles.report("logs/full", symptom)
        self.wait(2)
        page = self.ask("/about").text
        self.assertIn("it &lt;cannot&gt; be read", page)
        self.assertNotIn("/secret/path", page)
        self.master.botmaster.health.trouble = "disk full"
        self.wait(2)
        self.assertIn("cannot be written: disk full", self.ask("/about").text)
        self.master.botmaster.health.trouble = ""
        self.flushLoggedErrors()

    def test_proxy(self) -> None:
        """Only administrators see the headers of a request, and secrets among them are not shown."""
        self.assertEqual(self.ask("/about/proxy").status, 403)
        self.patch(Guard, "may", everything)
        page = self.ask("/about/proxy", X_Forwarded_For="10.1.2.3", Cookie="session=sekrit").text
        self.assertIn("10.1.2.3", page)
        self.assertNotIn("session=sekrit", page)

    def test_secretHeaders(self) -> None:
        """Headers that prove who somebody is are secrets."""
        names = ("authorization", "cookie", "x-api-key", "x-auth-token", "x-hub-signature-256")
        for name, value in shown(dict.fromkeys(names, "abc")):
            self.assertEqual(value, "not shown, 3 characters", name)


class ConfigurationTests(BuildingCase):
    """A person asks what is configured, and how the last reconfig went."""

    def page(self) -> str:
        return self.ask("/about/configuration").text

    def test_names(self) -> None:
        """Builders and slaves are listed by name; no password is shown."""
        page = self.page()
        self.assertIn('href="../builders/full"', page)
        self.assertIn('href="../buildslaves/bot1"', page)
        self.assertIn("WebStatus", page)
        self.assertIn("There was none since the start.", page)
        self.assertNotIn("sekrit", page)

    def test_applied(self) -> None:
        """A reconfig is shown with its author and the names of what it changed."""
        self.edit("('bot1', 'sekrit')", "('bot1', 'sekrit'), ('bot2', 'swordfish')")
        self.reconfig(who="ann <admin>")
        page = self.page()
        self.assertIn("applied", page)
        self.assertIn("ann &lt;admin&gt;", page)
        self.assertIn("+ bot bot2", page)
        self.assertNotIn("swordfish", page)

    def test_refused(self) -> None:
        """Everybody sees the line of an error; its words are for those who may reconfigure."""
        self.add("raise ValueError('swordfish')")
        self.reconfig()
        page = self.page()
        self.assertIn("refused", page)
        self.assertRegex(page, r"1 line, about master\.cfg:\d+")
        self.assertNotIn("swordfish", page)
        self.patch(Guard, "may", everything)
        self.assertIn("ValueError", self.page())

    def test_values(self) -> None:
        """Lines about plug-ins lose the values of their arguments; others stay."""
        self.assertEqual(namesOnly("~ status GitHubStatus: token abc -> def"), "~ status GitHubStatus")
        self.assertEqual(namesOnly("~ builder full: factory"), "~ builder full: factory")
        self.assertEqual(placeOf("c/parts.py:7: no: it fails"), "c/parts.py:7")
        self.assertEqual(placeOf("the master is stopping"), "a place that is not known")

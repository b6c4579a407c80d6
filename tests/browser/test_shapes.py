"""Pages in rare states: errors, refusals, an empty master, other time zones, odd names."""

from __future__ import annotations

import socket
from urllib.parse import quote

from tests.browser.chromium import Device, Tab
from tests.browser.site import BrowserCase, pages

#: A configuration without slaves and builds.
EMPTY = """
from buildbot.status.html import WebStatus
c = BuildmasterConfig = {
    'slavePortnum': "tcp:0:interface=127.0.0.1", 'slaves': [], 'builders': [], 'schedulers': [],
    'change_source': [], 'status': [WebStatus(http_port="tcp:PORT:interface=127.0.0.1")]}
"""
#: Send a form to an address.
_POST = """(() => { const form = document.createElement('form'); form.method = 'post'; form.action = '%s';
  document.body.append(form); form.submit(); })()"""


class StatesTests(BrowserCase):
    """A person meets pages that are not in the table."""

    isReader = True

    def test_states(self) -> None:
        """Errors, refusals, forms and the pages of an empty master break no rule of axe-core (row 73)."""
        tab = self.tab(Device(1280))
        for address, status in (
            ("nothing/here", 404),
            ("builders/nobody", 404),
            ("builders/broken/builds/0/steps/test/logs/stdio?first=x", 400),
            ("tokens", 401),
            ("builders/broken/builds/0/steps/test/logs/stdio/search?q=%28&regex=1", 400),
        ):
            self.assertEqual(tab.open(self.root + address), status, address)
            self.isGood(tab, address)
        tab.open(self.root + "builders/broken")
        field = "document.querySelector('form[action*=force] [name=branch]')"
        self.sent(tab, f"{field}.value = 'a;b'; {field}.form.submit()", 400)
        tab.open(self.root)
        self.sent(tab, _POST % "/about", 405)
        tab.open(self.root + "login")
        self.isGood(tab, "the login")
        tab.open(self.root + "builders/broken")
        tab.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        self.isGood(tab, "open forms")
        tab.press("?", text="?")
        self.isGood(tab, "the list of keys")
        tab.close()
        self.empty()

    def empty(self) -> None:
        """Open the pages of a master without slaves, builders and builds."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        master = self.path("empty")
        self.ok("create-master", master)
        with open(self.path("empty/master.cfg"), "w") as stream:
            stream.write(EMPTY.replace("PORT", str(port)))
        self.ok("start", master)
        self.addCleanup(self.ok, "stop", master)
        tab = self.tab(Device(1280))
        for route in pages():
            if "{" not in route.path and route.action == "view":
                status = tab.open(f"http://127.0.0.1:{port}{route.path}")
                self.assertIn(status, (200, 401), route.path)
                self.isGood(tab, f"{route.path} of an empty master")

    def sent(self, tab: Tab, expression: str, status: int) -> None:
        """Send a form; check the status and the page of the answer."""
        tab.value("window.isOld = true")
        tab.value(f"void setTimeout(() => {{ {expression} }})")
        tab.until("!window.isOld && document.readyState === 'complete'", "the answer")
        self.assertEqual(tab.status, status, expression)
        self.isGood(tab, expression)


class OddTests(BrowserCase):
    """A master in India with long, right-to-left and picture names; a reader in New York."""

    odd = ("x" * 100 + " \u05e9\u05dc\u05d5\u05dd \U0001f389", "\u0645\u0631\u062d\u0628\u0627 " + "y" * 90)

    zone = "Asia/Kolkata"

    def test_odd(self) -> None:
        """Each page names the master's time zone, and the browser's; each time has both (row 77).

        The browser's time is made for a time that somebody points at: its format takes long to load.
        Long names and words fit a phone; a text from right to left stays in its place.
        """
        tab = self.tab(Device(360, 740))
        tab.ask("Emulation.setTimezoneOverride", timezoneId="America/New_York")
        own = "builders/" + quote(self.odd[0])
        for address in ("", "builders", "one_line_per_build", own, own + "/builds/0", "queue", "changes/1"):
            tab.open(self.root + address)
            self.assertLessEqual(tab.sideways(), 0, address)
        zone = tab.until("/Your/.test(zone.innerText) && zone.innerText", "the zone of the browser")
        self.assertIn("Times are in the time zone of the master, IST (UTC+05:30).", zone)
        self.assertIn("Your time zone is America/New_York (UTC-05:00)", zone)
        tab.open(self.root + "builders/broken/builds/0")
        tab.until("/Your/.test(zone.innerText)", "the script has done its first work")
        self.assertEqual(tab.value("document.querySelectorAll('time[title]').length"), 0)
        x, y = tab.value(
            "((box) => [box.x + 5, box.y + 5])(document.querySelector('main time[datetime]')"
            ".getBoundingClientRect())"
        )
        tab.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        tab.until("!!document.querySelector('main time[title]')", "the time of the browser")
        text, title, exact = tab.value(
            "((it) => [it.textContent, it.title, it.dateTime])(document.querySelector('main time[datetime]'))"
        )
        self.assertRegex(text, r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d IST$")
        self.assertRegex(title, r"^Your time: .* (EST|GMT-5)$")
        self.assertRegex(exact, r"Z$")

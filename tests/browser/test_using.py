"""A person uses the pages: by keyboard alone, and while builds end."""

from __future__ import annotations

from tests.browser.chromium import Device, Tab
from tests.browser.site import BrowserCase, oneOfEach

#: The element with the focus: its tag, its text, and whether its focus can be seen.
_FOCUS = """(() => { const here = document.activeElement, look = getComputedStyle(here);
  const all = [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex="0"]')];
  const isSeen = parseFloat(look.outlineWidth) >= 2 && look.outlineStyle !== 'none';
  return [all.indexOf(here), here.outerHTML.slice(0, 100), isSeen]; })()"""
#: The positions of the elements that must be reachable: all that are shown.
_WANTED = """(() => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex="0"]')].map((each, index) => [each, index])
  .filter(([each]) => each.checkVisibility() && each.tabIndex >= 0 && !each.disabled &&
    !(each.type === 'radio' && !each.checked)).map(([each, index]) => index))()"""


#: True if there is a form that acts.
_ACTS = "!!document.querySelector('main form[method=post]')"
#: Pages whose keys are tried even if they have no such form.
PLACES = ("", "builders", "waterfall", "waterfall/help", "queue")


class KeyboardTests(BrowserCase):
    """A person without a mouse."""

    isReader = True

    def test_keys(self) -> None:
        """Tab reaches each link, button and field of pages with actions, in their order; the focus is seen.

        Single keys move about (row 72).
        """
        tab = self.tab(Device(1280))
        for address in oneOfEach("long"):
            tab.open(self.root + address)
            if address in PLACES or tab.value(_ACTS):
                self.walk(tab, address)
        self.keys(tab)

    def walk(self, tab: Tab, address: str) -> None:
        """Press Tab until the focus has been everywhere."""
        tab.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        self.assertFalse(
            tab.value('!!document.querySelector(\'[tabindex]:not([tabindex="0"], [tabindex="-1"])\')')
        )
        wanted = set(tab.value(_WANTED))
        self.assertGreater(len(wanted), 10, address)
        reached = set()
        order = []
        for _ in range(2 * len(wanted) + 2):
            tab.press("Tab")
            place, what, isSeen = tab.value(_FOCUS)
            if place < 0:
                break
            self.assertTrue(isSeen, f"{address}: no visible focus: {what}")
            reached.add(place)
            order.append(place)
            if wanted <= reached:
                break
        self.assertEqual(order, sorted(order), f"{address}: the focus jumps")
        self.assertEqual(wanted - reached, set(), address)

    def keys(self, tab: Tab) -> None:
        """The keys of the list of keys do what it says; it can switch them off."""
        tab.open(self.root)
        self.press(tab, "g", "b")
        tab.until("location.pathname === '/builders' && document.readyState === 'complete'", "g b: builders")
        self.press(tab, "g", "h")
        tab.until("location.pathname === '/' && document.readyState === 'complete'", "g h: home")
        self.press(tab, "g", "b")
        tab.until("location.pathname === '/builders' && document.readyState === 'complete'", "g b: builders")
        self.press(tab, "j", "j", "k")
        self.assertTrue(tab.value("document.querySelector('tbody tr').contains(document.activeElement)"))
        self.press(tab, "/")
        self.assertEqual(tab.value("document.activeElement.id"), "q")
        self.press(tab, "?")
        self.assertEqual(tab.value("document.getElementById('q').value"), "?")  # a field gets every key
        tab.value("document.activeElement.blur()")
        self.press(tab, "?")
        self.assertTrue(tab.value("document.getElementById('keys').open"))
        tab.value("document.querySelector('#keys input').click()")
        tab.value("document.querySelector('#keys form button').click()")
        tab.until("!document.getElementById('keys').open", "the list is closed")
        tab.value("document.activeElement.blur()")
        self.press(tab, "/")
        self.assertNotEqual(tab.value("document.activeElement.id"), "q")
        self.assertEqual(tab.messages, [])

    def press(self, tab: Tab, *names: str) -> None:
        """Type characters."""
        for name in names:
            tab.press(name, text=name)


class LiveTests(BrowserCase):
    """A person leaves pages open: those of a build and of its log."""

    def test_buildEnds(self) -> None:
        """The end of a build is shown on the open pages; focus, position and typed text stay (row 24).

        The new lines of an open log are folded into its sections; those with failing lines stay open.
        """
        tab, log = self.tab(Device(1280, 200)), self.tab(Device(1280, 600))
        tab.open(self.root + "builders/long/builds/0")
        log.open(self.root + "builders/long/builds/0/steps/compile/logs/stdio")
        for each in (tab, log):
            each.until("document.getElementById('live-state').textContent === 'Live.'", "the page is live")
        tab.value("window.isSamePage = true")
        self.assertIn("running", tab.value("document.getElementById('main').innerText"))
        focus = "document.activeElement.getAttribute('href')"
        tab.value("document.querySelector('#main [data-part] a[href*=\"logs/stdio\"]').focus()")
        tab.value("scrollTo(0, 120)")
        before = tab.value(focus), tab.value("scrollY")
        self.assertEqual(before[1], 120)
        field = "document.querySelector('#acts input[name=comments]').value"
        tab.value(f"{field} = 'my reason'")
        self.go()
        words = "document.getElementById('main').innerText"
        tab.until(f"!/running/.test({words}) && /success/.test({words})", "the page shows the success")
        self.assertTrue(tab.value("window.isSamePage"), "the page was loaded again")
        self.assertEqual((tab.value(focus), tab.value("scrollY")), before)
        self.assertEqual(tab.value(field), "my reason", "the page took away what somebody was writing")
        self.assertEqual(tab.messages, [])
        self.sections(log)

    def sections(self, tab: Tab) -> None:
        """The log is complete: its section with a failing line is open, the other one is closed."""
        found = """[...document.querySelectorAll('#log details')].map((each) =>
            [each.firstChild.textContent, each.open, each.querySelectorAll('div').length])"""
        tab.until("document.getElementById('live-state').textContent === 'The log is complete.'", "the end")
        self.assertEqual(tab.value(found)[:2], [["Get", False, 3], ["Make", True, 3]])
        lines = "[...document.querySelectorAll('#log div[id^=L]')].map((each) => Number(each.id.slice(1)))"
        numbers = tab.value(lines)
        self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(tab.messages, [])

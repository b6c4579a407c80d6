"""Every page in a real browser, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import unescape
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

from twisted.trial.unittest import SkipTest

from tests.browser import axe
from tests.browser.chromium import Device, Tab
from tests.browser.site import BrowserCase, addresses, oneOfEach

#: The pages that may be wider than the window.
_WIDE = re.compile(r"^(waterfall|grid|tgrid|console)\b|/logs/")
#: The fewest characters of a page's text; an empty list has the frame and a sentence.
SHORTEST = 120
#: The links, buttons and fields that are less than 24 pixels wide or high; a label belongs to its field.
_SMALL = """[...document.querySelectorAll('a[href], button, input, select, textarea, summary')]
  .filter((each) => each.checkVisibility() && !each.matches('.skip, .hidden *')).map((each) =>
    [(each.closest('label') || each).getBoundingClientRect(), each.outerHTML.slice(0, 100)])
  .filter(([box]) => Math.min(box.width, box.height) < 23.9).map(([box, what]) =>
    `${what}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""
#: The states of the page without a word; a small square has it in its title.
_WORDLESS = """[...document.querySelectorAll('.state, .strip a, .BuildStep, .Build')]
  .filter((each) => !/\\w/.test(each.textContent + each.title)).map((each) => each.outerHTML.slice(0, 100))"""
#: The addresses of the links that are shown.
_SHOWN = """[...document.querySelectorAll('main a[href]')].filter((each) => each.checkVisibility())
  .map((each) => each.getAttribute('href'))"""
_TEXT = re.compile(r"<script.*?</script>|<style.*?</style>|<[^>]*>", re.DOTALL)
_LINKS = re.compile(r'<a [^>]*href="([^"#]*)"')


class WalkTests(BrowserCase):
    """A person opens every page.

    Each page loads without a message in the console, fits the window, and breaks no rule of axe-core. That is
    so at 1280 and 360 pixels, in light and dark, and with script. Without script a page has its whole text,
    and the same links, and no link is dead. On a phone each link, button and field has at least 24 pixels; a
    window of 1280 pixels at 400 % shows the same links. Each colour has a word, and nothing moves by itself
    (rows 1, 48, 71, 73, 74 and 75).
    """

    isReader = True

    def test_pages(self) -> None:
        """A page of each kind is good; a failed build is shown."""
        self.walk(oneOfEach("broken"))

    def test_others(self) -> None:
        """The same pages are good for a build that runs, for odd names, and for a builder without builds."""
        one = oneOfEach("broken")
        self.walk([address for address in addresses() if address not in one])

    def walk(self, opened: Iterable[str]) -> None:
        """Look at pages, with script and without."""
        script = axe.source()
        faults: list[str] = []
        links: dict[str, set[str]] = {}
        bases: dict[str, str] = {}
        tab, plain = self.tab(Device(1280)), self.tab(Device(360, 740, isScripted=False))
        for address in opened:
            tab.show(Device(1280))
            faults += self.visit(tab, address, 1280)
            bases[address] = tab.url
            links[address] = set(_LINKS.findall(tab.html()))
            faults += self.looks(tab, address, script)
            faults += self.visit(plain, address, 360)
            html = plain.html()
            if len(_TEXT.sub("", html).strip()) < SHORTEST:
                faults.append(f"{address}: without script it has no text")
            lost = links[address] - set(_LINKS.findall(html))
            if lost:
                faults.append(f"{address}: without script it lacks {sorted(lost)[:5]}")
        faults += self.dead(links, bases)
        self.assertEqual(faults, [], "\n".join(faults))
        if script is None:
            raise SkipTest("the pages are good, but axe-core cannot be fetched: npm pack axe-core")

    def looks(self, tab: Tab, address: str, script: str | None) -> list[str]:
        """The faults of the open page's looks: on a desk, in narrower windows, at 400 %, and on a phone."""
        faults = [f"{address}: no word: {each}" for each in tab.value(_WORDLESS)]
        faults += self.broken(tab, address, script, "light")
        faults += self.broken(tab, address, script, "dark", isRepainted=True)
        wanted = set(tab.value(_SHOWN))
        for width in (960, 820, 640):
            tab.resize(width)
            faults += self.tooWide(tab, address, width)
        tab.resize(320, 200)
        faults += self.tooWide(tab, address, 320)
        lost = wanted - set(tab.value(_SHOWN))
        if lost:
            faults.append(f"{address}: at 400 % it lacks {sorted(lost)[:5]}")
        tab.resize(360, 740)
        faults += self.tooWide(tab, address, 360)
        faults += [f"{address}: no word: {each}" for each in tab.value(_WORDLESS)]
        faults += [f"{address}: too small: {each}" for each in tab.value(_SMALL)]
        faults += self.broken(tab, address, script, "dark")
        if tab.value("document.getAnimations().length"):
            faults.append(f"{address}: something moves")
        return faults + self.said(tab, address)

    def broken(
        self, tab: Tab, address: str, script: str | None, scheme: str, isRepainted: bool = False
    ) -> list[str]:
        """The rules of axe-core that the open page breaks in these colours."""
        tab.scheme(scheme)
        if script is None:
            return []
        return [f"{address} {scheme}: {each}" for each in axe.violations(tab, script, isRepainted)]

    def tooWide(self, tab: Tab, address: str, width: int) -> list[str]:
        """The fault that the open page is wider than its window, unless it may be."""
        beyond = 0 if _WIDE.search(address) else tab.sideways()
        return [f"{address}: {beyond} px too wide for {width} px"] if beyond > 0 else []

    def said(self, tab: Tab, address: str) -> list[str]:
        """The messages in the console."""
        isGood = tab.status < 400
        messages = [each for each in tab.messages if isGood or "Failed to load resource" not in each]
        return [f"{address}: console: {each}" for each in messages]

    def dead(self, links: Mapping[str, set[str]], bases: Mapping[str, str]) -> list[str]:
        """The links of the pages that lead to nothing."""
        found: dict[str, str] = {}
        for address, targets in links.items():
            for target in targets:
                url = urljoin(bases[address], unescape(target)).partition("#")[0]
                if url.startswith(self.root):
                    found.setdefault(url, address)
        self.assertGreater(len(found), 20)
        return [
            f"{address}: the link to {url} is dead" for url, address in found.items() if not self.leads(url)
        ]

    def leads(self, url: str) -> bool:
        """True if there is a page at the address."""
        try:
            with urlopen(url, timeout=120):
                return True
        except HTTPError as error:
            return error.code < 404

    def visit(self, tab: Tab, address: str, width: int) -> list[str]:
        """Open a page; the faults that are seen at once."""
        status = tab.open(self.root + address)
        # 401: it asks for a login
        good = (404,) if address.startswith("nothing") else (200, 401)
        faults = [] if status in good else [f"{address}: status {status}"]
        return faults + self.said(tab, address) + self.tooWide(tab, address, width)

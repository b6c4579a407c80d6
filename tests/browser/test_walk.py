"""Every page in a real browser, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any
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
    """A person opens every page."""

    def test_pages(self) -> None:
        """Each page loads without a message in the console, fits the window, and breaks no rule of axe-core.

        That is so at 1280 and 360 pixels, in light and dark, and with script. Without script a page has its
        whole text, and the same links, and no link is dead. On a phone each link, button and field has at
        least 24 pixels; a window of 1280 pixels at 400 % shows the same links. Each colour has a word, and
        nothing moves by itself (rows 1, 48, 71, 73, 74 and 75).
        """
        script = axe.source()
        faults: list[str] = []
        links: dict[str, set[str]] = {}
        bases: dict[str, str] = {}
        for width in (1280, 360):
            tab = self.tab(Device(width, 740 if width < 600 else 800))
            for address in addresses():
                faults += self.visit(tab, address, width)
                bases[address] = tab.url
                links.setdefault(address, set(_LINKS.findall(tab.html())))
                faults += self.looks(tab, address, width)
                for scheme in ("light", "dark") if width > 600 else ("dark",):
                    tab.scheme(scheme)
                    broken: list[dict[str, Any]] = axe.violations(tab, script) if script else []
                    faults += [f"{address} {width} {scheme}: {each}" for each in broken]
            tab.close()
        shown = self.shown(Device(1280)), self.shown(Device(320, 200))
        faults += [
            f"{address}: at 400 % it lacks {sorted(lost)[:5]}"
            for address, wanted in shown[0].items()
            if (lost := wanted - shown[1][address])
        ]
        plain = self.tab(Device(360, 740, isScripted=False))
        for address in addresses():
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

    def looks(self, tab: Tab, address: str, width: int) -> list[str]:
        """The faults of the open page's looks."""
        faults = [f"{address}: no word: {each}" for each in tab.value(_WORDLESS)]
        for between in (960, 820, 640) if width > 600 and not _WIDE.search(address) else ():
            tab.resize(between)
            if tab.sideways() > 0:
                faults.append(f"{address}: {tab.sideways()} px too wide for {between} px")
        if width < 600:
            faults += [f"{address}: too small: {each}" for each in tab.value(_SMALL)]
        tab.resize(width)
        if tab.value("document.getAnimations().length"):
            faults.append(f"{address}: something moves")
        return faults

    def shown(self, device: Device) -> dict[str, set[str]]:
        """The links that each page shows on a device."""
        tab = self.tab(device)
        found = {}
        for address in oneOfEach("broken"):
            tab.open(self.root + address)
            self.assertTrue(tab.sideways() <= 0 or _WIDE.search(address), f"{address}: too wide")
            found[address] = set(tab.value(_SHOWN))
        tab.close()
        return found

    def dead(self, links: Mapping[str, set[str]], bases: Mapping[str, str]) -> list[str]:
        """The links of the pages that lead to nothing."""
        found: dict[str, str] = {}
        for address, targets in links.items():
            for target in targets:
                url = urljoin(bases[address], unescape(target)).partition("#")[0]
                if url.startswith(self.root):
                    found.setdefault(url, address)
        self.assertGreater(len(found), 50)
        return [
            f"{address}: the link to {url} is dead" for url, address in found.items() if not self.leads(url)
        ]

    def leads(self, url: str) -> bool:
        """True if there is a page at the address."""
        try:
            with urlopen(url, timeout=30):
                return True
        except HTTPError as error:
            return error.code < 404

    def visit(self, tab: Tab, address: str, width: int) -> list[str]:
        """Open a page; the faults that are seen at once."""
        status = tab.open(self.root + address)
        faults = []
        if status not in (
            (404,) if address.startswith("nothing") else (200, 401)
        ):  # 401: it asks for a login
            faults.append(f"{address}: status {status}")
        messages = [each for each in tab.messages if status < 400 or "Failed to load resource" not in each]
        faults += [f"{address} {width}: console: {each}" for each in messages]
        if tab.sideways() > 0 and not _WIDE.search(address):
            faults.append(f"{address}: {tab.sideways()} px too wide for {width} px")
        return faults

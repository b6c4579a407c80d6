"""The weight of the first view of pages, and what Lighthouse says."""

from __future__ import annotations

import os
from unittest import skipUnless

from twisted.trial.unittest import SkipTest

from tests.browser import lighthouse
from tests.browser.chromium import Device
from tests.browser.site import BrowserCase, oneOfEach

#: The variable that asks for Lighthouse.
ASKED = "BUILDBOT_TEST_LIGHTHOUSE"
#: The most bytes of the first view, over the network, with all that belongs to it.
MOST = {"": 40_000, "builders": 40_000, "waterfall": 60_000}


class WeightTests(BrowserCase):
    """A person opens a page for the first time."""

    def test_firstView(self) -> None:
        """The first view of a page has at most 40 KB (waterfall: 60) in 4 requests (rows 3 and 4)."""
        for address, most in MOST.items():
            tab = self.tab(Device(1280))
            tab.open(self.root + address)
            painted = "performance.getEntriesByName('first-contentful-paint')[0]"
            paint = tab.until(f"({painted} || {{}}).startTime", "the first paint")
            tab.until("document.getElementById('live-state').textContent === 'Live.'", "the page is live")
            requests = [url for url in tab.responses if not url.startswith("data:")]
            print(f"/{address}: {tab.weight} bytes, {len(requests)} requests, first paint {paint:.0f} ms")
            self.assertLessEqual(tab.weight, most, address)
            self.assertLessEqual(len(requests), 4, requests)
            tab.close()


@skipUnless(os.environ.get(ASKED), f"{ASKED}=1 asks Lighthouse, which takes ten minutes")
class LighthouseTests(BrowserCase):
    """A person has a slow phone."""

    timeout = 3600

    def test_scores(self) -> None:
        """Lighthouse gives each page at least 98 for performance, and 100 for the rest (row 76).

        The best of three looks at a page counts: other programs may use the processor.
        """
        path = lighthouse.program()
        if path is None:
            raise SkipTest("no Lighthouse: npm install lighthouse")
        bad = []
        tab = self.tab(Device(1280))
        for address in oneOfEach("broken"):
            if tab.open(self.root + address) != 200:
                continue  # Lighthouse looks at no page that asks for a login
            said = (0, 0, 0)
            for _ in range(3):
                said = max(said, lighthouse.scores(path, self.root + address))
                print(f"/{address}: {said}")
                if said[0] >= 98 and said[1:] == (100, 100):
                    break
            else:
                bad.append((address, said))
        self.assertEqual(bad, [])

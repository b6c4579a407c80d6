"""A person takes text from the pages: copied, found, printed, and read in a browser for terminals."""

from __future__ import annotations

import subprocess
from shutil import which
from urllib.request import urlopen

from twisted.trial.unittest import SkipTest

from tests.browser.chromium import Device, Tab
from tests.browser.site import BrowserCase

_LOG = "builders/long/builds/0/steps/compile/logs/stdio"


class ReadingTests(BrowserCase):
    """A person reads, and does not act."""

    def test_text(self) -> None:
        """Copied lines have no numbers, folded lines are found, paper has light colours, lynx shows it all.

        A double click on a form without script acts once.
        """
        self.copied()
        self.printed()
        self.twice()
        self.go()
        self.whenFinished("long", 0)
        self.found()
        self.dumped()

    def copied(self) -> None:
        """Copy a whole log: the clipboard has the text of the log, without numbers of lines."""
        tab = self.tab(Device(1280))
        permissions = {"permissions": ["clipboardReadWrite"], "browserContextId": tab.context}
        self.browser.ask("Browser.grantPermissions", permissions)
        tab.open(self.root + "builders/broken/builds/0/steps/test/logs/stdio")
        tab.value("getSelection().selectAllChildren(document.getElementById('log'))")
        tab.ask("Input.dispatchKeyEvent", type="rawKeyDown", key="c", modifiers=2, commands=["copy"])
        said = tab.value("navigator.clipboard.readText()").splitlines()
        self.assertIn("300", said)
        self.assertIn("error: no", [line.strip() for line in said])
        self.assertEqual([line for line in said if line.startswith(("301", "305", "306"))], [])
        tab.close()

    def found(self) -> None:
        """A link to a text, like the search of the browser, opens the fold that hides it."""
        tab = self.tab(Device(1280))
        tab.open(f"{self.root}{_LOG}")
        fold = "[...document.querySelectorAll('#log details')].find((each) => /hay/.test(each.textContent))"
        self.assertFalse(tab.value(f"{fold}.open"))
        tab.open("about:blank")
        tab.open(f"{self.root}{_LOG}#:~:text=hay")
        tab.until(f"{fold}.open", "the fold is open")
        tab.close()

    def printed(self) -> None:
        """A printed page has dark text in a dark browser too, whole columns, and nothing to click."""
        tab = self.tab(Device(1280))
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        tab.ask("Emulation.setEmulatedMedia", media="print", features=dark)
        for address in ("waterfall", "builders/broken", "builders/broken/builds/0"):
            tab.open(self.root + address)
            facts = tab.value(
                """(() => { const ink = getComputedStyle(document.body).color.match(/\\d+/g).map(Number);
                const box = document.querySelector('.scroll');
                return [Math.max(...ink), !box || getComputedStyle(box).overflowX,
                  [...document.querySelectorAll('nav, form')].some((each) => each.checkVisibility())]; })()"""
            )
            self.assertLess(facts[0], 80, address)
            self.assertIn(facts[1], (True, "visible"), address)
            self.assertFalse(facts[2], address)
        tab.close()

    def dumped(self) -> None:
        """Lynx reads the home page, the builders, a build and a log: each state has its word."""
        if which("lynx") is None:
            raise SkipTest("no lynx here: apt-get install lynx")
        for address, words in (
            ("", ("1 of 5 builders broken", "failed test", "log of #0")),
            ("builders", ("broken for 1 build", "#0 failure", "success", "offline")),
            ("builders/broken/builds/0", ("failure", "forced by", "error: no", "Properties")),
            ("builders/broken/builds/0/steps/test/logs/stdio", ("306", "error: no")),
        ):
            command = ["lynx", "-dump", "-width=132", "-nolist", self.root + address]
            said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
            for each in words:
                self.assertIn(each, " ".join(said.split()), address)

    def twice(self) -> None:
        """Click twice on "Force" without script: there is one build more, and one act in the record."""
        tab = self.tab(Device(1280, isScripted=False))
        tab.open(self.root + "builders/first/force")
        self.doubleClick(tab, "main form button")
        self.browser.until(lambda: "Page.loadEventFired" in tab.events, "the answer")
        self.whenFinished("first", 2)
        found = self.asked("builds", builder="first", count=9)
        self.assertEqual((found["running"], [each["number"] for each in found["finished"]]), ([], [2, 1, 0]))
        with urlopen(f"{self.root}audit?subject=builder/first", timeout=60) as answer:
            self.assertEqual(answer.read().decode().count("forceBuild"), 1)
        tab.close()

    def doubleClick(self, tab: Tab, selector: str) -> None:
        """Click twice on an element, as fast as the browser takes it."""
        root = tab.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
        node = tab.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        box = tab.ask("DOM.getBoxModel", nodeId=node)["model"]["content"]
        tab.events.clear()
        for count in (1, 2):
            for kind in ("mousePressed", "mouseReleased"):
                where = {"x": box[0] + 4, "y": box[1] + 4, "button": "left", "clickCount": count}
                tab.ask("Input.dispatchMouseEvent", type=kind, **where)

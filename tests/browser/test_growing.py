"""A person reads a log while it grows, from real slaves."""

from __future__ import annotations

import statistics
import subprocess
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from twisted.trial.unittest import SkipTest

from tests.browser.chromium import Device, Tab
from tests.browser.cutting import CuttingProxy
from tests.browser.site import BrowserCase
from tests.integration.generations import OLD_SLAVE, missing, prepared
from tests.integration.processes import environment

#: Added to the configuration of the demo. Each builder's only step prints until there is a file GO.
MORE = r"""
def printing(what, seconds):
    made = factory.BuildFactory()
    loop = "until test -e GO; do %s; sleep %s; done" % (what, seconds)
    made.addStep(ShellCommand, name="print", command=loop)
    return made

c['bots'].append(("old", "sesame"))
c['builders'] += [
    {'name': "old", 'slavename': "old", 'builddir': "old", 'factory': printing("date +%s.%N", 0.08)},
    {'name': "new", 'slavename': "bot1", 'builddir': "new", 'factory': printing("date +%s.%N", 0.08)},
    {'name': "fast", 'slavename': "old", 'builddir': "fast", 'factory': printing(
        "for each in 1 2 3; do n=$((n + 1)); echo line $n of a fast log; done", 0.01)},
]
"""
#: Note when each new line of the log can be seen: after the frame in which it was painted.
_WATCH = """(() => { window.ages = [];
  new MutationObserver((changes) => {
    const lines = changes.flatMap((each) => [...each.addedNodes]).filter((each) => /^L/.test(each.id));
    const printed = lines.map((each) => /\\d{10}\\.\\d+/.exec(each.textContent)).filter(Boolean).map(Number);
    requestAnimationFrame(() => setTimeout(() => {
      for (const each of printed) window.ages.push(Date.now() / 1000 - each); }));
  }).observe(document.getElementById('log'), {childList: true, subtree: true}); return true; })()"""
_COUNT = "Number(document.getElementById('log').dataset.total)"
_BUTTON = "document.getElementById('new-lines')"
#: The number and text of each line.
_LINES = """[...document.querySelectorAll('#log [id^=L]')].map((each) => [Number(each.id.slice(1)),
  [...each.childNodes].filter((node) => node.nodeName !== 'A').map((node) => node.textContent).join('')])"""


class GrowingLogTests(BrowserCase):
    """A slave 0.7.12 and a worker 4.3 print; a person looks at the logs."""

    def addBuilders(self, web: int) -> None:
        """Add the builders and the old slave."""
        if (why := missing()) is not None:
            raise SkipTest(why)
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(MORE.replace("GO", self.path("go")))
        self.ok("reconfig", self.master)
        self.startOldSlave()
        self.until(lambda: all(map(self.isAttached, ("old", "bot1"))), "the slaves are attached")

    def isAttached(self, slave: str) -> bool:
        """True if the slave is connected."""
        return len(self.asked("status", slave=slave)["slaves"][0]["attachedTo"]) > 0

    def startOldSlave(self) -> None:
        """Create and start a slave 0.7.12 with its own command."""
        with open(self.path("master/master.cfg")) as stream:
            port = stream.read().partition("slavePortnum'] = 'tcp:")[2].partition(":")[0]
        base = self.path("oldslave")
        installed = prepared(OLD_SLAVE)
        options = ["--umask=022", base, f"127.0.0.1:{port}", "old", "sesame"]
        words = installed.command(OLD_SLAVE.script, OLD_SLAVE.create, *options)
        env = environment(self.here)
        subprocess.run(words, check=True, env=env, capture_output=True, timeout=60)
        command = installed.command("twistd", "--nodaemon", "--python=buildbot.tac", "--pidfile=")
        null = subprocess.DEVNULL
        child = subprocess.Popen(command, cwd=base, env=env, stdin=null, stdout=null, stderr=null)
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)

    def watched(self, builder: str, device: Device, root: str = "") -> Tab:
        """Open the log of a builder's first build when it has lines."""
        if not self.asked("builds", builder=builder, count=1)["running"]:
            self.request(builder)
        address = f"builders/{builder}/builds/0/steps/print/logs/stdio"
        self.until(lambda: self.text(address), f"{builder} prints")
        tab = self.tab(device)
        tab.open((root or self.root) + address)
        tab.until("document.getElementById('live-state').textContent === 'Live.'", "the log is live")
        return tab

    def text(self, address: str) -> str:
        """The text of a log; "" if there is none yet."""
        try:
            with urlopen(f"{self.root}{address}/text", timeout=60) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    def test_logs(self) -> None:
        """A log is seen as it is printed; its reader is not disturbed; no line is lost (rows 31, 33, 34)."""
        self.stamps()
        self.reading()
        self.cut()

    def stamps(self) -> None:
        """A line of a slave 0.7.12 is seen at once, one of a worker 4.3 after 5 seconds.

        The page of the worker's log says why. The benchmark of logs measures the 40 ms of row 30: here the
        processors have other things to do, and a second is at once.
        """
        tabs = {builder: self.watched(builder, Device(1280)) for builder in ("old", "new")}
        ages: dict[str, Any] = {}
        for tab in tabs.values():
            tab.value(_WATCH)
        for builder, tab in tabs.items():
            ages[builder] = self.ages(tab, builder, 1 if builder == "old" else 6)
        note = "document.getElementById('main').innerText.includes('sends its output every 5 seconds')"
        self.assertEqual([tabs["old"].value(note), tabs["new"].value(note)], [False, True])
        median = {builder: statistics.median(each) for builder, each in ages.items()}
        print({builder: (round(median[builder], 3), round(each[-1], 3)) for builder, each in ages.items()})
        self.assertLess(median["old"], 1)
        self.assertLess(ages["old"][0], 0.2)
        self.assertLess(median["new"], 6)

    def ages(self, tab: Tab, builder: str, most: float) -> list[float]:
        """The ages of 45 lines when they are seen. While half of them are too old, the next 45 count.

        The machine may have other things to do for a while.
        """
        for number in range(10):
            tab.until(f"window.ages.length >= {45 * (number + 1)}", f"{builder} prints 45 lines")
            found = sorted(tab.value("window.ages")[45 * number :])
            if statistics.median(found) < most:
                break
        return found

    def reading(self) -> None:
        """While a log grows, the lines that a person reads and selects stay where they are.

        A button tells how many lines are new, and goes to the end. The page without script has all lines.
        """
        tab = self.watched("fast", Device(1280, 400))
        tab.until(f"{_COUNT} > 300", "300 lines")
        tab.value("scrollTo(0, 700)")
        tab.value("""(() => { const top = [...document.querySelectorAll('#log [id^=L]')].find((each) =>
          each.getBoundingClientRect().top > 100); window.reads = top;
          getSelection().selectAllChildren(top); return true; })()""")
        state = "[scrollY, String(getSelection()), window.reads.getBoundingClientRect().top]"
        before = tab.value(state)
        start = tab.value(_COUNT)
        self.assertRegex(before[1], r"line \d+ of a fast log")
        tab.until(f"{_COUNT} > {start} + 500", "500 more lines")
        self.assertEqual(tab.value(state), before)
        self.assertRegex(tab.value(f"{_BUTTON}.innerText"), r"^\d{3,} new lines$")
        tab.value("getSelection().empty()")
        tab.value(f"{_BUTTON}.click()")
        tab.until(f"{_BUTTON}.hidden && scrollY > {before[0]} + 3000", "the end is shown")
        place = tab.value("scrollY")
        tab.until(f"scrollY > {place} + 200", "the end is followed")
        # The browser may find that lines are taller than it thought.
        tab.value("void (log.lastElementChild.style.paddingBottom = '300px')")
        place = tab.value("scrollY")
        tab.until(f"scrollY > {place} + 500", "the end is followed though it has moved")
        for act in ("scrollBy(0, -40)", "[...document.querySelectorAll('#log a[tabindex]')].at(-1).click()"):
            tab.value(f"void {act}")
            before = tab.value("scrollY")
            start = tab.value(_COUNT)
            tab.until(f"{_COUNT} > {start} + 100", "100 more lines")
            self.assertEqual(tab.value("scrollY"), before, act)
            tab.value(f"{_BUTTON}.click()")
            tab.until(f"scrollY > {before} + 500", "the end is followed again")
        self.assertEqual(tab.messages, [])

    def cut(self) -> None:
        """A connection that breaks 100 times neither loses nor doubles a line."""
        proxy = CuttingProxy(urlsplit(self.root).port or 0, 100)
        self.addCleanup(proxy.stop)
        tab = self.watched("fast", Device(1280), f"http://127.0.0.1:{proxy.port}/")
        self.until(lambda: proxy.cuts >= 100, "100 cuts")
        with open(self.path("go"), "w"):
            pass
        tab.until("document.getElementById('live-state').textContent === 'The log is complete.'", "the end")
        links = "[...document.querySelectorAll('.parts a')].map((each) => each.textContent)"
        self.assertNotIn("Follow without script", tab.value(links))
        lines = tab.value(_LINES)
        numbers = [number for number, _ in lines]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(lines))))
        text = self.text("builders/fast/builds/0/steps/print/logs/stdio").splitlines()
        printed = [line for _, line in lines if line.endswith("of a fast log")]
        self.assertEqual(printed, text[-len(printed) :])
        self.assertGreater(len(printed), 500)
        self.older(tab)

    def older(self, tab: Tab) -> None:
        """The link to older lines leads on from those that the page has loaded."""
        tab.open(f"{self.root}builders/fast/builds/0/steps/print/logs/stdio?end=1")
        first = "Number(document.querySelector('#log .block').dataset.first)"
        tab.until(f"{first} > 1", "the page begins within the log")
        address = "document.querySelector('[rel=prev]')?.getAttribute('href')"
        before = tab.value(first)
        self.assertIn(f"#L{before - 1}", tab.value(address))
        # Two movements within a frame are one for the page.
        upAndDown = "scrollTo(0, scrollY === 500 ? 400 : 500)"
        tab.until(f"{upAndDown}, {first} < {before}", "older lines are loaded")
        top = tab.value(first)
        self.assertEqual(tab.value(address), None if top == 1 else f"?line={top - 1}#L{top - 1}")
        # As if the master had not searched the whole log when the page was made.
        tab.value("""void (() => { const note = document.createElement('p');
          note.id = 'searched'; document.getElementById('outline').append(note); lookAgain(); })()""")
        tab.until("!document.getElementById('searched')", "the share is brought up to date")

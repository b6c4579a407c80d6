"""The old URLs of 0.7.5 to 0.8.14 lead to the pages of today (row 25 of the issue)."""

from __future__ import annotations

from urllib.parse import urljoin

from twisted.internet.defer import ensureDeferred

from buildbot.changes.changes import Change
from tests.stories.web import WebWorld

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(ShellCommand, name='compile it', command=['make'])
f.addStep(ShellCommand, name='test', command=['make', 'test'])
c['builders'] = [
    {'name': name, 'slavename': 'bot1', 'builddir': 'b%d' % number, 'factory': f}
    for number, name in enumerate(
        ['full', 'my builder', 'waterfall', 'changes', 'static', 'builders', 'c++/x'])
]
from buildbot.status import html
c['status'] = [html.WebStatus(http_port=8010)]
"""

FULL = "/builders/full/builds/0"
MINE = "/builders/my%20builder/builds/0"
#: The old URL -> the status, and the address that it leads to.
URLS: tuple[tuple[str, int, str], ...] = (
    # 0.7.5
    ("/", 200, ""),
    ("/?show=full&show=waterfall", 200, ""),
    ("/?nobubble=1&phase=2", 200, ""),
    ("/full", 301, "/builders/full"),
    ("/full?numbuilds=7", 301, "/builders/full?numbuilds=7"),
    ("/my%20builder", 301, "/builders/my%20builder"),
    ("/c%2B%2B%2Fx", 301, "/builders/c%2B%2B%2Fx"),
    ("/full/builds", 301, "/builders/full"),
    ("/full/builds/0", 301, FULL),
    ("/my%20builder/builds/0", 301, MINE),
    ("/full/builds/0/step-test", 301, f"{FULL}/steps/test"),
    ("/full/builds/0/step-compile%20it", 301, f"{FULL}/steps/compile%20it"),
    ("/full/builds/0/step-test/0", 301, f"{FULL}/steps/test/logs/stdio"),
    ("/full/builds/0/step-test/0/text", 301, f"{FULL}/steps/test/logs/stdio/text"),
    ("/my%20builder/builds/0/step-compile%20it/0", 301, f"{MINE}/steps/compile%20it/logs/stdio"),
    ("/full/builds/0/tests", 301, FULL),
    ("/full/builds/0/tests/pkg.test.Case.test_a", 301, FULL),
    ("/changes", 200, ""),
    ("/changes/1", 200, ""),
    ("/buildbot.css", 302, "/static/"),
    ("/favicon.ico", 302, "/static/"),
    ("/robots.txt", 200, ""),
    ("/builders/full/", 301, "/builders/full"),
    ("/builders/my%20builder/?numbuilds=7", 301, "/builders/my%20builder?numbuilds=7"),
    ("/waterfall/", 301, "/waterfall"),
    ("/nobody", 404, ""),
    ("/ful", 404, ""),
    ("/full/builds/77", 404, ""),
    ("/nobody/builds/0", 404, ""),
    ("/full/builds/0/test", 404, ""),
    ("/full/builds/0/step-none", 404, ""),
    ("/full/builds/0/step-test/9", 404, ""),
    ("/full/builds/0/step-test/stdio", 404, ""),
    ("/changes/999", 404, ""),
    # a builder with the name of a page: the page wins; the builds of the builder are found all the same
    ("/waterfall", 200, ""),
    ("/waterfall/builds/0", 301, "/builders/waterfall/builds/0"),
    ("/waterfall/builds/0/step-test/0", 301, "/builders/waterfall/builds/0/steps/test/logs/stdio"),
    ("/builders/waterfall", 200, ""),
    ("/builders/changes", 200, ""),
    ("/changes/builds/0", 301, "/builders/changes/builds/0"),
    ("/builders/static", 200, ""),
    ("/static/builds/0", 301, "/builders/static/builds/0"),
    ("/builders/builders/builds/0", 200, ""),
    ("/builders/builds/0", 301, "/builders/builders/builds/0"),
    ("/builders/c%2B%2B%2Fx", 200, ""),
    # 0.7.6 to 0.8.14
    ("/index.html", 301, "/"),
    ("/waterfall?show=full&last_time=1000&show_events=true", 200, ""),
    ("/waterfall?branch=trunk&category=x&failures_only=true&reload=60", 200, ""),
    ("/waterfall/help", 200, ""),
    ("/builders", 200, ""),
    ("/builders?builder=full&branch=trunk", 200, ""),
    ("/builders/full", 200, ""),
    ("/builders/full?numbuilds=5", 200, ""),
    ("/builders/full/builds", 301, "/builders/full"),
    (FULL, 200, ""),
    ("/builders/my%20builder/builds/0", 200, ""),
    ("/builders/full/builds/-1", 302, "/builders/full/builds/0"),
    ("/builders/full/builds/-2", 404, ""),
    ("/builders/full/builds/-100000000", 404, ""),
    ("/builders/nobody/builds/-1", 404, ""),
    (f"{FULL}/tests", 301, FULL),
    (f"{FULL}/tests/pkg.test.Case.test_a", 301, FULL),
    (f"{FULL}/steps", 301, FULL),
    (f"{FULL}/steps/test", 200, ""),
    (f"{FULL}/steps/test/logs", 301, f"{FULL}/steps/test"),
    (f"{FULL}/steps/test/logs/stdio", 200, ""),
    (f"{FULL}/steps/test/logs/stdio/text", 200, ""),
    ("/buildslaves", 200, ""),
    ("/buildslaves?no_builders=1", 200, ""),
    ("/buildslaves/bot1", 200, ""),
    ("/buildslaves/bot1?numbuilds=10", 200, ""),
    ("/one_line_per_build", 200, ""),
    ("/one_line_per_build?numbuilds=10&builder=full", 200, ""),
    ("/one_line_per_build/full", 200, ""),
    ("/one_box_per_builder", 301, "/builders"),
    ("/buildstatus?builder=full&number=0", 301, FULL),
    ("/buildstatus?builder=full", 400, ""),
    ("/atom", 200, ""),
    ("/rss", 200, ""),
    ("/about", 200, ""),
    ("/grid?width=5&branch=trunk", 200, ""),
    ("/tgrid?length=5", 200, ""),
    ("/console?category=x", 200, ""),
    ("/users", 302, "/changes"),
    ("/users/1", 302, "/changes"),
    ("/users/nobody", 404, ""),
    ("/login", 200, ""),
    ("/json/builders/full/builds/-1?as_text=1", 200, ""),
    ("/json/project", 200, ""),
    ("/authfail", 403, ""),
    ("/authzfail", 403, ""),
    ("/png?builder=full&size=small", 200, ""),
)


class OldCase(WebWorld):
    """A master with builds of all builders."""

    STATUS = ""
    CONFIG = CONFIG

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.write(self.CONFIG)
        self.successResultOf(self.start())
        self.connect(onCommand=lambda command: command.end(0))
        for name in self.master.status.getBuilderNames():
            ensureDeferred(self.master.commands["force"](name, reason="try", who="ann"))
            self.wait(2)
        self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "mend", revision="77")))
        self.wait(2)


class OldUrlTests(OldCase):
    """People follow their bookmarks, mails and bug trackers."""

    def test_oldUrls(self) -> None:
        """Each old URL shows its page, or leads to it at once; the page that it leads to exists."""
        wrong = []
        for url, status, target in URLS:
            answer = self.ask(url)
            place = urljoin(url, answer.headers.get("location", ""))
            isThere = place == target or (target == "/static/" and place.startswith(target))
            if answer.status != status or (target and not isThere):
                wrong.append((url, answer.status, place))
            elif target and self.ask(place).status != 200:
                wrong.append((url, self.ask(place).status, place))
        self.assertEqual(wrong, [])
        self.assertGreaterEqual(len(URLS), 60)

    def test_nearName(self) -> None:
        """A wrong name of a builder is told with the right one."""
        self.assertIn("There is a builder full", self.ask("/ful").text)


class WaterfallTests(OldCase):
    """The master of 0.7.5 has an html.Waterfall."""

    CONFIG = CONFIG.replace("html.WebStatus(http_port=8010)", "html.Waterfall(http_port=8010)")

    def test_root(self) -> None:
        """The first page is the waterfall; show= chooses its builders, and links lead to their pages."""
        text = self.ask("/").text
        self.assertIn('class="waterfall"', text)
        self.assertIn('href="builders/my%20builder/builds/0"', text)
        chosen = self.ask("/?show=full").text
        self.assertIn('href="builders/full/builds/0"', chosen)
        self.assertNotIn('href="builders/my%20builder/builds/0"', chosen)
        self.assertEqual(self.ask("/full/builds/0/step-test/0/text").status, 301)


class UsersTests(OldCase):
    """A builder is called "users"."""

    CONFIG = CONFIG.replace("'full'", "'users'")

    def test_builder(self) -> None:
        """Its old URLs lead to it and not to the changes."""
        for url, place in (
            ("/users", "/builders/users"),
            ("/users/builds", "/builders/users"),
            ("/users/builds/0", "/builders/users/builds/0"),
            ("/users/builds/0/step-test", "/builders/users/builds/0/steps/test"),
        ):
            self.assertEqual(urljoin(url, self.ask(url).headers["location"]), place)

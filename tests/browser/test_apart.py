"""A person uses the pages of a process apart from the master: forces a build, and sees its log grow."""

from __future__ import annotations

from tests.browser.chromium import Device
from tests.browser.site import BrowserCase
from tests.ports import freePort

#: Added to the configuration of the demo. The builder's only step prints until there is a file GO.
MORE = r"""
printing = factory.BuildFactory()
printing.addStep(ShellCommand, name="print", command="until test -e GO; do date; sleep 0.2; done; echo over")
c['builders'].append(
    {'name': "apart", 'slavename': "bot1", 'builddir': "apart", 'factory': printing})
from buildbot.status.web.authz import Authz
c['status'] = [WebStatus(http_port='tcp:WEB:interface=127.0.0.1', authz=Authz(default_action=True))]
"""
_FORCE = "document.querySelector('form[action*=force] %s')"
_COUNT = "document.querySelectorAll('#log [id^=L]').length"
#: The text of the log.
_TEXT = "document.getElementById('log').innerText"


class ApartTests(BrowserCase):
    """The browser knows the port of the process alone."""

    def addBuilders(self, web: int) -> None:
        """Add the builder, and start the process."""
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(MORE.replace("GO", self.path("go")).replace("WEB", str(web)))
        self.ok("reconfig", self.master)
        self.until(
            lambda: "apart" in self.asked("status", slave="bot1")["slaves"][0]["attachedTo"], "attached"
        )
        port = freePort()
        self.ok("start", "--pages-only", "--http-port", f"tcp:{port}:interface=127.0.0.1", self.master)
        self.addCleanup(self.ok, "stop", "--pages-only", self.master)
        self.root = f"http://127.0.0.1:{port}/"

    def test_build(self) -> None:
        """A click forces a build in the master; its log grows on the open page, up to the end."""
        tab = self.tab(Device(1280))
        self.assertEqual(tab.open(f"{self.root}builders/apart"), 200)
        tab.value(f"{_FORCE % '[name=comments]'}.value = 'through the pages'")
        tab.value(f"{_FORCE % 'button'}.click()")
        tab.until(
            "document.readyState === 'complete' && /Done:/.test(document.body.innerText)", "the outcome"
        )
        self.until(lambda: bool(self.asked("builds", builder="apart")["running"]), "the build runs")
        (build,) = self.asked("builds", builder="apart")["running"]
        self.assertIn("through the pages", build["reason"])

        tab.open(f"{self.root}builders/apart/builds/0/steps/print/logs/stdio")
        tab.until("document.getElementById('live-state').textContent === 'Live.'", "the log is live")
        before = tab.until(_COUNT, "there are lines")
        tab.until(f"{_COUNT} > {before} + 5", "the log grows")
        self.go()
        tab.until(f"/over/.test({_TEXT})", "the end of the log")
        self.whenFinished("apart", 0)
        tab.open(f"{self.root}builders/apart/builds/0")
        self.assertIn("success", tab.value("document.querySelector('main').innerText").lower())
        self.assertEqual(tab.messages, [])

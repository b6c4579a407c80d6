"""A person logs in, is refused, and comes back after the end of the session: with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

from tests.browser.chromium import Device, Tab
from tests.browser.site import BrowserCase

#: Added to the configuration of the demo: only ann is an administrator; one page is broken.
MORE = """
from buildbot.status.web.auth import BasicAuth
from buildbot.status.web.authz import Authz
from buildbot.status.web.base import HtmlResource
class Broken(HtmlResource):
    def body(self, request):
        raise ValueError("broken")
web = WebStatus(http_port=WEB, authz=Authz(auth=BasicAuth([("ann", "ann's word"), ("bob", "bob's word")]),
    default_action="auth", admin=lambda user, *args: user == "ann"))
web.putChild("broken", Broken())
c['status'] = [web]
"""
_HERE = "document.activeElement.matches(%r)"
_READY = "!window.isOld && document.readyState === 'complete'"


class LoginTests(BrowserCase):
    """A person without a mouse, on a master with accounts."""

    def addBuilders(self, web: int) -> None:
        """Add the accounts."""
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(MORE.replace("WEB", repr(f"tcp:{web}:interface=127.0.0.1")))
        self.ok("reconfig", self.master)

    def test_logins(self) -> None:
        """Login, tokens, sessions and logout need the keyboard alone; a session that ends costs no text.

        Refusals (401, 403, 429), a wrong password and a broken page (500) break no rule of axe-core, in light
        and dark (rows 72 and 73).
        """
        tab = self.tab(Device(1280))
        self.refused(tab, "builders/first/force", 401)
        self.assertEqual(self.logIn(tab, "ann", "wrong"), 401)
        self.isGood(tab, "a wrong password")
        self.assertEqual(self.logIn(tab, "bob", "bob's word"), 200)
        self.refused(tab, "audit", 403)
        self.logOut(tab)
        self.tokens(tab)
        self.expired(tab)
        self.logOut(tab)
        self.forgotten(tab)
        tab.open(self.root + "broken")
        self.assertEqual(tab.status, 500)
        self.isGood(tab, "a broken page")
        for _ in range(9):
            if self.logIn(tab, "bob", "wrong") == 429:
                break
        self.assertEqual(tab.status, 429)
        self.isGood(tab, "too many logins")

    def refused(self, tab: Tab, address: str, status: int) -> None:
        """Open a page or an action that is refused."""
        tab.open(self.root + address)
        if tab.status == 200:
            self.sent(tab, lambda: tab.value("void document.querySelector('main form').submit()"))
        self.assertEqual(tab.status, status, address)
        self.isGood(tab, f"{status}: {address}")

    def sent(self, tab: Tab, act: Callable[[], object]) -> None:
        """Do what loads another page, and wait for that page."""
        tab.value("window.isOld = true")
        act()
        tab.until(_READY, "the answer")

    def reach(self, tab: Tab, selector: str) -> None:
        """Press Tab until an element has the focus; Enter opens what is folded."""
        for _ in range(100):
            tab.press("Tab")
            if tab.value(_HERE % selector):
                return
            if tab.value(_HERE % "details:not([open]) > summary"):
                tab.press("Enter", text="\r")
        self.fail(f"Tab does not reach {selector}")

    def enter(self, tab: Tab, selector: str, **fields: str) -> None:
        """Fill in some fields of a form in their order, and press Enter on its button."""
        for name, text in fields.items():
            self.reach(tab, f"{selector} [name={name}]")
            tab.ask("Input.insertText", text=text)
        self.reach(tab, f"{selector} button")
        self.sent(tab, lambda: tab.press("Enter", text="\r"))

    def logIn(self, tab: Tab, name: str, password: str) -> int:
        """Log in; return the status of the answer."""
        tab.open(self.root + "login")
        self.enter(tab, "main form", username=name, passwd=password)
        return tab.status

    def logOut(self, tab: Tab) -> None:
        """Log out."""
        tab.open(self.root + "logout")
        self.enter(tab, "main form")
        self.assertEqual(tab.open(self.root + "tokens"), 401)

    def tokens(self, tab: Tab) -> None:
        """Make a token and revoke it, and end the session of another browser."""
        self.logIn(tab, "ann", "ann's word")
        other = self.tab(Device(1280))
        self.logIn(other, "ann", "ann's word")
        tab.open(self.root + "tokens")
        self.reach(tab, "form[action$=tokens] [name=name]")
        tab.ask("Input.insertText", text="nightly")
        self.reach(tab, "form[action$=tokens] [name=action]")
        tab.press(" ", "Space", " ")
        self.enter(tab, "form[action$=tokens]")
        self.assertIn("shown only now", tab.value("document.querySelector('main').innerText"))
        self.enter(tab, "form[action$=revoke]")
        self.assertIn("There are no tokens", tab.value("document.querySelector('main').innerText"))
        self.enter(tab, "form[action$=sessions]")
        self.assertEqual(other.open(self.root + "tokens"), 401)
        other.close()

    def expired(self, tab: Tab) -> None:
        """The session ends while a form is filled in: after the next login, the text is in the form again."""
        self.assertEqual(self.logIn(tab, "ann", "ann's word"), 200)
        tab.open(self.root + "builders/first")
        force = "form[action*=force]"
        self.reach(tab, f"{force} [name=comments]")
        tab.ask("Input.insertText", text="a long reason")
        other = self.tab(Device(1280))
        self.logIn(other, "ann", "ann's word")
        other.open(self.root + "tokens")
        self.enter(other, "form[action$=sessions]")
        other.close()
        self.sent(tab, lambda: tab.press("Enter", text="\r"))
        self.assertEqual(tab.status, 401)
        self.isGood(tab, "an expired login")
        self.reach(tab, ".who a")
        self.sent(tab, lambda: tab.press("Enter", text="\r"))
        self.enter(tab, "main form", username="ann", passwd="ann's word")
        self.assertTrue(tab.url.endswith("/builders/first/force"), tab.url)
        field = f"document.querySelector('{force} [name=comments]').value"
        self.assertEqual(tab.value(field), "a long reason")
        self.enter(tab, force)
        self.whenFinished("first", 1)
        reason = self.asked("builds", builder="first", count=1)["finished"][0]["reason"]
        self.assertIn("a long reason", reason)

    def forgotten(self, tab: Tab) -> None:
        """A text in a refused form is not shown to the next user: after a logout, or another login."""
        kept = "sessionStorage.getItem('typed') || ''"
        for isLoggedOut in (True, False):
            self.logIn(tab, "ann", "ann's word")
            tab.open(self.root + "builders/first")
            tab.value(
                f"keep({{ user: userName(), form: '{self.root}builders/first/force', "
                "values: [['comments true', 'for my eyes']] })"
            )
            self.assertIn("for my eyes", tab.value(kept))
            if isLoggedOut:
                self.logOut(tab)
                self.assertNotIn("for my eyes", tab.value(kept))
            self.logIn(tab, "bob", "bob's word")
            tab.open(self.root + "builders/first")
            self.assertNotIn("for my eyes", tab.value(kept))
            fields = "[...document.querySelectorAll('input, textarea')].map((field) => field.value).join()"
            self.assertNotIn("for my eyes", tab.value(fields))
            self.logOut(tab)

"""The arguments of the web servers, and the warnings about them."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.reconfig.fileload import readConfig
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.oldauth import BasicAuth
from buildbot.web.service import WebStatus
from buildbot.web.waterfall import Waterfall

AUTH = BasicAuth([("ann", "correct horse")])


class WaterfallTests(unittest.SynchronousTestCase):
    """The web server of 0.7.5."""

    def test_closed(self) -> None:
        """Nobody may act on a Waterfall without allowForce, and checkconfig has no warning about it."""
        self.assertEqual(Waterfall(8010).configurationDoubts, [])
        self.assertEqual(Waterfall(8010, allowForce=False).configurationDoubts, [])

    def test_open(self) -> None:
        """With allowForce=True everybody may act, as in 0.7.5, and checkconfig warns."""
        (doubt,) = Waterfall(8010, allowForce=True).configurationDoubts
        self.assertIn("Waterfall: everybody who can open the web pages may do this", doubt)
        self.assertIn("forceBuild", doubt)


class SubclassTests(unittest.SynchronousTestCase):
    """Web servers of a site, as in 0.8."""

    def test_ownStatus(self) -> None:
        """One whose getStatus() hides builders is told that it does so only on its own pages."""

        class Filtered(WebStatus):
            def getStatus(self) -> object:
                return None

        (doubt,) = Filtered(8010).configurationDoubts
        self.assertIn("getStatus() changes only what pages of your own show", doubt)


class ArgumentTests(unittest.SynchronousTestCase):
    """Who one is, and what one may do."""

    def test_taken(self) -> None:
        """WebStatus takes an Authz, or an auth that checks passwords."""
        authz = Authz(auth=AUTH, forceBuild="auth")
        self.assertIs(WebStatus(8010, authz=authz).authz, authz)
        self.assertIs(WebStatus(8010, allowForce=True, auth=AUTH).auth, AUTH)

    def test_consoleOrder(self) -> None:
        """A subclass may read the order of the console by the name that 0.8 gives it, too."""
        status = WebStatus(8010, order_console_by_time=True)
        self.assertTrue(status.orderConsoleByTime and status.order_console_by_time)

    def test_refused(self) -> None:
        """An auth in place of an Authz is an error, and so is a list of passwords in place of an auth."""
        why = self.assertRaises(BadArguments, lambda: WebStatus(8010, authz=AUTH))
        self.assertIn("authz must be an Authz, or None", str(why))
        why = self.assertRaises(BadArguments, lambda: WebStatus(8010, auth=[("ann", "correct horse")]))
        self.assertIn("auth must be an object with authenticate() and errmsg()", str(why))
        self.assertNotIn("horse", str(why))

    def test_contradictions(self) -> None:
        """Arguments that contradict each other are errors; those that do nothing are warned of."""
        why = self.assertRaises(BadArguments, lambda: WebStatus(8010, num_events=50, num_events_max=20))
        self.assertIn("num_events_max must be at least num_events", str(why))
        why = self.assertRaises(BadArguments, lambda: WebStatus(8010, authz=Authz(), allowForce=True))
        self.assertIn("write either authz= or allowForce= and auth=", str(why))
        self.assertEqual(
            WebStatus(8010, distrib_port=8011, jinja_loaders=["x"]).configurationDoubts,
            [
                "WebStatus: distrib_port does nothing: leave it out",
                "WebStatus: jinja_loaders does nothing: the pages have no templates",
            ],
        )


class LoginTests(unittest.SynchronousTestCase):
    """Whether people log in to the pages, for the warning about their address."""

    def test_logins(self) -> None:
        """An C{auth}, a proxy that names the user and the file of accounts are logins."""
        self.assertFalse(WebStatus().takesLogins)
        self.assertFalse(WebStatus(authz=Authz(view=True)).takesLogins)
        auth = BasicAuth([("ann", "pw")])
        self.assertTrue(WebStatus(auth=auth, allowForce=True).takesLogins)
        self.assertTrue(WebStatus(authz=Authz(auth=auth)).takesLogins)
        self.assertTrue(WebStatus(userHeader="X-User", trustedProxies=["127.0.0.1"]).takesLogins)

    def test_warning(self) -> None:
        """The check of a configuration warns of passwords over http to another host."""
        here = os.path.abspath(self.mktemp())
        os.mkdir(here)
        path = os.path.join(here, "master.cfg")
        with open(path, "w", encoding="ascii") as file:
            file.write(
                "from buildbot.status import html\n"
                "c = BuildmasterConfig = {'bots': [], 'builders': [], 'slavePortnum': 0}\n"
                "c['status'] = [html.WebStatus(http_port=8010)]\n"
                "c['buildbotURL'] = 'http://ci.example.org/'\n"
            )
        self.assertNotIn("passwords", repr(readConfig(path, here).warnings))
        with open(os.path.join(here, "accounts"), "w", encoding="ascii"):
            pass
        self.assertIn("passwords", repr(readConfig(path, here).warnings))

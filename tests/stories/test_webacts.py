"""People act on pages: they log in, force, stop, cancel and pause; others may not."""

from __future__ import annotations

import re
import xmlrpc.client
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode, urljoin

from twisted.internet.defer import ensureDeferred, execute

from buildbot.control.audit import By
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.status.topics import builderTopic
from buildbot.web import lastforced
from buildbot.web.accounts import checking
from buildbot.web.accounts.accounts import Account
from buildbot.web.accounts.accountsfile import changeAccounts
from buildbot.web.accounts.passwords import hashed
from buildbot.web.accounts.rights import actionName
from buildbot.web.lastforced import keptOf
from buildbot.web.serving.v2 import idOf
from buildbot.web.table import TABLE
from tests.quickhash import hashQuickly
from tests.stories.test_webpages import CONFIG
from tests.stories.web import Response, WebWorld

PASSWORD = "correct horse"
#: Made once: it takes time on purpose.
OWN = {"Sec_Fetch_Site": "same-origin"}
AUTHZ = """
from buildbot.web.accounts.authz import Authz
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(
    default_action='auth', disconnectSlave='auth', reconfig='role:admin', admin='role:admin'))]
"""


class ActingCase(WebWorld):
    """A master with one builder, its slave, and accounts."""

    STATUS = ""
    #: What follows in master.cfg.
    MORE = AUTHZ

    def setUp(self) -> None:
        WebWorld.setUp(self)
        hashQuickly(self)
        self.patch(checking.PasswordChecker.__init__, "__defaults__", (lambda function: execute(function),))
        self.write(CONFIG + self.MORE)
        self.account("ann", "admin")
        self.account("bob")
        self.successResultOf(self.start())
        self.commands: list[Any] = []
        self.connect(onCommand=self.commands.append)
        self.cookie = ""

    def account(self, name: str, *roles: str) -> None:
        """Make an account."""
        made = Account(name, hashed(PASSWORD, b"0123456789abcdef"), frozenset(roles))
        changeAccounts(self.basedir, lambda accounts: accounts.withOne(made))

    def post(self, path: str, /, **fields: Any) -> Response:
        """Send a form from a page of this site."""
        return self.send(path, fields, **OWN)

    def send(self, path: str, fields: dict[str, Any], **headers: str) -> Response:
        """Send a form with these headers."""
        if self.cookie:
            headers.setdefault("Cookie", self.cookie)
        body = urlencode(fields, doseq=True).encode()
        asked = self.ask(path, "POST", body, Content_Type="application/x-www-form-urlencoded", **headers)
        self.settle()
        return asked

    def get(self, path: str, **headers: Any) -> Response:
        """Look at a page."""
        if self.cookie:
            headers.setdefault("Cookie", self.cookie)
        return self.ask(path, **headers)

    def logIn(self, name: str = "ann", password: str = PASSWORD, target: str = "") -> Response:
        """Log in, and keep the cookie."""
        answer = self.post("/login", username=name, passwd=password, next=target)
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    def follow(self, path: str, answer: Response) -> Response:
        """The page to which an action leads."""
        self.assertEqual(answer.status, 303, answer.text)
        segments = path.split("/")[:-1]
        for each in answer.headers["location"].split("/"):
            if each == "..":
                segments.pop()
            elif each != ".":
                segments.append(each)
        return self.get("/".join(segments))

    def force(self, **fields: Any) -> Response:
        """Force a build, and look at the page to which that leads."""
        path = "/builders/full/force"
        page = self.follow(path, self.post(path, **fields))
        self.reactor.advance(0)
        self.settle()
        return page

    def end(self) -> None:
        """End the steps of the running build."""
        while self.master.botmaster.builders["full"].building:
            self.commands[-1].end(0)
            self.wait(2)


class LoginTests(ActingCase):
    """A person logs in and out."""

    def test_login(self) -> None:
        """A right password leads back to the page; the name is in the header of the page."""
        answer = self.logIn(target="/builders/full?numbuilds=3")
        self.assertEqual((answer.status, answer.headers["location"]), (303, "./builders/full?numbuilds=3"))
        for part in ("HttpOnly", "SameSite=Lax"):
            self.assertIn(part, answer.headers["set-cookie"])
        page = self.get("/builders/full")
        self.assertIn(">ann</a>", page.text)
        self.assertEqual(page.headers["cache-control"], "private, no-store")

    def test_wrong(self) -> None:
        """After a wrong password the form comes again; then the right one works."""
        answer = self.logIn(password="wrong")
        self.assertEqual(answer.status, 401)
        self.assertNotIn("set-cookie", answer.headers)
        self.assertNotIn("www-authenticate", answer.headers)
        self.assertIn('name="passwd"', answer.text)
        self.assertNotIn("wrong horse", answer.text)
        self.assertEqual(self.logIn().status, 303)

    def test_tooOften(self) -> None:
        """After many wrong passwords, the next attempt must wait."""
        for _ in range(5):
            self.logIn(password="wrong")
        answer = self.logIn()
        self.assertEqual(answer.status, 429)
        self.assertGreater(int(answer.headers["retry-after"]), 0)

    def test_twice(self) -> None:
        """A second login ends the session of the first."""
        self.logIn()
        first = self.cookie
        self.logIn("bob")
        self.assertNotEqual(self.cookie, first)
        self.assertIn(">bob</a>", self.get("/").text)
        self.cookie = first
        self.assertIn("Log in", self.get("/").text)

    def test_logout(self) -> None:
        """A logout ends the session at once; a link to it only asks."""
        self.logIn()
        self.assertIn("<form", self.get("/logout").text)
        self.assertIn(">ann</a>", self.get("/").text)
        answer = self.post("/logout")
        self.assertIn("Max-Age=0", answer.headers["set-cookie"])
        self.assertNotIn(">ann</a>", self.get("/").text)

    def test_logoutStays(self) -> None:
        """After a logout, one is on the same page as before; a foreign target leads to the first page."""
        self.logIn()
        page = "/builders/full?numbuilds=3"
        form = re.search(r'<form [^>]*action="([^"]*/logout)">(.*?)</form>', self.get(page).text)
        assert form is not None
        (target,) = re.findall('name="next" value="([^"]*)"', form[2])
        answer = self.post(urljoin(page, form[1]), next=unescape(target))
        self.assertEqual(urljoin("/logout", answer.headers["location"]), page)
        self.assertEqual(self.get(page).status, 200)
        self.logIn()
        for wrong in ("//evil.example", "https://evil.example/", "/../x", ""):
            self.assertEqual(self.post("/logout", next=wrong).headers["location"], "./", wrong)

    def test_restart(self) -> None:
        """A session outlives a restart of the master."""
        self.logIn()
        self.stop()
        self.successResultOf(self.start())
        self.assertIn(">ann</a>", self.get("/").text)

    def test_expired(self) -> None:
        """A refused form leads back to itself after the login; its values are not in the address."""
        page = self.post("/builders/full/force", comments="because")
        self.assertEqual(page.status, 401)
        self.assertIn('login?next=%2Fbuilders%2Ffull%2Fforce"', page.text)
        self.assertNotIn("next=", self.post("/tokens/revoke", id="1").text)
        self.assertIn("Log in to act here", self.get("/builders/full/force").text)

    def test_foreignTarget(self) -> None:
        """A login never leads to another site."""
        for target in ("//evil.example", "https://evil.example/", "/\\evil.example", "/a\r\nX: y", "/../x"):
            self.assertEqual(self.logIn(target=target).headers["location"], "./", target)
        self.assertEqual(self.logIn(target="/javascript:alert(1)").headers["location"][:2], "./")

    def test_basic(self) -> None:
        """A script can send the name and the password with each request."""
        right = "Basic YW5uOmNvcnJlY3QgaG9yc2U="
        self.assertIn(">ann</a>", self.get("/", Authorization=right).text)
        wrong = self.get("/", Authorization="Basic YW5uOndyb25n")
        self.assertEqual(wrong.status, 401)
        self.assertIn("Basic", wrong.headers["www-authenticate"])

    def test_oldRefusals(self) -> None:
        """The pages to which 0.8 sent people without a right say what to do."""
        for path in ("/authfail", "/authzfail"):
            answer = self.get(path)
            self.assertEqual(answer.status, 403)
            self.assertIn("Log in", answer.text)

    def test_rights(self) -> None:
        """A page tells everybody his rights."""
        self.assertIn("Log in to force builds", self.get("/me").text)
        self.logIn("bob")
        page = self.get("/me?builder=full").text
        self.assertIn("bob may force builds", page)
        self.assertIn("bob may not reconfigure the master", page)


class HostTests(ActingCase):
    """Requests come from elsewhere."""

    def test_host(self) -> None:
        """A request for a foreign host name is refused, whatever it asks for."""
        for path in ("/", "/login", "/builders/full/force"):
            self.assertEqual(self.ask(path, Host="evil.example").status, 421)
        for host in ("localhost:8010", "127.0.0.1", "[::1]:8010", "10.1.2.3"):
            self.assertEqual(self.ask("/", Host=host).status, 200, host)

    def test_origin(self) -> None:
        """A form of another site is refused; one of this site is not."""
        self.logIn()
        self.force()
        path, fields = "/builders/full/builds/0/stop", {"comments": "x"}
        here = "http://127.0.0.1:8010"
        for headers, wanted in (
            ({"Sec_Fetch_Site": "same-origin"}, 303),
            ({"Sec_Fetch_Site": "none"}, 303),
            ({"Sec_Fetch_Site": "cross-site"}, 403),
            ({"Sec_Fetch_Site": "same-site"}, 403),
            ({"Sec_Fetch_Site": "cross-site", "Origin": here}, 403),
            ({"Origin": here}, 303),
            ({"Origin": "http://127.0.0.1:9999"}, 403),
            ({"Origin": "https://127.0.0.1:8010"}, 403),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Sec_Fetch_Site": ""}, 403),
            ({}, 401),  # no browser: the cookie does not count
        ):
            self.assertEqual(self.send(path, fields, **headers).status, wanted, headers)


class EveryRouteTests(ActingCase):
    """All routes, whoever adds one."""

    def test_foreign(self) -> None:
        """Row 47: no route that can change something takes a request from another site."""
        self.logIn()
        values = {"builder": "full", "number:int": "0", "slave": "bot1"}
        routes = [each for each in TABLE if each.method != "GET"]
        self.assertGreater(len(routes), 30)
        for route in routes:
            path = re.sub(r"\{([^}]+)\}", lambda found: values.get(found[1], "x"), route.path)
            headers = {"Cookie": self.cookie, "Sec_Fetch_Site": "cross-site"}
            answer = self.ask(path, route.method, b"{}", Content_Type="application/json", **headers)
            self.assertEqual(answer.status, 403, route.path)
        self.assertEqual(self.actions(), [])

    def test_actions(self) -> None:
        """Every route needs an action that C{Authz} knows."""
        for route in TABLE:
            if route.action:  # else everybody may
                self.assertEqual(actionName(route.action), route.action, route.path)


class BuildActsTests(ActingCase):
    """A person with an account acts on builds."""

    def test_force(self) -> None:
        """A forced build begins, and its page says so once; who did it is recorded."""
        self.logIn()
        page = self.force(comments="because <b>", branch="topic", property1name="a", property1value="1")
        self.assertIn("The build is forced.", page.text)
        self.assertIn("forced by ann: because &lt;b&gt;", page.text)
        self.assertNotIn("The build is forced.", self.get("/builders/full/builds/0").text)
        (entry,) = self.actions()
        self.assertEqual(
            (entry.who, entry.how, entry.address, entry.action, entry.subject, entry.outcome),
            ("ann", "session", "127.0.0.1", "forceBuild", "builder/full", "done"),
        )
        self.assertIn("because &lt;b&gt;", self.get("/audit").text)

    def test_auditLinks(self) -> None:
        """The record of actions leads to the page of each builder, build and slave that still exists."""
        audit = self.master.audit
        for subject in ("builder/full", "builder/full/build/7", "builder/no%20more/build/7", "slave/bot1"):
            self.successResultOf(ensureDeferred(audit.record(By("ann"), "look", subject)))
        self.successResultOf(ensureDeferred(audit.record(By("ann"), "look", "token/a%3Cb")))
        self.logIn()
        page = self.get("/audit").text
        for shown in (
            '<a href="builders/full">full</a>',
            '<a href="builders/full/builds/7">full #7</a>',
            '<a href="buildslaves/bot1">bot1</a>',
            ">builder no more build 7<",
            ">token a&lt;b<",
        ):
            self.assertIn(shown, page)

    def test_lastValues(self) -> None:
        """The form has the values that the person used last, but no reason and no secret, for all time."""
        self.logIn()
        given = {"property1name": "flavour", "property1value": "slow", "property2name": "api_token"}
        self.force(comments="once", branch="topic", **given, property2value="sekrit99")
        self.end()
        for _ in range(2):
            page = self.get("/builders/full").text
            self.assertIn('name="branch" value="topic"', page)
            self.assertIn('name="property1value" value="slow"', page)
            self.assertIn("The fields have the values that were used last.", page)
            form = page.split('action="full/force"')[-1] if 'action="full/force"' in page else page
            self.assertNotIn('value="sekrit99"', form)
            self.assertNotIn('name="comments" value="once"', form)
            self.patch(lastforced.LastForced, "_of", lastforced.LastForced._read)  # as after a restart
            self.master.status.topics.touch(builderTopic("full"))

    def test_lastOfNobody(self) -> None:
        """For visitors without a login, only the place of the source is kept."""
        given = {"branch": ["b"], "property1name": ["a"], "property1value": ["1"], "reason": ["r"]}
        self.assertEqual(keptOf(given, False), {"branch": ["b"]})
        self.assertEqual(sorted(keptOf(given, True)), ["branch", "property1name", "property1value"])
        self.assertEqual(keptOf({"branch": ["x" * 501]}, True), {})

    def test_wrongBranch(self) -> None:
        """A branch that could be an option of a command is refused, with a reason."""
        self.logIn()
        answer = self.post("/builders/full/force", branch="--exec=x", property1value="y")
        self.assertEqual(answer.status, 400)
        self.assertIn("the branch may have letters", answer.text)
        self.assertIn("property 1 has a value, but no name", answer.text)
        self.assertEqual(self.master.botmaster.builders["full"].building, [])

    def test_stop(self) -> None:
        """A running build is stopped; a second time the page says that it does not run."""
        self.logIn()
        self.force()
        path = "/builders/full/builds/0/stop"
        self.assertIn("Build 0 is being stopped.", self.follow(path, self.post(path, comments="no")).text)
        self.end()
        self.assertIn("is not running", self.follow(path, self.post(path)).text)
        self.assertIn("stopped by ann: no", self.get("/audit").text + self.get("/builders/full").text)

    def test_rebuild(self) -> None:
        """A finished build is built again; a running one is not."""
        self.logIn()
        self.force(revision="12")
        path = "/builders/full/builds/0/rebuild"
        self.assertIn("still running", self.follow(path, self.post(path)).text)
        self.end()
        page = self.follow(path, self.post(path, comments="again"))
        self.assertIn("rebuild of 0 by ann: again", page.text)

    def test_ofRemovedBuilder(self) -> None:
        """The build of a builder that is removed from the configuration has no button that cannot work."""
        self.logIn()
        self.force()
        self.end()
        self.assertIn(">Rebuild</button>", self.get("/builders/full/builds/0").text)
        self.edit("'name': 'full'", "'name': 'other'")
        self.assertTrue(self.reconfig()["applied"])
        page = self.get("/builders/full/builds/0")
        self.assertEqual(page.status, 200)
        self.assertNotIn(">Rebuild</button>", page.text)

    def test_missing(self) -> None:
        """The form of an action on something that does not exist says so, before anybody fills it in."""
        self.logIn()
        for path in ("builders/none/ping", "builders/full/builds/7/stop", "buildslaves/none/pause"):
            self.assertEqual(self.get(f"/{path}").status, 404, path)
        self.force()
        page = self.get("/builders/full/builds/0/stop").text
        self.assertIn('<a href="../../../../builders/full/builds/0">Build 0</a>', page)
        self.end()

    def test_cancel(self) -> None:
        """One waiting request is cancelled, then all others."""
        self.logIn()
        for revision in "1234":
            self.force(revision=revision)
        builder = self.master.botmaster.builders["full"]
        self.assertEqual(len(builder.pending), 3)
        path = "/builders/full/cancelbuild"
        first = builder.pending[0].id
        self.assertIn("is cancelled", self.follow(path, self.post(path, id=first)).text)
        self.assertIn("does not wait", self.follow(path, self.post(path, id=first)).text)
        self.assertEqual(self.post(path, id="1; drop").status, 400)
        self.assertIn("2 requests cancelled", self.follow(path, self.post(path, id="all")).text)
        self.assertEqual(builder.pending, [])

    def test_getChangesNothing(self) -> None:
        """The old addresses of actions ask for confirmation, and change nothing."""
        self.logIn()
        self.force()
        builder = self.master.botmaster.builders["full"]
        for path in (
            "/builders/full/force?comments=x&branch=y",
            "/full/force?username=me&comments=x",
            "/builders/full/ping",
            "/full/ping",
            "/builders/full/builds/0/stop?comments=x",
            "/full/builds/0/stop",
            "/builders/full/builds/0/rebuild",
            "/builders/full/cancelbuild?id=all",
            "/builders/full/stopchange?change=1",
        ):
            page = self.get(path)
            self.assertEqual(page.status, 200, path)
            self.assertIn('method="post"', page.text, path)
            self.assertIn("Nothing has been changed", page.text, path)
        self.assertEqual((len(builder.building), len(builder.pending)), (1, 0))
        self.assertEqual(len(self.actions()), 1)

    def test_hostile(self) -> None:
        """Names and reasons in addresses and forms never become markup."""
        self.logIn()
        bad = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E"
        for path in (
            f"/builders/full/force?comments={bad}&branch={bad}&username={bad}",
            f"/builders/{bad}/force",
            f"/login?next={bad}",
            f"/builders/full?done={bad}",
            f"/builders/full/builds/0/stop?comments={bad}",
        ):
            self.assertNotIn("<script>alert", self.get(path).text, path)
        page = self.force(comments='"><script>alert(1)</script>')
        self.assertNotIn("<script>alert", page.text)
        self.assertNotIn("<script>alert", self.get("/audit").text)

    def test_notice(self) -> None:
        """The message about an action is for the person who acted, and its address has no text of it."""
        self.logIn()
        self.force()
        self.end()
        path = "/builders/full/builds/0/stop"
        answer = self.post(path)
        self.assertTrue(re.search(r"\?done=[\w-]{12}$", answer.headers["location"]))
        self.assertIn("Not done:", self.follow(path, answer).text)
        code = answer.headers["location"].partition("?")[2]
        self.assertIn("not running", self.get(f"/builders/full?{code}").text)
        self.logIn("bob")
        self.assertNotIn("Not done:", self.get(f"/builders/full?{code}").text)


#: Row 46: fourteen actions, each as its path and its fields.
ACTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/builders/full/force", {"comments": "x"}),
    ("/builders/full/builds/0/rebuild", {}),
    ("/builders/full/builds/0/stop", {}),
    ("/builders/full/cancelbuild", {"id": "2"}),
    ("/builders/full/cancelbuild", {"id": "all"}),
    ("/builders/full/stopchange", {"change": "1"}),
    ("/builders/full/ping", {}),
    ("/builders/_all/forceall", {}),
    ("/builders/_selected/stopselected", {"selected": "full"}),
    ("/buildslaves/bot1/pause", {"comments": "disk"}),
    ("/buildslaves/bot1/unpause", {}),
    ("/buildslaves/bot1/shutdown", {}),
    ("/reconfig", {}),
    ("/buildslaves/bot1/disconnect", {}),
)


class TableTests(ActingCase):
    """Rows 44 and 46: fourteen actions and six kinds of visitors."""

    MORE = """
from buildbot.web.accounts.authz import Authz
r = 'role:admin'
c['status'] = [html.WebStatus(
    http_port=8010, authz=Authz(default_action=r, disconnectSlave=r, reconfig=r, admin=r))]
"""

    def setUp(self) -> None:
        super().setUp()
        self.logIn()
        for revision in "12":
            self.force(revision=revision)
        self.ann, self.cookie = self.cookie, ""
        self.logIn("bob")
        self.bob, self.cookie = self.cookie, ""

    def state(self) -> Any:
        """What actions would change."""
        builder = self.master.botmaster.builders["full"]
        (slave,) = self.status()["slaves"]
        return (
            [(build.build_status.number, build.stopReason) for build in builder.building],
            [each.id for each in builder.pending],
            (slave["connected"], slave["paused"], self.master.generation),
        )

    def test_refused(self) -> None:
        """Nobody without a right acts, nor does a foreign page, nor one under a foreign name of the host."""
        before = self.state()
        self.assertEqual(len(before[1]), 1)
        visitors: tuple[tuple[int, dict[str, str]], ...] = (
            (401, OWN),
            (403, {**OWN, "Cookie": self.bob}),
            (403, {"Cookie": self.ann, "Sec_Fetch_Site": "cross-site"}),
            (421, {"Cookie": self.ann, "Host": "evil.example", **OWN}),
            (401, {"Cookie": self.ann}),
        )
        for path, fields in ACTS:
            for status, headers in visitors:
                self.assertEqual(self.send(path, fields, **headers).status, status, (path, headers))
        self.assertEqual(self.state(), before)
        refused = [each for each in self.actions() if each.outcome == "refused"]
        self.assertEqual(len(refused), 20)  # of many, the first ones are recorded
        self.assertEqual({each.who for each in refused}, {"", "bob"})

    def test_allowed(self) -> None:
        """Row 52: a person with the right, and a script with the password, do all of it."""
        script = {"Authorization": "Basic YW5uOmNvcnJlY3QgaG9yc2U="}
        for path, fields in ACTS:
            for headers in ({"Cookie": self.ann, **OWN}, script):
                self.assertEqual(self.send(path, fields, **headers).status, 303, path)
        entries = self.actions()
        self.assertEqual(
            {each.action for each in entries},
            {"forceBuild", "rebuild", "stopBuild", "cancelRequest", "cancelAllPendingBuilds", "stopChange"}
            | {"pingBuilder", "forceAllBuilds", "pauseSlave", "drainSlave", "reconfig", "disconnectSlave"},
        )
        self.assertEqual({each.how for each in entries}, {"session", "basic"})

    def test_forms(self) -> None:
        """Pages show forms to those who may act, a link to the login to those who perhaps may."""
        pages = ("/builders/full", "/builders/full/builds/0", "/buildslaves/bot1", "/builders/_selected")
        for path in pages:
            self.assertIn("Log in to act here", self.get(path).text, path)
            bob = self.get(path, Cookie=self.bob).text.replace("logout", "")
            self.assertEqual(bob.count('method="post"'), 1, path)  # to log out
            self.assertNotIn("Log in to act here", bob)
            self.assertGreater(self.get(path, Cookie=self.ann).text.count('method="post"'), 1, path)
        self.assertNotIn("_selected", self.get("/builders").text)
        self.assertIn("_selected", self.get("/builders", Cookie=self.ann).text)

    def test_slave(self) -> None:
        """Pausing a slave is told on its page, with who and why; unpausing ends it."""
        self.cookie = self.ann
        path = "/buildslaves/bot1/pause"
        page = self.follow(path, self.post(path, comments="disk <full>"))
        self.assertIn("The slave is paused", page.text)
        self.assertIn("paused by ann: disk &lt;full&gt;", page.text)
        path = "/buildslaves/bot1/unpause"
        self.assertIn("gets builds again", self.follow(path, self.post(path)).text)
        self.assertIn("is not paused", self.follow(path, self.post(path)).text)

    def test_draining(self) -> None:
        """A slave that is being drained can be unpaused; its page does not offer to drain it again."""
        self.cookie = self.ann
        self.assertIn(">Drain</button>", self.get("/buildslaves/bot1").text)
        self.post("/buildslaves/bot1/pause")
        self.assertIn(">Drain</button>", self.get("/buildslaves/bot1").text)
        path = "/buildslaves/bot1/drain"
        page = self.follow(path, self.post(path)).text
        self.assertNotIn(">Drain</button>", page)
        self.assertIn(">Unpause</button>", page)
        self.post("/buildslaves/bot1/unpause")
        self.assertIn(">Drain</button>", self.get("/buildslaves/bot1").text)

    def test_reconfig(self) -> None:
        """A reconfig tells its outcome, also a refusal."""
        self.cookie = self.ann
        self.edit("c['slavePortnum'] = 9989", "c['slavePortnum'] = 9989\nc['projectName'] = 'Nova'")
        page = self.follow("/reconfig", self.post("/reconfig"))
        self.assertIn("The configuration is in force", page.text)
        self.assertIn("Nova", page.text)
        self.edit("c['projectName'] = 'Nova'", "c['projectName'] = 5")
        page = self.follow("/reconfig", self.post("/reconfig"))
        self.assertIn("Not done:", page.text)
        self.assertIn("projectName", page.text)

    def test_queue(self) -> None:
        """The page of the queue has a link to cancel a request, for those who may."""
        for cookie, wanted in (("", 0), (self.bob, 0), (self.ann, 1)):
            self.cookie = cookie
            page = self.get("/queue")
            self.assertEqual(page.text.count("cancelbuild?id="), wanted)

    def fields(self, page: str, target: str) -> dict[str, str]:
        """The hidden fields of the form with this target."""
        form = re.search(rf'<form [^>]*action="[./]*{re.escape(target)}"[^>]*>(.*?)</form>', page, re.DOTALL)
        assert form is not None, page
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[1])
        return {name: unescape(value) for name, value in hidden}

    def test_back(self) -> None:
        """After an action, a person is on the page with the button again; it tells the outcome."""
        self.cookie = self.ann
        queue = "/queue?builder=full&skip=0"
        found = re.search(r'href="(builders/full/cancelbuild[?][^"]*)"', self.get(queue).text)
        assert found is not None
        asked = self.get(f"/{unescape(found[1])}").text
        fields = self.fields(asked, "builders/full/cancelbuild")
        self.assertEqual(fields, {"came-from": queue})
        id = re.search(r'name="id" value="(\d+)"', asked)
        assert id is not None
        cases = [("/builders/full/cancelbuild", {**fields, "id": id[1]}, queue)]
        self.master.addChange(Change("joe", ["a"], "fix", revision="7"))
        self.settle()
        for page, target in (
            ("/builders/full?numbuilds=3", "builders/full/ping"),
            ("/buildslaves/bot1?numbuilds=3", "buildslaves/bot1/pause"),
            ("/buildslaves/bot1?numbuilds=3", "buildslaves/bot1/disconnect"),
            ("/changes/1", "builders/_all/stopchangeall"),
            ("/builders/_selected?builder=full", "builders/_selected/stopselected"),
        ):
            cases.append(
                (f"/{target}", {**self.fields(self.get(page).text, target), "selected": "full"}, page)
            )
        for target, fields, page in cases:
            answer = self.post(target, **fields)
            back = urljoin(target, answer.headers["location"])
            self.assertEqual(back.partition("done=")[0][:-1], page, target)
            self.assertRegex(self.get(back).text, '<p class="note (done|failed)"', target)

    def test_backToOwnPages(self) -> None:
        """Only a page of this site is a page to come back to."""
        self.cookie = self.ann
        path = "/builders/full/cancelbuild"
        for wrong in (
            "//evil.example",
            "https://evil.example/",
            "queue",
            "/../x",
            "/\\evil.example",
            "",
            "/\nx",
        ):
            answer = self.post(path, id="all", **{"came-from": wrong})
            self.assertEqual(
                urljoin(path, answer.headers["location"]).partition("?")[0], "/builders/full", wrong
            )
        answer = self.post("/reconfig", **{"came-from": "/x:y"})
        self.assertRegex(answer.headers["location"], r"^\./x:y\?done=")

    def test_backAfterLogin(self) -> None:
        """A login leads back to the chosen part of a page, and to the form with the chosen request."""
        page = self.get("/builders/full?numbuilds=3").text
        self.assertIn("next=%2Fbuilders%2Ffull%3Fnumbuilds%3D3", page)
        answer = self.post("/builders/full/cancelbuild", id="7", **{"came-from": "/queue?skip=0"})
        self.assertEqual(answer.status, 401)
        wanted = quote(
            "/builders/full/cancelbuild?id=7&came-from=" + quote("/queue?skip=0", safe=""), safe=""
        )
        self.assertIn(f"next={wanted}", answer.text)

    def test_change(self) -> None:
        """The builds of a change are stopped and its requests cancelled, from the page of the change."""
        self.cookie = self.ann
        self.master.addChange(Change("joe", ["a"], "fix", revision="7"))
        self.settle()
        self.assertIn("Stop the builds of this change", self.get("/changes/1").text)
        change = self.successResultOf(self.store.getChange(1))
        assert change is not None
        source = SourceStamp(changes=[change])
        self.successResultOf(self.master.submitBuildSet(BuildSet(["full"], source, "changes")))
        self.settle()
        path = "/builders/_all/stopchangeall"
        page = self.follow(path, self.post(path, change="1"))
        self.assertIn("0 builds stopped, 1 request cancelled.", page.text)
        self.assertIn("build of change 1 is running", self.follow(path, self.post(path, change="1")).text)

    def test_many(self) -> None:
        """Actions on several builders tell how many they reached; a builder must be chosen."""
        self.cookie = self.ann
        path = "/builders/_selected/cancelpendingselected"
        self.assertEqual(self.post(path).status, 400)
        self.assertEqual(self.post(path, selected="other").status, 404)
        page = self.follow(path, self.post(path, selected=["full", "full"]))
        self.assertIn("1 cancelled request on 1 builder", page.text)
        self.assertIn('href="builders/_selected?builder=full"', self.get("/builders?builder=full").text)
        path = "/builders/_all/stopall"
        self.assertIn("1 stopped build on 1 builder", self.follow(path, self.post(path)).text)

    def test_audit(self) -> None:
        """Row 50: administrators see who did what from where; others see what was done to a builder."""
        self.assertEqual(self.get("/audit").status, 401)
        self.assertEqual(self.get("/audit", Cookie=self.bob).status, 403)
        page = self.get("/audit?subject=builder/full&who=ann&count=1", Cookie=self.ann)
        self.assertIn("session 127.0.0.1", page.text)
        self.assertIn("Older actions", page.text)
        self.assertIn("Only who ann, subject builder/full.", page.text)
        self.assertIn('<a href="audit?who=ann">ann</a>', page.text)
        self.assertIn("No action meets these", self.get("/audit?who=nobody", Cookie=self.ann).text)
        self.assertIn('href="audit"', self.get("/about", Cookie=self.ann).text)
        self.assertNotIn('href="audit"', self.get("/about", Cookie=self.bob).text)
        for _ in range(10):
            self.send("/builders/full/force", {})
        shown = self.get("/builders/full").text
        self.assertIn("Done here", shown)
        self.assertNotIn("refused", shown)
        self.assertNotIn("127.0.0.1", shown)


class PrivateTests(ActingCase):
    """A master whose pages are only for people with an account."""

    MORE = """
from buildbot.web.accounts.authz import Authz
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(view='auth'))]
"""

    def test_view(self) -> None:
        """Strangers see nothing but the login, which leads back to the page; users see the pages."""
        for path in ("/", "/builders/full", "/me", "/waterfall"):
            answer = self.get(path)
            self.assertEqual(answer.status, 401, path)
            self.assertNotIn("bot1", answer.text)
        self.assertIn('href="../login?next=%2Fbuilders%2Ffull"', self.get("/builders/full").text)
        page = self.get("/login?next=%2Fbuilders%2Ffull")
        self.assertEqual(page.status, 200)
        style = re.search(r'href="(static/[^"]+css)"', page.text)
        assert style is not None
        self.assertEqual(self.get(f"/{style[1]}").status, 200)
        self.assertEqual(self.logIn("bob").status, 303)
        self.assertEqual(self.get("/builders/full").status, 200)


class PrivateBuilderTests(ActingCase):
    """Nobody may see the pages of one builder."""

    MORE = """
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(rules=[
    Rule('view', False, builders='full')]))]
"""

    def test_ways(self) -> None:
        """No address of the builder is there: no page, no stream of changes, no number in /api/v2."""
        number = idOf("full")
        for path in (
            "/builders/full",
            "/live?page=%2Fbuilders%2Ffull",
            "/api/v2/builders/full",
            f"/api/v2/builders/{number}",
            f"/api/v2/builders/{number}/builds",
            f"/api/v2/builders/{number}/builds/0",
        ):
            self.assertEqual(self.get(path).status, 404, path)
        self.assertEqual(self.get("/json/builders/full").status, 404)
        question = xmlrpc.client.dumps(("full", 0), "getBuild").encode()
        answer = self.ask("/xmlrpc", "POST", question, Content_Type="text/xml")
        self.assertIn("there is no builder full", answer.text)


class PrivatePropertiesTests(ActingCase):
    """Nobody may see the properties of one builder."""

    MORE = """
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(forceBuild=True, rules=[
    Rule('viewProperties', False, builders='full')]))]
"""

    def test_json(self) -> None:
        """The rule counts for /json of 0.8, too."""
        self.force()
        self.end()
        answer = self.get("/json/builders/full/builds/0")
        self.assertEqual((answer.status, answer.json["properties"]), (200, []))


class LostRoleTests(ActingCase):
    """Only developers may force builds."""

    MORE = """
from buildbot.web.accounts.authz import Authz
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(forceBuild='role:dev'))]
"""

    def test_kept(self) -> None:
        """A person who loses a role is not given the kept page of before."""
        self.account("bob", "dev")
        self.logIn("bob")
        self.assertIn("Act on several builders", self.get("/builders").text)
        self.account("bob")
        self.assertNotIn("Act on several builders", self.get("/builders").text)


class TokenTests(ActingCase):
    """A script acts with a token of its person."""

    def make(self, **fields: Any) -> Response:
        """Make a token."""
        return self.post(
            "/tokens", **{"name": "nightly", "days": "30", "action": ["view", "forceBuild"], **fields}
        )

    def test_token(self) -> None:
        """A token is shown once, does what it is for and no more, and ends when it is revoked."""
        self.logIn()
        found = re.search(r"<code>(bbt_[\w-]+)</code>", self.make().text)
        assert found is not None
        self.assertNotIn("bbt_", self.get("/tokens").text)
        self.cookie = ""
        script = {"Authorization": f"Bearer {found[1]}"}
        self.assertEqual(self.send("/builders/full/force", {}, **script).status, 303)
        self.assertEqual(self.send("/builders/full/builds/0/stop", {}, **script).status, 403)
        self.assertEqual(self.send("/tokens", {"name": "x", "days": "1"}, **script).status, 403)
        entry = self.master.audit.latest(who="ann", subject="builder/full")[-1]
        self.assertEqual((entry.how, entry.action), ("token", "forceBuild"))
        self.logIn()
        self.assertIn(
            "is revoked", self.follow("/tokens/revoke", self.post("/tokens/revoke", name="nightly")).text
        )
        self.cookie = ""
        self.assertEqual(self.send("/builders/full/force", {}, **script).status, 401)

    def test_doubleClick(self) -> None:
        """A double click on the button makes one token, and the answer that the browser shows has it."""
        self.logIn()
        fields = {"name": "nightly", "days": "30", "action": ["view"]}
        browser = {**OWN, "Accept": "text/html", "User_Agent": "browser"}
        answers = [self.send("/tokens", fields, **browser) for _ in range(2)]
        self.assertEqual([each.status for each in answers], [200, 200])
        first, second = (re.findall(r"<code>(bbt_[\w-]+)</code>", each.text) for each in answers)
        self.assertEqual((len(first), second), (1, first))
        self.reactor.advance(4)
        late = self.send("/tokens", fields, **browser)
        self.assertEqual(late.status, 400)
        self.assertNotIn("bbt_", late.text)

    def test_wrong(self) -> None:
        """A token without an action, without an end or with the name of another is refused."""
        self.logIn()
        wrong: tuple[dict[str, Any], ...] = (
            {"action": []},
            {"days": "0"},
            {"days": "x"},
            {"name": ""},
            {"action": ["fly"]},
        )
        for fields in wrong:
            self.assertEqual(self.make(**fields).status, 400, fields)
        self.make()
        self.assertEqual(self.make().status, 400)

    def test_others(self) -> None:
        """A person sees and revokes only own tokens, an administrator all; strangers see none."""
        self.assertEqual(self.get("/tokens").status, 401)
        self.logIn()
        self.make()
        self.logIn("bob")
        self.assertNotIn("nightly", self.get("/tokens").text)
        self.assertEqual(self.post("/tokens/revoke", name="nightly").status, 404)
        self.make(name="bobs")
        self.logIn()
        self.assertIn("bobs", self.get("/tokens").text)

    def test_sessions(self) -> None:
        """A person ends all other sessions of the account."""
        self.logIn()
        first, self.cookie = self.cookie, ""
        self.logIn()
        self.post("/tokens/sessions")
        self.assertIn(">ann</a>", self.get("/").text)
        self.cookie = first
        self.assertNotIn(">ann</a>", self.get("/").text)


class RuleTests(ActingCase):
    """Rights by builder and branch."""

    MORE = """
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(rules=[
    Rule('forceBuild', 'auth', builders='full', branches='topic')]))]
"""

    def test_branch(self) -> None:
        """Row 46: a build is forced only on the branch that the rule allows."""
        self.logIn("bob")
        for branch in ("", "main", "topic2"):
            self.assertEqual(self.post("/builders/full/force", branch=branch).status, 403, branch)
        self.assertEqual(self.post("/builders/full/force", branch=["topic", "main"]).status, 403)
        self.assertEqual(self.post("/builders/full/force", branch="topic").status, 303)


class SchedulerTests(ActingCase):
    """A C{ForceScheduler} makes the form."""

    MORE = (
        """
from buildbot.schedulers.forcesched import *
c['schedulers'] = [ForceScheduler('force', ['full'], username=UserNameParameter(need_email=False),
    properties=[
    ChoiceStringParameter('flavour', choices=['fast', 'slow'], default='fast'),
    BooleanParameter('clean', default=True), IntParameter('jobs', default=4)])]
"""
        + AUTHZ
    )

    def test_form(self) -> None:
        """The form has a labelled field for each parameter, with its default."""
        self.logIn()
        page = self.get("/builders/full").text
        self.assertIn('name="forcescheduler" value="force"', page)
        self.assertIn('<option value="fast" selected>', page)
        self.assertIn('name="checkbox" value="clean" checked', page)
        self.assertNotIn('name="username"', page)

    def test_force(self) -> None:
        """The values become properties of the build; nobody acts under another name."""
        self.logIn()
        page = self.force(forcescheduler="force", flavour="slow", jobs="2", username="eve", reason="why not")
        self.assertIn("The build is forced.", page.text)
        self.assertNotIn("eve", page.text)
        build = self.master.botmaster.builders["full"].building[0].build_status
        found = {name: build.properties[name] for name in ("flavour", "clean", "jobs", "owner")}
        self.assertEqual(found, {"flavour": "slow", "clean": False, "jobs": 2, "owner": "ann"})
        form = self.get("/builders/full").text
        self.assertIn('<option value="slow" selected>', form)
        self.assertIn('name="jobs" value="2"', form)
        self.assertNotIn('value="clean" checked', form)
        self.assertNotIn('value="why not"', form)

    def test_choices(self) -> None:
        """Several choices are chosen again; one without a default is not; hidden fields are hidden."""
        self.edit(
            "IntParameter('jobs', default=4)",
            "ChoiceStringParameter('parts', choices=['a', 'b', 'c'], multiple=True, default=['a', 'b']),"
            "ChoiceStringParameter('kind', choices=['x', 'y'], required=True),"
            "StringParameter('secret', hide=True, default='h')",
        )
        self.assertTrue(self.reconfig()["applied"])
        self.logIn()
        page = self.get("/builders/full/force").text
        self.assertEqual(re.findall('<option value="(.)" selected>', page), ["a", "b"])
        self.assertIn('<option value="" selected>', page)
        self.assertNotIn('name="secret"', page)
        self.force(forcescheduler="force", flavour="slow", parts=["b", "c"], kind="y", reason="why")
        page = self.get("/builders/full/force").text
        self.assertEqual(re.findall('<option value="(.)" selected>', page), ["b", "c", "y"])
        self.assertNotIn('<option value=""', page)

    def test_many(self) -> None:
        """Chosen builders, or all of them, are forced with the defaults of their schedulers."""
        self.logIn()
        for path, chosen in (("_selected/forceselected", {"selected": "full"}), ("_all/forceall", {})):
            path = f"/builders/{path}"
            page = self.follow(path, self.post(path, comments="all of them", **chosen)).text
            self.assertIn("forced build", page)
            self.assertNotIn("Not done", page)
            self.end()
        builds = self.ask("/api/v1/builders/full/builds").json["builds"]
        self.assertEqual(len(builds), 2)
        self.assertIn("all of them", builds[0]["reason"])

    def test_partly(self) -> None:
        """If some of several actions succeed, the message does not say that nothing was done."""
        other = "{'name': 'other', 'slavename': 'bot1', 'builddir': 'other', 'factory': f}"
        self.edit("c['builders'] = [", f"c['builders'] = [{other}, ")
        self.edit("jobs', default=4)", "jobs', default=4), StringParameter('need', required=True)")
        self.assertTrue(self.reconfig()["applied"])
        self.logIn()
        path = "/builders/_all/forceall"
        page = self.follow(path, self.post(path, comments="all")).text
        self.assertIn("<strong>Partly done:</strong> 1 forced build on 1 builder. Not done: full: ", page)

    def test_wrong(self) -> None:
        """All wrong values are told, and nothing is forced."""
        self.logIn()
        answer = self.post("/builders/full/force", flavour="other", jobs="many")
        self.assertEqual(answer.status, 400)
        for name in ("flavour", "jobs"):
            self.assertIn(name, answer.text)
        self.assertEqual(self.master.botmaster.builders["full"].building, [])


BOXES = """
from buildbot.schedulers.forcesched import BooleanParameter, ForceScheduler
c['schedulers'] = [ForceScheduler('force', ['full'], properties=[BooleanParameter('clean', default=True)])]
"""


class OpenTests(ActingCase):
    """C{allowForce=True} without accounts, as in 0.7."""

    MORE = "c['status'] = [html.WebStatus(http_port=8010, allowForce=True)]\n"

    def test_everybody(self) -> None:
        """Everybody may force, from this site only; the name that one gives oneself is not proved."""
        self.assertEqual(self.send("/builders/full/force", {}, Sec_Fetch_Site="cross-site").status, 403)
        self.assertIn("forced by eve (not logged in)", self.force(username="eve").text)

    def test_boxes(self) -> None:
        """The boxes of visitors without a login are not kept, so they show their defaults."""
        self.edit("c['status']", BOXES + "c['status']")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIn('value="clean" checked', self.get("/builders/full/force").text)
        self.force(forcescheduler="force", branch="topic", reason="why")
        page = self.get("/builders/full/force").text
        self.assertIn('name="branch" value="topic"', page)
        self.assertIn('value="clean" checked', page)

    def test_doubt(self) -> None:
        """Row 44: C{buildbot checkconfig} says what everybody may do."""
        (doubt,) = self.web.configurationDoubts
        self.assertIn("everybody who can open the web pages may do this, without a login: forceBuild", doubt)


class ClosedTests(ActingCase):
    """A C{WebStatus} without rights."""

    MORE = ""

    def test_nobody(self) -> None:
        """Nobody may act, with or without an account."""
        self.assertEqual(self.post("/builders/full/force").status, 403)
        self.logIn()
        self.assertEqual(self.post("/builders/full/force").status, 403)
        self.assertEqual(self.master.botmaster.builders["full"].building, [])


class ProxyTests(ActingCase):
    """A proxy in front of the master knows its users."""

    MORE = """
from buildbot.web.accounts.authz import Authz
c['buildbotURL'] = 'https://ci.example.org/'
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(default_action='auth'), hosts=['ci'],
    trustedProxies=['10.0.0.0/8'], userHeader='X-Remote-User')]
"""

    def test_header(self) -> None:
        """The header names the user if a trusted proxy sends it, else it means nothing."""
        self.assertIn(">joe</a>", self.ask("/", address="10.0.0.1", X_Remote_User="joe").text)
        self.assertNotIn("joe", self.ask("/", address="192.0.2.1", X_Remote_User="joe").text)

    def test_host(self) -> None:
        """The names of the site are that of buildbotURL, and those of the configuration."""
        for host, wanted in (("ci.example.org", 200), ("ci:8010", 200), ("ci.example.com", 421)):
            self.assertEqual(self.ask("/", Host=host).status, wanted, host)

    def test_secure(self) -> None:
        """Behind a proxy with TLS, the cookie is for TLS only, and the site's origin is that of its URL."""
        body = urlencode({"username": "ann", "passwd": PASSWORD}).encode()
        answer = self.ask(
            "/login",
            "POST",
            body,
            address="10.0.0.1",
            Host="ci.example.org",
            Origin="https://ci.example.org",
            X_Forwarded_For="192.0.2.7",
            X_Forwarded_Proto="https",
            Content_Type="application/x-www-form-urlencoded",
        )
        self.assertEqual(answer.status, 303)
        self.assertIn("__Host-bb=", answer.headers["set-cookie"])
        self.assertIn("Secure", answer.headers["set-cookie"])


class OldAuthTests(ActingCase):
    """C{BasicAuth} of 0.8 with C{allowForce}."""

    MORE = """
from buildbot.status.web.auth import BasicAuth
c['status'] = [html.WebStatus(http_port=8010, allowForce=True, auth=BasicAuth([('joe', 'pw')]))]
"""

    def test_basicAuth(self) -> None:
        """The pairs of BasicAuth log in with the form; others may not act."""
        self.assertEqual(self.post("/builders/full/force").status, 401)
        self.assertEqual(self.logIn("joe", "wrong").status, 401)
        self.assertEqual(self.logIn("joe", "pw").status, 303)
        self.assertIn("forced by joe", self.force().text)

    def test_inForm(self) -> None:
        """A form with a name and a password acts for that user, as up to 0.8.5; a URL with them does not."""
        path = "/builders/full/force"
        self.assertEqual(self.send(path, {"username": "joe", "passwd": "wrong"}).status, 401)
        self.assertEqual(self.send(f"{path}?username=joe&passwd=pw", {}).status, 401)
        self.assertEqual(self.send(path, {"username": "joe", "passwd": "pw"}).status, 303)
        (entry,) = [each for each in self.actions() if each.outcome == "done"]
        self.assertEqual((entry.who, entry.how), ("joe", "basic"))


class WrongFormTests(ActingCase):
    """A form with values that cannot be."""

    def test_fields(self) -> None:
        """Each wrong field is told, and nothing happens."""
        self.logIn()
        for fields in (
            {"property1name": "a;b", "property1value": "1"},
            {"property1name": "", "property1value": "1"},
            {"branch": "a b\x00"},
        ):
            answer = self.post("/builders/full/force", **fields)
            self.assertEqual(answer.status, 400, fields)
        self.assertEqual(self.commands, [])

    def test_back(self) -> None:
        """The page of a refused form has a link back to the form, also for a form on another page."""
        self.logIn()
        for path, fields, to, title in (
            ("/builders/full/force", {"branch": "--x"}, "/builders/full/force", "Force a build of full"),
            ("/builders/full/cancelbuild", {"id": "x"}, "/builders/full/cancelbuild", "Cancel requests"),
            ("/full/force", {"branch": "--x"}, "/full/force", "Force a build of full"),
            (
                "/builders/full/cancelbuild",
                {"id": "x", "came-from": "/queue?skip=0&builder=full"},
                "/queue?skip=0&builder=full",
                "Only builder full",
            ),
            (
                "/builders/_selected/stopselected",
                {"came-from": "/builders/_selected"},
                "/builders/_selected",
                "Act on several builders",
            ),
        ):
            page = self.post(path, **fields)
            self.assertEqual(page.status, 400, path)
            found = re.search('<a href="([^"]*)">Back to the (?:page with the )?form</a>', page.text)
            assert found is not None, path
            self.assertEqual(urljoin(path, unescape(found[1])), to)
            self.assertIn(title, self.get(to).text)

    def test_backToOwn(self) -> None:
        """The link back never leads to another site, and a page without a form has none."""
        self.logIn()
        page = self.post("/builders/full/cancelbuild", id="x", **{"came-from": "https://evil.example/"})
        self.assertNotIn("evil", page.text.partition("<main")[2])
        self.assertIn("Back to the form", page.text)
        self.assertNotIn("Back to the", self.get("/nothing").text)

    def test_change(self) -> None:
        """The number of a change to stop must be a number."""
        self.logIn()
        for wrong in ("x", "", "-1", "1" * 20):
            self.assertEqual(self.post("/builders/full/stopchange", change=wrong).status, 400, wrong)

    def test_ping(self) -> None:
        """A ping without a slave says so; one that is answered says how many have."""
        self.logIn()
        path = "/builders/full/ping"
        self.assertIn("All slaves have answered (1).", self.follow(path, self.post(path)).text)
        self.slaves[0].pump.client.loseConnection()
        self.settle()
        self.wait(2)
        answer = self.post(path)
        page = answer if answer.status == 400 else self.follow(path, answer)
        self.assertIn("no slave is connected", page.text)


class SomeBuildersTests(ActingCase):
    """Rights on one of several builders."""

    MORE = """
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule
c['builders'].append({**c['builders'][0], 'name': 'other', 'builddir': 'other'})
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(rules=[
    Rule('forceBuild', 'auth', builders='other')]))]
"""

    def test_several(self) -> None:
        """The page for several builders is offered to those who may act on one of them."""
        self.assertNotIn("Act on several builders", self.get("/builders").text)
        self.logIn("bob")
        self.assertIn("Act on several builders", self.get("/builders").text)
        self.assertNotIn("Act on several builders", self.get("/builders?builder=full").text)
        self.assertEqual(self.post("/builders/full/force").status, 403)

    def test_noWayBack(self) -> None:
        """The page that refuses a build to somebody without the right has no link back to the form."""
        self.logIn("bob")
        refused = self.post("/builders/full/force")
        self.assertEqual(refused.status, 403)
        self.assertNotIn("Back to the form", refused.text)

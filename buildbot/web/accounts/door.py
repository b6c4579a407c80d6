# -*- test-case-name: tests.stories.test_webacts -*-
"""The door of the web: it finds out who asks, refuses foreign requests, and knows who may do what.

L{buildbot.web.accounts.identify} checks names, L{buildbot.web.accounts.rights} has the rules.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from buildbot.control.audit import By
from buildbot.web.accounts.accountsfile import AccountsFile
from buildbot.web.accounts.checking import PasswordChecker, TooBusy
from buildbot.web.accounts.guard import Guard, visitorOf
from buildbot.web.accounts.identify import Asked, BadLogin, Identifier, TooManyLogins
from buildbot.web.accounts.logins import Logins
from buildbot.web.accounts.origin import Site, Trust, originOf, siteOf, trustOf
from buildbot.web.accounts.proxies import Proxies
from buildbot.web.accounts.redirects import CAME_FROM, pageOf
from buildbot.web.accounts.rights import Answer, Rights, Subject
from buildbot.web.accounts.sights import Sights
from buildbot.web.call import Call, Need, Problem
from buildbot.web.incoming import Incoming, given
from buildbot.web.markup import NOTHING, Markup, Template, link
from buildbot.web.sight import Sight
from buildbot.web.who import Leave, Who

#: The peer of a connection without an address.
_UNIX = "unix"
#: The fields of an action that its form asks for again, after a login.
_ASKED = ("id", "change", CAME_FROM)
_ME = Template(
    '<a href="{me}">{name}</a>'
    '<form class="inline" method="post" action="{to}">{back}<button>Log out</button></form>'
)
_BACK = Template('<input type="hidden" name="next" value="{page}">')


@dataclass(frozen=True)
class DoorSettings:
    """What the configuration says about the door.

    @ivar rights: makes the rules; called with True if the site has accounts.
    @ivar auth: an object with C{authenticate}, or None.
    @ivar hosts: more names under which people open the site.
    """

    rights: Callable[[bool], Rights]
    auth: Any = None
    proxies: Proxies = field(default_factory=Proxies)
    hosts: tuple[str, ...] = ()


class Door:
    """I let requests in, and know their rights.

    @ivar logins: who is logged in to the master.
    @ivar refusals: the number of refused logins by reason: "wrong", "delayed" or "busy".
    """

    def __init__(self, settings: DoorSettings, master: Any, logins: Logins, inThread: Any = None) -> None:
        """@param master: has C{basedir}, C{config}, C{status} and C{botmaster}.
        @param inThread: runs the check of a password in a thread; None: in the reactor's pool.
        """
        self._settings = settings
        self._master = master
        self._accounts = AccountsFile(master.basedir)
        self._now: Callable[[], float] = lambda: master.botmaster.now()
        self.logins = logins
        self.refusals = {"wrong": 0, "delayed": 0, "busy": 0}
        self._identifier = Identifier(
            *(self._accounts, logins.sessions, logins.tokens),
            PasswordChecker() if inThread is None else PasswordChecker(inThread),
            self._now,
            ticks=master.botmaster.clock.seconds,
            auth=settings.auth,
            proxies=settings.proxies,
            limits=logins.limits,
        )
        self._sights: Sights | None = None
        self._guards = {can: Guard(settings.rights(can), self._subjectOf) for can in (False, True)}

    # the door

    async def enter(self, request: Incoming) -> Who:
        """The person behind a request. Raises L{Problem} for a request that must not come in."""
        asked = self._asked(request)
        inForm = _loginIn(request)
        try:
            visitor = await self._identifier.whoIs(asked)
            if inForm and not visitor.name:
                visitor = await self._identifier.whoIs(replace(asked, headers={**asked.headers, **inForm}))
        except (BadLogin, TooManyLogins, TooBusy) as why:
            raise self._refused(why, isForm=bool(inForm)) from None
        key = " ".join((visitor.token.name if visitor.token is not None else "", *sorted(visitor.roles)))
        isSecure = self._identifier.seen(asked).isSecure
        return Who(visitor.name, visitor.how, visitor.address, visitor, key, isSecure)

    async def whyOut(self, who: Who, sight: Sight | None, needs: tuple[Need, ...]) -> Leave | None:
        """The reason why a visitor loses a stream that has begun; None if the visitor may keep it.

        @param sight: which builders the visitor saw at the beginning.
        @param needs: the rights for it.
        """
        gone = self._identifier.whyOut(visitorOf(who))
        if gone:
            return Leave(gone)
        for action, builder in needs:
            answer = await self.ask(who, action, builder)
            if not answer.isAllowed:
                return Leave(answer.sentence)
        if await self.sight(who) != sight:
            return Leave("You see other builders now.", mayReturn=True)
        return None

    async def aboutMe(self, call: Call) -> Markup:
        """Who is logged in, with a link to log in or a button to log out."""
        if call.who.how == "session":
            page = _next(call)
            back = _BACK(page=page) if page else NOTHING
            return _ME(me=call.to("me"), name=call.who.name, to=call.to("logout"), back=back)
        if call.who.name:
            return link(call.to("me"), call.who.name)
        return link(call.to("login", query=_nextQuery(call)), "Log in") if self.canLogIn else NOTHING

    @property
    def canLogIn(self) -> bool:
        """True if there is any account for the form of the login."""
        return self._settings.auth is not None or bool(self._accounts.accounts().all)

    async def logIn(self, call: Call, name: str, password: str) -> str:
        """Check a login from the form, and begin a session. Returns the secret of its cookie.

        @raise Problem: the login is wrong, or there were too many.
        """
        visitor = visitorOf(call.who)
        asked = Asked(call.who.address, {}, trust=Trust.OWN)
        try:
            secret, _ = await self._identifier.logIn(
                name, password, asked, call.headers.get("user-agent", ""), visitor.session
            )
        except (BadLogin, TooManyLogins, TooBusy) as why:
            raise self._refused(why, isForm=True) from None
        return secret

    async def logOut(self, call: Call) -> None:
        """End the session of the visitor."""
        await self._identifier.logOut(visitorOf(call.who))

    def _refused(self, why: Exception, isForm: bool) -> Problem:
        """Count a refused login, and return the L{Problem} for it."""
        reason = "wrong" if isinstance(why, BadLogin) else "busy" if isinstance(why, TooBusy) else "delayed"
        self.refusals[reason] += 1
        return loginProblem(why, isForm)

    def _asked(self, request: Incoming) -> Asked:
        """The request, after the checks of its host and its origin."""
        seen = self._identifier.seen(_askedOf(request, Trust.READING))
        site = self._site()
        if not site.isOwnHost(seen.host):
            raise Problem(
                421,
                "This is not the site of that name",
                f"The request is for the host {seen.host}, which this master does not know as its own.",
                "Write the address of this site in c['buildbotURL'], or its name in WebStatus(hosts=[...]).",
            )
        here = originOf(f"{'https' if seen.isSecure else 'http'}://{seen.host}") if seen.host else ""
        trust = trustOf(
            request.method,
            request.headers.get("sec-fetch-site"),
            request.headers.get("origin"),
            {*site.origins, here},
        )
        if trust is Trust.FOREIGN:
            raise Problem(
                403,
                "The request comes from another site",
                "Only the pages of this site may send it.",
                "Open the page here, and use its form. If a proxy is between, compare c['buildbotURL'] with"
                " the address in the browser.",
            )
        return _askedOf(request, trust)

    def _site(self) -> Site:
        """The names of this site: that of buildbotURL, of this host, and those of the configuration."""
        name = socket.gethostname()
        hosts = (name, name.partition(".")[0], *self._settings.hosts)
        return siteOf(self._master.config.buildbotURL, filter(None, hosts))

    # the guard

    @property
    def guard(self) -> Guard:
        """The rules in force: they depend on whether the site has accounts."""
        return self._guards[self.canLogIn or bool(self._settings.proxies.header)]

    async def may(self, who: Who, action: str, builder: str | None = None) -> bool:
        """True if C{who} may do an action (to a builder)."""
        return await self.guard.may(who, action, builder)

    async def couldAfterLogin(self, action: str, builder: str | None = None) -> bool:
        """True if some account may do it, so that a login is worth offering."""
        return await self.guard.couldAfterLogin(action, builder)

    async def ask(
        self, who: Who, action: str, builder: str | None = None, branch: str | None = None, *args: object
    ) -> Answer:
        """Whether C{who} may do an action, with a sentence. C{args} go to functions of the configuration."""
        return await self.guard.ask(who, action, self.guard.subject(builder, branch, *args))

    async def sight(self, who: Who) -> Sight | None:
        """The builders that a visitor sees; None: all."""
        guard, config = self.guard, self._master.config
        if self._sights is None or self._sights.guard is not guard or self._sights.config is not config:
            self._sights = Sights(guard, config)
        return await self._sights.of(visitorOf(who))

    async def all(self, who: Who, builder: str | None = None) -> dict[str, Answer]:
        """The answer for each action."""
        return await self.guard.all(who, builder)

    def _subjectOf(self, name: str) -> Subject:
        setup = self._master.config.builders.get(name)
        if setup is None:
            return Subject(name)
        tags = frozenset(filter(None, (*setup.tags, setup.category)))
        return Subject(name, tags, args=(self._master.status.getBuilder(name),))


def byOf(who: Who) -> By:
    """The author of an action, for the audit."""
    return By(who.name, who.how, who.address)


def loginProblem(why: Exception, isForm: bool = False) -> Problem:
    """The answer to a login that failed.

    @param isForm: True for a login from the form: the browser must not open a window of its own.
    """
    if isinstance(why, TooManyLogins):
        return Problem(
            429,
            "Too many failed logins",
            f"Try again in {why.retryAfter} seconds.",
            headers=(("Retry-After", str(why.retryAfter)),),
        )
    if isinstance(why, TooBusy):
        return Problem(503, "Too many people log in", f"{why}.", headers=(("Retry-After", "5"),))
    challenge = () if isForm else (("WWW-Authenticate", 'Basic realm="buildbot", charset="UTF-8"'),)
    return Problem(401, "The login is wrong", f"{str(why)[:1].upper()}{str(why)[1:]}.", headers=challenge)


def _loginIn(request: Incoming) -> dict[str, list[str]]:
    """The name and the password in a form for an action, as 0.7.11 to 0.8.5 sent them: as a header."""
    if request.method != "POST" or request.path.strip("/") == "login":
        return {}
    fields = given(request)
    name, password = (fields.get(each, [""])[-1] for each in ("username", "passwd"))
    if not name or not password or request.query.get("passwd"):
        return {}
    pair = base64.b64encode(f"{name}:{password}".encode("utf-8", "replace")).decode("ascii")
    return {"authorization": [f"Basic {pair}"]}


def _next(call: Call) -> str:
    """The page to which a login or a logout leads back, as a path and query; "" for the first page."""
    if not call.segments or call.segments[0] in ("", "login", "logout"):
        return ""
    if call.method != "GET" and (call.route.kind != "action" or call.segments[0] == "tokens"):
        return ""  # the other actions show their form at the same address
    kept = {name: texts for name, texts in call.given.items() if call.method == "GET" or name in _ASKED}
    return pageOf(call.segments, kept)


def _nextQuery(call: Call) -> str:
    """The query that lets the login lead back to a page."""
    page = _next(call)
    return f"next={quote(page, safe='')}" if page else ""


def _askedOf(request: Incoming, trust: Trust) -> Asked:
    return Asked(request.peer or _UNIX, request.all, request.isSecure, trust)

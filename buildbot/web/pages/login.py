# -*- test-case-name: tests.stories.test_webacts -*-
"""The pages about who one is: login, logout, the rights, and the record of all actions."""

from __future__ import annotations

from urllib.parse import quote

from buildbot.web.accounts.redirects import ownPath
from buildbot.web.accounts.rights import ACTIONS, FURTHER, Verdict
from buildbot.web.accounts.sessions import cookieOf
from buildbot.web.call import TEXT, Answer, Call, Page, Problem
from buildbot.web.markup import NOTHING, Template, join, link
from buildbot.web.pages.acting import doorOf, entryTable
from buildbot.web.pages.choice import narrowed, turning
from buildbot.web.pages.forms import Field, form
from buildbot.web.pages.pieces import paragraph, table
from buildbot.web.routes import Parameter, Route

#: The most entries on the page of the record.
MOST = 1000

_WARNING = Template('<p class="note failed" role="alert">{text}</p>')


def loginPage(call: Call) -> Page:
    """The form of the login."""
    return _form(call, call.query["next"])


def _form(call: Call, target: str | None, trouble: Problem | None = None, name: str = "") -> Page:
    if not doorOf(call).canLogIn:
        return Page(
            "Log in",
            [paragraph("This master has no accounts. An administrator makes one with: buildbot account")],
        )
    fields = (
        Field("username", "Name", name, autocomplete="username", required=True),
        Field("passwd", "Password", kind="password", autocomplete="current-password", required=True),
        Field("next", value=ownPath(target), kind="hidden"),
    )
    parts = [form(call.to("login"), "Log in", fields)]
    if trouble is not None:
        parts.insert(0, _WARNING(text=f"{trouble.title}. {trouble.detail}"))
    status, headers = (200, ()) if trouble is None else (trouble.status, trouble.headers)
    return Page("Log in", parts, status=status, headers=tuple(headers))


async def logIn(call: Call) -> Page | Answer:
    """Check a login, and begin a session."""
    name = _last(call, "username")
    try:
        secret = await doorOf(call).logIn(call, name, _last(call, "passwd"))
    except Problem as problem:
        return _form(call, _last(call, "next"), problem, name)
    return _gone(cookieOf(secret, call.who.isSecure), _relative(_last(call, "next")))


async def logOut(call: Call) -> Answer:
    """End the session, and lead back to the page with the button."""
    await doorOf(call).logOut(call)
    return _gone(cookieOf("", call.who.isSecure), _relative(_last(call, "next")))


def logoutPage(call: Call) -> Page:
    """The form to log out: a link alone changes nothing."""
    return Page("Log out", [form(call.to("logout"), "Log out")])


def _relative(target: str) -> str:
    """The target after a login or a logout, relative to its page."""
    # "./" keeps a first segment with a colon from being read as a scheme.
    return "./" + ownPath(target).removeprefix("/")


def _gone(cookie: str, to: str) -> Answer:
    headers = (("Location", to), ("Set-Cookie", cookie))
    return Answer(b"", TEXT, 303, headers, cache="no-store")


def _last(call: Call, name: str) -> str:
    return (call.given.get(name) or [""])[-1]


def refusal(call: Call) -> Page:
    """The page to which 0.8 sent people without a right."""
    raise Problem(
        403,
        "You may not do this",
        "The action needs a right that you do not have.",
        "Log in with another account.",
    )


async def rightsPage(call: Call) -> Page:
    """What the visitor may do."""
    builder = call.query["builder"] or None
    if builder is not None and builder not in call.world.config.builders:
        raise Problem(404, f"There is no builder {builder}")
    answers = await doorOf(call).all(call.who, builder)
    words = {Verdict.ALLOWED: "yes", Verdict.AFTER_LOGIN: "after a login", Verdict.NEVER: "no"}
    rows = [
        [ACTIONS.get(name) or FURTHER.get(name, name), name, words[answer.verdict], answer.sentence]
        for name, answer in answers.items()
    ]
    who = call.who.name or "nobody in particular: you are not logged in"
    about = f" on the builder {builder}" if builder else ""
    links = [
        link(call.to("me", query=f"builder={quote(each, safe='')}"), each)
        for each in call.world.status.getBuilderNames()[:300]
    ]
    return Page(
        "What you may do",
        [
            paragraph(f"You are {who}. The name is proved by: {call.who.how}."),
            paragraph(link(call.to("tokens"), "Tokens and sessions")) if call.who.name else NOTHING,
            table(f"Your rights{about}", ("You may …", "Action", "Allowed", "Why"), rows),
            paragraph(join(["Rights on one builder: ", join(links, ", ")])) if links else NOTHING,
        ],
    )


async def auditPage(call: Call) -> Page:
    """Who has done what."""
    asked = call.query
    try:
        found = await call.world.master.audit.find(
            asked["count"], asked["cursor"], asked["subject"], asked["who"]
        )
    except ValueError as why:
        raise Problem(400, "A parameter is wrong", str(why)) from None
    only = narrowed(call, ("who", "subject"))
    listed = entryTable(call, found.rows, "Actions, newest first", hasAddresses=True)
    parts = [only, listed if found.rows or not only else paragraph("No action meets these conditions.")]
    parts.append(turning(call, "actions", "cursor", found.next or None))
    return Page("Who has done what", parts)


_NEXT = Parameter("next", "The path of the page after the login.")

ROUTES = (
    Route("/login", loginPage, "The form of the login.", (_NEXT,), action=""),
    Route("/login", logIn, "Log in, with the fields username, passwd and next.", method="POST", action=""),
    Route("/logout", logoutPage, "The form to log out.", action=""),
    Route("/logout", logOut, "Log out, with the field next.", method="POST", action=""),
    Route("/authfail", refusal, "The refusal of 0.7.11.", kind="old", action=""),
    Route("/authzfail", refusal, "The refusal of 0.8.6.", kind="old", action=""),
    Route(
        "/me", rightsPage, "Who you are, and what you may do.", (Parameter("builder", "On this builder."),)
    ),
    Route(
        "/audit",
        auditPage,
        "Who has done what, from where, with what outcome.",
        (
            Parameter("count", "How many actions.", "integer", default=100, least=1, most=MOST),
            Parameter("cursor", "The value of next from the previous part.", default=""),
            Parameter("subject", "Only actions on this, such as builder/full or slave/bot1."),
            Parameter("who", "Only actions of this account."),
        ),
        action="admin",
    ),
)

# -*- test-case-name: tests.stories.test_webacts -*-
"""The page of a person's tokens for scripts, and of the sessions; administrators see all tokens."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from buildbot.web.accounts.door import byOf
from buildbot.web.accounts.guard import visitorOf
from buildbot.web.accounts.rights import ACTIONS
from buildbot.web.accounts.tokens import BadToken
from buildbot.web.accounts.visitor import Token
from buildbot.web.call import Answer, Call, Page, Problem
from buildbot.web.markup import Markup, Template, Value, join
from buildbot.web.outcomes import showOn
from buildbot.web.pages.acting import doorOf, said, toTheEnd
from buildbot.web.pages.forms import Field, form
from buildbot.web.pages.pieces import paragraph, section, table, unbroken, when
from buildbot.web.routes import Route

#: The longest time that a token may be made for, in days.
MOST_DAYS = 3650
_DAY = 86400.0
_SECRET = Template('<p class="note done" role="status">The token, shown only now: <code>{secret}</code></p>')


def _mustBePerson(call: Call) -> str:
    """The name of the account. A token must not make tokens."""
    if not call.who.name or call.who.how == "token":
        raise Problem(
            401 if not call.who.name else 403, "You must log in first", "Tokens belong to accounts."
        )
    return call.who.name


async def _mine(call: Call) -> list[Token]:
    """The tokens that the visitor may see and revoke."""
    name = _mustBePerson(call)
    isAdmin = await call.may("admin")
    return [each for each in doorOf(call).logins.tokens.all() if isAdmin or each.owner == name]


async def tokensPage(call: Call) -> Page:
    """The tokens, and a form that makes one."""
    return await _page(call)


async def _page(call: Call, first: Markup | None = None) -> Page:
    rows: list[list[Value]] = [
        [
            each.name,
            each.owner,
            ", ".join(sorted(each.actions)),
            ", ".join(each.builders) or "all",
            when(each.created),
            when(each.expires) if each.expires is not None else "never",
            when(each.used) if each.used is not None else "never",
            form(call.to("tokens", "revoke"), "Revoke", [Field("name", value=each.name, kind="hidden")]),
        ]
        for each in await _mine(call)
    ]
    heads = ("Name", "Account", "Actions", "Builders", "Made", "Expires", "Last used", "Act")
    shown = table("Tokens", heads, rows) if rows else paragraph("There are no tokens.")
    fields = [
        Field("name", "Name", required=True),
        Field("days", "Days until it expires", "90", "number", required=True),
        Field("builders", "Builders (names with * and ?, separated by spaces; empty: all)"),
        *(Field("action", f"{words} ({name})", name, "checkbox") for name, words in ACTIONS.items()),
    ]
    sessions = doorOf(call).logins.sessions.sessionsOf(call.who.name)
    used = [[when(each.created), when(each.used), unbroken(each.address), each.agent] for each in sessions]
    return Page(
        "Tokens and sessions",
        [
            *([] if first is None else [first]),
            shown,
            section("make-title", "Make a token", form(call.to("tokens"), "Make a token", fields)),
            section(
                "sessions-title",
                "Your sessions",
                join(
                    [
                        table("Sessions", ("Login", "Last used", "Address", "Browser"), used),
                        form(call.to("tokens", "sessions"), "End all other sessions"),
                    ]
                ),
            ),
        ],
    )


async def make(call: Call) -> Page:
    """Make a token, and show it."""
    owner = _mustBePerson(call)
    name, days = said(call, "name"), said(call, "days")
    if not days.isascii() or not days.isdigit() or not 0 < int(days[:6]) <= MOST_DAYS:
        raise Problem(400, "The token was not made", f"The days must be a number from 1 to {MOST_DAYS}.")
    now = call.world.now()
    work = doorOf(call).logins.tokens.add(
        name,
        call.given.get("action") or [],
        now,
        said(call, "builders").split(),
        now + int(days) * _DAY,
        owner,
    )
    audit = call.world.master.audit
    subject = f"token/{quote(name, safe='')}"
    try:
        secret, _ = await toTheEnd(audit.carriedOut(byOf(call.who), "makeToken", subject, work))
    except BadToken as why:
        raise Problem(400, "The token was not made", f"{why}.") from None
    return replace(await _page(call, _SECRET(secret=secret)), isOutcome=True)


async def revoke(call: Call) -> Answer:
    """Revoke a token."""
    name = said(call, "name")
    if name not in {each.name for each in await _mine(call)}:
        raise Problem(404, f"You have no token {name}")
    audit = call.world.master.audit
    work = doorOf(call).logins.tokens.revoke(name)
    subject = f"token/{quote(name, safe='')}"
    await toTheEnd(audit.carriedOut(byOf(call.who), "revokeToken", subject, work))
    return showOn(call, ("tokens",), f"The token {name} is revoked.")


async def endSessions(call: Call) -> Answer:
    """End all sessions of the account except this one."""
    name = _mustBePerson(call)
    work = doorOf(call).logins.sessions.closeAllOf(name, visitorOf(call.who).session)
    audit = call.world.master.audit
    subject = f"account/{quote(name, safe='')}"
    await toTheEnd(audit.carriedOut(byOf(call.who), "endSessions", subject, work))
    return showOn(call, ("tokens",), "All other sessions have ended.")


ROUTES = (
    Route("/tokens", tokensPage, "Your tokens for scripts, and your sessions."),
    Route("/tokens", make, "Make a token.", method="POST", kind="action"),
    Route("/tokens/revoke", revoke, "Revoke a token.", method="POST", kind="action"),
    Route("/tokens/sessions", endSessions, "End all other sessions.", method="POST", kind="action"),
)

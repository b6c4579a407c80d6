# -*- test-case-name: tests.stories.test_webacts -*-
"""Carry out an action of a page: the right to it, the record of it, and the page that tells the outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import quote, unquote, urlencode

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.control.audit import REFUSED
from buildbot.control.client import ControlError
from buildbot.model.audit import Entry
from buildbot.web.accounts.door import Door, byOf
from buildbot.web.accounts.redirects import CAME_FROM, pageOf
from buildbot.web.accounts.rights import Answer as Decision
from buildbot.web.accounts.rights import Verdict
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.markup import NOTHING, Markup, Template, Value, link
from buildbot.web.outcomes import showOn
from buildbot.web.pages.forms import Field
from buildbot.web.pages.pieces import paragraph, section, table, unbroken, when
from buildbot.web.reach import Reached

_Value = TypeVar("_Value")
#: The rights to act on builders.
ON_BUILDERS = ("forceBuild", "stopBuild", "cancelRequest")
#: The actions that the page of a thing shows.
SHOWN = 5
#: The most characters of a reason.
LONGEST = 300
_OFFER = Template('<p class="soft">{link}</p>')


@dataclass(frozen=True)
class Deed:
    """One action that somebody wants to do.

    @ivar action: one of L{buildbot.web.accounts.rights.ACTIONS} or C{FURTHER}.
    @ivar subject: for the audit: see L{buildbot.control.audit.Entry}.
    @ivar builder: the builder that the right is about; None: none.
    @ivar detail: for the audit.
    @ivar args: for functions of the configuration, in place of the status of the builder.
    @ivar reach: the builders and branches that it affects. Empty if only its builder and branch are known.
        See L{buildbot.web.reach}.
    """

    action: str
    subject: str
    builder: str | None = None
    branch: str | None = None
    detail: str = ""
    args: tuple[object, ...] = ()
    reach: tuple[Reached, ...] = ()


def doorOf(call: Call) -> Door:
    """The door of the site."""
    door = call.world.guard
    assert isinstance(door, Door)
    return door


async def mustBeAllowed(call: Call, deed: Deed) -> None:
    """Check the right to an action. A refusal is recorded.

    @raise Problem: 401 if a login would help, else 403.
    """
    answer = await _worst(call, deed)
    if answer.isAllowed:
        return
    await call.world.master.audit.refused(byOf(call.who), deed.action, deed.subject, answer.sentence)
    if answer.verdict is Verdict.AFTER_LOGIN:
        challenge = (("WWW-Authenticate", 'Bearer realm="buildbot"'),)
        raise Problem(401, "You must log in first", answer.sentence, headers=challenge)
    raise Problem(403, "You may not do this", answer.sentence)


async def _worst(call: Call, deed: Deed) -> Decision:
    """The answer for all builders and branches that an action affects: a refusal, if one is refused."""
    allowed = None
    for builder, branch in deed.reach or ((deed.builder, deed.branch),):
        answer = await doorOf(call).ask(call.who, deed.action, builder, branch, *deed.args)
        if not answer.isAllowed:
            isHidden = builder is not None and not call.sees(builder)
            return (
                replace(answer, sentence="It affects builders that you may not see.") if isHidden else answer
            )
        allowed = answer
    assert allowed is not None
    return allowed


async def carriedOut(call: Call, deed: Deed, work: Callable[[], Awaitable[_Value]]) -> _Value:
    """Do an action if it is allowed, and record it. Raises L{Problem}, or what the action raises."""
    await mustBeAllowed(call, deed)
    audit = call.world.master.audit
    doing = audit.carriedOut(byOf(call.who), deed.action, deed.subject, work(), deed.detail)
    return await toTheEnd(doing)


def toTheEnd(work: Coroutine[Any, Any, _Value]) -> Deferred[_Value]:
    """Do some work that goes on if nobody waits for it any more: the browser may be closed meanwhile."""
    done: Deferred[_Value] = Deferred()
    ensureDeferred(work).addBoth(done.callback)
    return done


async def act(
    call: Call,
    deed: Deed,
    work: Callable[[], Awaitable[_Value]],
    told: Callable[[_Value], str],
    back: tuple[str | int, ...],
    ahead: Callable[[_Value], tuple[str | int, ...]] | None = None,
) -> Answer:
    """Do an action, and send the browser to the page that tells the outcome.

    @param told: the outcome as a sentence.
    @param back: the page of the thing, as segments.
    @param ahead: another page after success, by the value of the action.
    """
    try:
        value = await carriedOut(call, deed, work)
    except ControlError as why:
        return showOn(call, back, f"{str(why)[:1].upper()}{str(why)[1:]}.", isGood=False)
    return showOn(call, back if ahead is None else ahead(value), told(value))


def comeBack(call: Call) -> Field:
    """The field of a form whose action leads back to the page with the form."""
    return Field(CAME_FROM, value=pageOf(call.segments, call.given), kind="hidden")


def said(call: Call, *names: str) -> str:
    """The text of the first field that is given, in one line."""
    for name in names:
        for text in reversed(call.given.get(name) or []):
            if text.strip():
                return " ".join(text.split())[:LONGEST]
    return ""


def whoSays(call: Call) -> str:
    """The name for the reason of a build: that of the account, or what the visitor calls himself."""
    if call.who.name:
        return call.who.name
    called = said(call, "username")
    return f"{called} (not logged in)" if called else ""


async def loginOffer(call: Call, actions: tuple[str, ...], builder: str | None = None) -> Markup:
    """A link to the login if that would allow one of some actions; else nothing."""
    if call.who.name or not doorOf(call).canLogIn:
        return NOTHING
    for action in actions:
        if await call.world.guard.couldAfterLogin(action, builder):
            to = call.to("login", query=f"next={quote(pageOf(call.segments, call.given), safe='')}")
            return _OFFER(link=link(to, "Log in to act here"))
    return NOTHING


async def mayOnAny(call: Call, action: str, names: Iterable[str]) -> bool:
    """True if the visitor may do an action on one of some builders."""
    if await call.may(action):
        return True
    if doorOf(call).guard.rights.rules:  # else all builders are equal
        for name in names:
            if await call.may(action, name):
                return True
    return False


async def selectLink(call: Call, shown: Iterable[str]) -> Markup:
    """A link to the page for actions on several builders, if the visitor may do one there."""
    for action in ON_BUILDERS:
        if await mayOnAny(call, action, shown):
            names = ("builder", "category", "tag")
            pairs = [(name, text) for name in names for text in call.given.get(name, ()) if text]
            to = call.to("builders", "_selected", query=urlencode(pairs))
            return paragraph(link(to, "Act on several builders"))
    return NOTHING


async def doneHere(call: Call, subject: str) -> Markup:
    """The latest actions on a subject, as a part of its page; an empty part if there are no actions."""
    latest = (await call.world.master.audit.find(10 * SHOWN, subject=subject)).rows
    # Attempts of strangers must not push out real actions.
    entries = [each for each in latest if each.outcome != REFUSED][:SHOWN]
    if not entries:
        return NOTHING
    return section("done-title", "Done here", entryTable(call, entries, "Newest first"))


def subjectLink(call: Call, subject: str) -> Value:
    """What an action was done to, in words; a link if it has a page."""
    kind, name, *more = (unquote(each) for each in (*subject.split("/"), ""))
    if kind == "builder" and name in call.world.botmaster.builders:
        number = more[1] if more[0] == "build" else ""
        if not number:
            return link(call.to("builders", name), name)
        return link(call.to("builders", name, "builds", number), f"{name} #{number}")
    if kind == "slave" and name in call.world.botmaster.slaves:
        return link(call.to("buildslaves", name), name)
    return " ".join(part for part in (kind, name, *more) if part)


def entryTable(call: Call, entries: Sequence[Entry], caption: str, hasAddresses: bool = False) -> Markup:
    """A table of actions.

    @param hasAddresses: True to show where they came from: for administrators.
    """
    if not entries:
        return paragraph("Nothing has been done.")
    rows: list[list[Value]] = [
        [
            when(each.when),
            _who(call, each.who, hasAddresses),
            *([f"{each.how} {each.address}".strip()] if hasAddresses else []),
            unbroken(each.action),
            subjectLink(call, each.subject),
            each.outcome,
            each.detail,
        ]
        for each in entries
    ]
    place = ("From",) if hasAddresses else ()
    return table(caption, ("When", "Who", *place, "Action", "On", "Outcome", "Detail"), rows)


def _who(call: Call, name: str, isLinked: bool) -> Value:
    """A person; for administrators a link to all that this person has done."""
    if not name:
        return "nobody in particular"
    return link(call.to("audit", query=urlencode({"who": name})), name) if isLinked else name


def command(call: Call, name: str) -> Callable[..., Any]:
    """A command of the master, as the command line has it."""
    return call.world.master.commands[name]

# -*- test-case-name: tests.stories.test_webacts -*-
"""The messages about what came of actions: a page shows one by its code, only to the person who acted."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorTime

from buildbot.web.accounts.redirects import CAME_FROM, ownPath
from buildbot.web.call import Answer, Call, redirect
from buildbot.web.markup import NOTHING, Markup, Template

#: The parameter of a page's address with the code.
PARAMETER = "done"
#: Seconds for which a message is kept, and the most messages.
KEPT = 600.0
MOST = 1000
#: The most characters of a message.
LONGEST = 2000

_NOTICE = Template('<p class="note {kind}" role="status"><strong>{word}</strong> {text}</p>')


@dataclass(frozen=True)
class _Message:
    who: str
    text: str
    isGood: bool
    isPartly: bool
    until: float


class Outcomes:
    """I keep the latest messages."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._messages: OrderedDict[str, _Message] = OrderedDict()

    def keep(self, who: str, text: str, isGood: bool, isPartly: bool = False) -> str:
        """Keep a message. Returns its code. See L{showOn}."""
        code = secrets.token_urlsafe(9)
        until = self._clock.seconds() + KEPT
        self._messages[code] = _Message(who, text[:LONGEST], isGood, isPartly, until)
        while len(self._messages) > MOST:
            self._messages.popitem(last=False)
        return code

    def notice(self, call: Call) -> Markup:
        """The message that the address of a page asks for; empty if it is gone, or for another person."""
        code = (call.given.get(PARAMETER) or [""])[-1]
        found = self._messages.get(code) if code else None
        if found is None or found.until < self._clock.seconds() or found.who != call.who.name:
            return NOTHING
        word = "Done:" if found.isGood else "Partly done:" if found.isPartly else "Not done:"
        return _NOTICE(kind="done" if found.isGood else "failed", word=word, text=found.text)


def showOn(
    call: Call, segments: tuple[str | int, ...], text: str, isGood: bool = True, isPartly: bool = False
) -> Answer:
    """Send the browser to a page that shows a message: the page that it came from, if the form names one.

    @param segments: the page for a form that names none.
    @param isGood: False if the action, or a part of it, was not done.
    @param isPartly: True if a part of it was done.
    """
    outcomes = call.world.part(Outcomes)
    code = outcomes.keep(call.who.name, text, isGood, isPartly)
    back = cameFrom(call)
    if not back:
        return redirect(call.to(*segments, query=f"{PARAMETER}={code}"))
    return redirect(f"{back}{'&' if '?' in back else '?'}{PARAMETER}={code}")


def cameFrom(call: Call) -> str:
    """The address of the page with the form of an action, relative to this one; "" if the form names none."""
    back = ownPath((call.given.get(CAME_FROM) or [""])[-1], "")
    # "./" keeps a first segment with a colon from being read as a scheme.
    return f"{call.root or './'}{back[1:]}" if back else ""

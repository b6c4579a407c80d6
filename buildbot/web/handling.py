# -*- test-case-name: tests.stories.test_webremoved -*-
"""Call the handler of a route, while the configuration may change."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError

from buildbot.model.rows import checkText
from buildbot.store.interface import StoreFailed
from buildbot.web.call import Call, Page, Part, Problem, missing
from buildbot.web.markup import Template

#: The most tries to make a page, if a reconfig interrupts each try.
MOST = 3
_ABSENCE = Template('<p class="note failed" role="status"><strong>Away:</strong> {text}</p>')
#: The exceptions that a handler raises on purpose.
_MEANT = (Problem, StoreFailed, CancelledError)


async def handled(call: Call) -> Any:
    """The result of the handler of a call.

    A reconfig may remove a builder while a handler waits for the store. Then the handler fails to find the
    builder, and is called again.
    """
    _checkNames(call)
    master = call.world.master
    for number in range(1, MOST + 1):
        before = master.generation
        try:
            made = call.route.handler(call)
            answer = await made if inspect.isawaitable(made) else made
            return _withAbsence(answer, master.absence) if isinstance(answer, Page) else answer
        except _MEANT:
            raise
        except Exception:
            if call.method not in ("", "GET") or master.generation == before or number == MOST:
                raise
    raise AssertionError("not reached")


def _checkNames(call: Call) -> None:
    """Raise L{Problem} for a builder or slave in the path whose name the store could not look up."""
    for kind in ("builder", "slave"):
        name = call.values.get(kind, "")
        try:
            checkText(name)
        except ValueError:
            raise missing(kind, name) from None


def _withAbsence(page: Page, absence: str) -> Page:
    """The page, with a note if the master is away. An open page loads itself again when the note comes."""
    return replace(page, parts=[Part("absence", _ABSENCE(text=absence)), *page.parts]) if absence else page

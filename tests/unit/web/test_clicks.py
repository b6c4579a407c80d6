"""A double click on the button of a form without script."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.web.accounts.visitor import Visitor
from buildbot.web.call import TEXT, Answer, Call, Problem
from buildbot.web.clicks import SECONDS, Clicks
from buildbot.web.who import Who

BROWSER = {"accept": "text/html,*/*;q=0.8", "user-agent": "browser"}


class ClicksTests(unittest.SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clicks = Clicks()
        world: Any = SimpleNamespace(clock=self.clock)
        route: Any = SimpleNamespace()
        self.form = Call(world, route, segments=("builders", "full", "force"), headers=BROWSER, body=b"a=1")
        self.acts: list[Deferred[Answer]] = []

    def sent(self, call: Call) -> Deferred[Any]:
        """Send a form; its act is the last of C{acts}."""

        async def act() -> Answer:
            self.acts.append(Deferred())
            return await self.acts[-1]

        return ensureDeferred(self.clicks.once(call, act))

    def ended(self) -> Answer:
        """The last act ends."""
        answer = Answer(b"", TEXT, 303, (("Location", f"{len(self.acts)}"),))
        self.acts[-1].callback(answer)
        return answer

    def test_twice(self) -> None:
        """The second click waits for the first one, which the browser gave up, and leads to its outcome."""
        first, second = self.sent(self.form), self.sent(self.form)
        first.cancel()
        self.failureResultOf(first)
        answer = self.ended()
        self.assertIs(self.successResultOf(second), answer)
        self.assertIs(self.successResultOf(self.sent(self.form)), answer)
        self.assertEqual(len(self.acts), 1)

    def test_later(self) -> None:
        """Some seconds later, the same form acts again."""
        self.sent(self.form)
        self.ended()
        self.clock.advance(SECONDS)
        self.sent(self.form)
        self.assertEqual(len(self.acts), 2)

    def test_between(self) -> None:
        """Pause, go on, and pause: the second pause acts, however soon it comes."""
        other = replace(self.form, segments=("builders", "full", "goOn"))
        for count, each in enumerate((self.form, other, self.form), 1):
            self.sent(each)
            self.assertEqual(len(self.acts), count)
            self.ended()

    def test_meanwhile(self) -> None:
        """The end of a slow act between two clicks on another button does not make the second one count."""
        other = replace(self.form, segments=("builders", "other", "force"))
        self.sent(self.form)
        self.sent(other)
        answer = self.ended()
        self.acts[0].callback(Answer(b"", TEXT, 303))
        self.assertIs(self.successResultOf(self.sent(other)), answer)
        self.assertEqual(len(self.acts), 2)

    def test_others(self) -> None:
        """Another form, another visitor, and a program are not the same click."""
        self.sent(self.form)
        for other in (
            replace(self.form, body=b"a=2"),
            replace(self.form, segments=("builders", "other", "force")),
            replace(self.form, who=Who("ann", "session")),
            replace(self.form, headers={"accept": "*/*"}),
            replace(self.form, headers={"accept": "*/*"}),
        ):
            self.sent(other)
        self.assertEqual(len(self.acts), 6)

    def test_sessions(self) -> None:
        """Two sessions of one person act both: each may end all other sessions, one right after the other."""
        for count, session in enumerate(("a", "b"), 1):
            who = Who("ann", "session", detail=Visitor("ann", "session", session=session))
            self.sent(replace(self.form, who=who))
            self.assertEqual(len(self.acts), count)
            self.ended()

    def test_refused(self) -> None:
        """After a refusal, the same form is tried again."""
        first = self.sent(self.form)
        self.acts[-1].errback(Problem(400, "No"))
        self.failureResultOf(first, Problem)
        self.sent(self.form)
        self.assertEqual(len(self.acts), 2)

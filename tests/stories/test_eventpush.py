"""A function of the configuration is handed all events, as by StatusPush of 0.8."""

from __future__ import annotations

from typing import Any, cast

from buildbot.webhooks.eventpush import StatusPush
from buildbot.webhooks.statuspush import HttpStatusPush
from tests.stories.changes import CONFIG, ChangeCase

#: What the functions of the configuration have got; whether they fail.
GOT: list[Any] = []
TROUBLE: list[Exception] = []

FUNCTIONS = """
from buildbot.status.status_push import HttpStatusPush, StatusPush
from tests.stories import test_eventpush

def send(push):
    items = push.queue.popChunk(2)
    if test_eventpush.TROUBLE:
        push.queue.insertBackChunk(items)
    else:
        test_eventpush.GOT.extend(items)
    push.queueNextServerPush()

class Finished(StatusPush):
    def push(self, event, **objs):
        if event == 'buildFinished':
            assert objs['build'].getBuilder().getName() == 'full'
            return StatusPush.push(self, event, extra=7, **objs)
"""


class EventPushStory(ChangeCase):
    """A master with one builder and one StatusPush."""

    def setUp(self) -> None:
        super().setUp()
        GOT.clear()
        TROUBLE.clear()
        self.write(FUNCTIONS + CONFIG.replace(", Dependent('package', quick, ['package'])", ""))

    def start_(self, target: str) -> None:
        """Start a master with this status target."""
        self.add(f"c['status'] = [{target}]")
        self.begin()

    def build(self, status: int = 0) -> None:
        """Commit something, and let it be built."""
        self.slaves[-1].onCommand = lambda command: command.end(status)
        self.send()
        self.wait(70)

    def names(self) -> list[str]:
        """The names of the events."""
        return [each["event"] for each in GOT]

    def test_events(self) -> None:
        """All events arrive in order; the function may take a few at a time."""
        self.start_("StatusPush(send)")
        self.build(1)
        self.wait(5)
        self.assertEqual([each["id"] for each in GOT], list(range(1, len(GOT) + 1)))
        for name in ("start", "slaveConnected", "changeAdded", "buildStarted", "buildFinished"):
            self.assertIn(name, self.names())

    def test_failing(self) -> None:
        """What the function puts back is handed over later, also after a kill of the master."""
        self.start_("StatusPush(send, blackList=['builderChangedState'])")
        TROUBLE.append(ValueError("down"))
        self.build(1)
        self.wait(30)
        self.assertNotIn("buildFinished", self.names())
        self.assertIn("left events", str(self.status()["master"]["outgoing"]))
        self.kill()
        TROUBLE.clear()
        self.begin()
        self.wait(5)
        self.assertEqual(self.names().count("buildFinished"), 1)
        self.assertNotIn("builderChangedState", self.names())

    def test_subclass(self) -> None:
        """A subclass may choose the events, and add to them."""
        self.start_("Finished(send)")
        self.build(1)
        self.wait(5)
        (event,) = GOT
        self.assertEqual((event["event"], event["payload"]["extra"]), ("buildFinished", 7))
        self.assertEqual(event["payload"]["build"]["builderName"], "full")

    def test_doubts(self) -> None:
        """Arguments of 0.8 that have no effect are named."""
        self.add("push = StatusPush(send, path='events', queue=object(), retryDelay=9)")
        self.start_("push")
        (push,) = self.master.config.status
        said = " ".join(cast(StatusPush, push).configurationDoubts)
        for name in ("path", "queue", "retryDelay"):
            self.assertIn(f"StatusPush: {name} has no effect", said)

    def test_kinds(self) -> None:
        """A class that posts the events is a StatusPush, too, as in 0.8."""
        self.assertTrue(issubclass(HttpStatusPush, StatusPush))

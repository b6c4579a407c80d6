"""Status receivers as people wrote them for 0.7.5, 0.7.12 and 0.8.14, in Python 2, converted by us."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SkipTest

from buildbot.changes.changes import Change
from buildbot.config.migrate import NeedsExtra, migrate
from buildbot.model.results import FAILURE, SUCCESS
from tests.stories.test_plugins import PluginCase

RECEIVERS = '''
import string
from buildbot import interfaces, util
from buildbot.process.factory import BuildFactory, s
from buildbot.scheduler import Scheduler
from buildbot.status import base
from buildbot.status.builder import Results, SUCCESS, FAILURE, Event
from buildbot.steps.shell import ShellCommand
from twisted.python import log

class Pager(base.StatusReceiverMultiService):
    """0.7.5: pages people when a build changes from good to bad, with the end of its log."""
    compare_attrs = ["recipients", "builders"]

    def __init__(self, recipients, builders=None):
        base.StatusReceiverMultiService.__init__(self)
        self.recipients = recipients
        self.builders = builders
        self.watched = []
        self.pages = []

    def setServiceParent(self, parent):
        base.StatusReceiverMultiService.setServiceParent(self, parent)
        self.status = self.parent.getStatus()
        self.control = interfaces.IControl(self.parent)
        self.status.subscribe(self)

    def disownServiceParent(self):
        self.status.unsubscribe(self)
        for w in self.watched:
            w.unsubscribe(self)
        return base.StatusReceiverMultiService.disownServiceParent(self)

    def builderAdded(self, name, builder):
        if self.builders is not None and name not in self.builders:
            return None
        self.watched.append(builder)
        return self

    def buildFinished(self, name, build, results):
        prev = build.getPreviousBuild()
        if prev is not None and prev.getResults() == results:
            return
        ss = build.getSourceStamp()
        words = ["%s %d %s" % (name, build.getNumber(), Results[results])]
        if ss.branch <> None:
            words.append("branch %s" % ss.branch)
        words.append("blame %s" % string.join(build.getResponsibleUsers(), ","))
        words.append("slave %s" % build.getProperty("slavename"))
        for l in build.getLogs():
            if l.hasContents() and l.getName() == "stdio":
                words.append("%s: %s" % (l.getStep().getName(), l.getText().split("\\n")[0]))
        (start, end) = build.getTimes()
        words.append(unicode("url %s") % self.status.getURLForThing(build))
        assert end >= start
        self.pages.append("; ".join(words))
        if results == FAILURE and build.getReason().find("again") == -1:
            self.control.getBuilder(name).resubmitBuild(build, "again")

class Dashboard(base.StatusReceiverMultiService):
    """0.7.12: follows everything, down to the lines of the logs."""
    compare_attrs = ["title"]

    def __init__(self, title):
        base.StatusReceiverMultiService.__init__(self)
        self.title = title
        self.told = []
        self.lines = {}

    def startService(self):
        base.StatusReceiverMultiService.startService(self)
        self.status = self.parent.getStatus()
        self.status.subscribe(self)

    def stopService(self):
        self.status.unsubscribe(self)
        return base.StatusReceiverMultiService.stopService(self)

    def note(self, *words):
        self.told.append(" ".join(map(str, words)))

    def builderAdded(self, name, builder):
        self.note("added", name, builder.getState()[0])
        return self
    def builderChangedState(self, name, state):
        self.note("state", state)
    def buildsetSubmitted(self, bss):
        self.note("set", bss.getReason(), ",".join(bss.getBuilderNames()))
    def requestSubmitted(self, brs):
        self.note("request for", brs.getBuilderName())
    def buildStarted(self, name, build):
        self.note("build", build.getNumber())
        return (self, 60)
    def buildETAUpdate(self, build, ETA):
        if ETA is not None:
            self.note("eta", int(ETA))
    def stepStarted(self, build, step):
        self.note("step", step.getName())
        return (self, 1000)
    def stepETAUpdate(self, build, step, ETA, expectations):
        for (metric, now, usual) in expectations:
            assert metric == "output", metric
    def logStarted(self, build, step, log):
        return self
    def logChunk(self, build, step, log, channel, text):
        key = (step.getName(), log.getName())
        if not self.lines.has_key(key):
            self.lines[key] = ""
        if channel == interfaces.LOG_CHANNEL_STDOUT:
            self.lines[key] += text
    def logFinished(self, build, step, log):
        self.note("log", log.getName())
    def stepFinished(self, build, step, results):
        (code, strings) = results
        self.note("ended", step.getName(), Results[code])
    def buildFinished(self, name, build, results):
        self.note("finished", Results[results])

class Reporter(base.StatusReceiverMultiService):
    """0.8.14: its parent is the status; source stamps, properties, tags, changes, slaves."""
    compare_attrs = ["url", "tags"]

    def __init__(self, url, tags=None):
        base.StatusReceiverMultiService.__init__(self)
        self.url = url
        self.tags = tags
        self.watched = []
        self.sent = []

    def setServiceParent(self, parent):
        base.StatusReceiverMultiService.setServiceParent(self, parent)
        self.master_status = self.parent
        self.master_status.subscribe(self)
        self.master = self.master_status.master

    def disownServiceParent(self):
        self.master_status.unsubscribe(self)
        self.master_status = None
        for w in self.watched:
            w.unsubscribe(self)
        return base.StatusReceiverMultiService.disownServiceParent(self)

    def send(self, kind, **payload):
        self.sent.append((kind, sorted(payload.iteritems())))

    def builderAdded(self, name, builder):
        if self.tags and not [t for t in builder.getTags() if t in self.tags]:
            return None
        self.watched.append(builder)
        return self
    def changeAdded(self, change):
        self.send("change", number=change.number, who=change.who)
    def slaveConnected(self, slaveName):
        self.send("slave", name=slaveName, host=self.master_status.getSlave(slaveName).getHost())
    def slaveDisconnected(self, slaveName):
        self.send("slave gone", name=slaveName)
    def buildStarted(self, name, build):
        names = self.master_status.getBuilderNames()
        self.send("started", title=self.master_status.getTitle(), builders=len(names))
        return self
    def buildFinished(self, name, build, results):
        ss = build.getSourceStamps(absolute=True)[0]
        props = build.getProperties()
        steps = [st.getName() for st in build.getSteps() if not st.isHidden()]
        self.send("finished", branch=ss.branch, revision=ss.revision, repository=ss.repository,
                  slave=build.getSlavename(), got=build.getAllGotRevisions(), steps=steps,
                  unset=[build.getProperty("no"), build.getProperties().render(["x"])],
                  builder=props.getProperty("buildername"), number=props["buildnumber"],
                  url=self.master_status.getURLForBuild(name, build.getNumber()))
    def buildsetComplete(self, buildset):
        self.send("complete", results=buildset.getResults())

class Broken(base.StatusReceiverMultiService):
    """Fails in every method that it has."""
    def startService(self):
        base.StatusReceiverMultiService.startService(self)
        self.parent.getStatus().subscribe(self)
    def builderAdded(self, name, builder):
        return self
    def buildStarted(self, name, build):
        raise ValueError, "broken"
    def buildFinished(self, *args):
        print >>log.logfile, None.nothing
    changeAdded = slaveConnected = buildFinished

c = BuildmasterConfig = {}
c['slaves'] = [("bot1", "sekrit")]
c['sources'] = []
c['builders'] = [
    {'name': "full", 'slavename': "bot1", 'builddir': "full", 'category': "main", 'tags': ["nightly"],
     'factory': BuildFactory([s(ShellCommand, name="make", command=["make"])])},
]
c['schedulers'] = [Scheduler("all", "b", 1, ["full"])]
c['status'] = [Broken(), Pager(["ann"]), Dashboard("board"), Reporter("http://x/", tags=["nightly"])]
c['slavePortnum'] = 9989
c['projectName'] = "Old"
c['buildbotURL'] = "http://ci.example.org/"
'''


class ReceiverStories(PluginCase):
    """A master with all of these receivers."""

    def setUp(self) -> None:
        try:
            type(self).config = migrate(RECEIVERS.encode()).after
        except NeedsExtra as why:
            raise SkipTest("fissix, of the extra migrate, is not installed here") from why
        super().setUp()

    def receiver(self, name: str) -> Any:
        """The running receiver of this class."""
        (found,) = [child for child in self.master if type(child).__name__ == name]
        return found

    def build(self, *rc: int) -> None:
        """Send a change; the commands end with these codes."""
        codes = list(rc)
        self.slave = self.connect(
            "0.7.12",
            onCommand=lambda command: command.end(codes.pop(0), stdout=b"x.c:1: caf\xc3\xa9\nmore\n"),
        )
        self.wait(1)
        change = Change("ann", ["a.c"], "words", revision="5", branch="b", repository="r")
        self.successResultOf(self.master.addChange(change))
        self.wait(4)

    def test_pager(self) -> None:
        """A notifier of 0.7.5 reads a finished build wholly, compares it, and has it built again."""
        self.build(1, 0)
        self.flushLoggedErrors()
        self.assertEqual(
            self.receiver("Pager").pages,
            [
                "full 0 failure; branch b; blame ann; slave bot1; make: x.c:1: café; "
                "url http://ci.example.org/builders/full/builds/0",
                "full 1 success; branch b; blame ann; slave bot1; make: x.c:1: café; "
                "url http://ci.example.org/builders/full/builds/1",
            ],
        )
        records = self.store.getBuilds("full")
        reasons = [each.reason for each in self.successResultOf(records)]
        self.assertEqual((reasons[0], len(reasons)), ("again", 2))

    def test_dashboard(self) -> None:
        """A dashboard of 0.7.12 gets every event, in order, with all output, although another one fails."""
        self.build(0)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertGreaterEqual(len(self.flushLoggedErrors(AttributeError)), 2)
        board = self.receiver("Dashboard")
        self.assertEqual(
            board.told,
            [
                *("added full offline", "state offline", "state idle", "set scheduler all full"),
                *("request for full", "state building", "build 0", "step make", "log stdio"),
                *("ended make success", "finished success", "state idle"),
            ],
        )
        self.assertEqual(board.lines, {("make", "stdio"): "x.c:1: café\nmore\n"})

    def test_reporter(self) -> None:
        """A receiver of 0.8.14 takes its parent for the status, and has the names of 0.8."""
        self.build(0)
        self.slave.broker.transport.abortConnection()
        self.settle()
        self.wait(1)
        self.flushLoggedErrors()
        sent = self.receiver("Reporter").sent
        self.assertEqual(
            [kind for kind, _ in sent], ["slave", "change", "started", "finished", "complete", "slave gone"]
        )
        facts = dict(sent)
        self.assertEqual(facts["change"], [("number", 1), ("who", "ann")])
        self.assertEqual(facts["started"], [("builders", 1), ("title", "Old")])
        self.assertEqual(facts["complete"], [("results", SUCCESS)])
        self.assertEqual(
            dict(facts["finished"]),
            {
                **{"branch": "b", "revision": None, "repository": "r", "slave": "bot1", "got": {}},
                **{"builder": "full", "number": 0, "steps": ["make"], "unset": [None, ["x"]]},
                "url": "http://ci.example.org/builders/full/builds/0",
            },
        )

    def test_afterRestart(self) -> None:
        """After a restart, a notifier compares the next build with the last one before the restart."""
        self.build(0)
        self.flushLoggedErrors()
        self.stop()
        self.successResultOf(self.start())
        self.master.botmaster.now = self.reactor.seconds
        self.build(0)
        self.flushLoggedErrors()
        self.assertEqual(self.receiver("Pager").pages, [])
        self.build(1, 0)
        self.flushLoggedErrors()
        self.assertEqual(len(self.receiver("Pager").pages), 2)

    def test_events(self) -> None:
        """A builder has the events of its slaves, and yields them among its builds and steps."""
        self.build(1, 1)
        self.flushLoggedErrors()
        full: Any = self.master.getStatus().getBuilder("full")
        event = full.getEvent(-1)
        self.assertEqual((event.getText(), event.getTimes()[0]), (["connect", "bot1"], event.getTimes()[1]))
        said = [" ".join(each.getText()) for each in full.eventGenerator()]
        self.assertEqual(said, ["'make' failed", "failed make"] * 2 + ["connect bot1"])
        self.assertEqual(
            [each.getNumber() for each in full.generateFinishedBuilds(results=[FAILURE])], [1, 0]
        )
        self.assertEqual(list(full.eventGenerator(branches=["other"])), [event])

"""Many things happen in any order, through the front door; then a fresh master shows the same."""

from __future__ import annotations

import json
import random
import re
from typing import Any
from urllib.parse import urljoin

from buildbot.model.change import Change
from tests.stories.web import Connection, Response, WebWorld

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Scheduler
from buildbot.status import html
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {}
c['bots'] = [(name, 'sekrit') for name in BOTS]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
f.addStep(ShellCommand, name='test', command=['make', 'test'], flunkOnFailure=False, warnOnFailure=True)
c['builders'] = [{'name': name, 'slavenames': BOTS, 'builddir': name, 'factory': f, 'category': name[:1]}
    for name in BUILDERS]
c['schedulers'] = [Scheduler('quick', None, 5, BUILDERS)]
c['status'] = [html.WebStatus(http_port=8010, allowForce=True, numbuilds=NUMBER)]
"""
#: The configurations: bots, builders, and an argument of the web server.
PLANS = (
    (["bot1", "bot2"], ["full", "quick"], 20),
    (["bot1"], ["full"], 20),
    (["bot1", "bot2"], ["quick", "other"], 5),
)
OWN = {"Origin": "http://127.0.0.1:8010", "Sec_Fetch_Site": "same-origin"}
SEEDS = range(1)
STEPS = 60


def stable(text: str) -> str:
    """A page without what belongs to one process: the IDs of its events, and its own start."""
    return re.sub(r'data-live="[^"]*"|data-since="[^"]*"|since=[\w%.-]+', "", text)


class RandomTests(WebWorld):
    """A site lives."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.plan = 0
        self.running: list[Any] = []
        self.streams: list[Connection] = []
        self.writePlan()
        self.successResultOf(self.start())

    def writePlan(self) -> None:
        """Write the file of the present plan."""
        bots, builders, number = PLANS[self.plan]
        text = CONFIG.replace("BOTS", repr(bots)).replace("BUILDERS", repr(builders))
        self.write(text.replace("NUMBER", str(number)))

    @property
    def builders(self) -> list[str]:
        """The names of the builders."""
        return PLANS[self.plan][1]

    # what happens

    def look(self, chance: random.Random) -> None:
        """Look at a page."""
        self.good(self.ask(chance.choice(self.addresses())))

    def watch(self, chance: random.Random) -> None:
        """Leave a page open."""
        connection = self.dial()
        page = chance.choice(("%2F", "%2Fbuilders", "%2Fwaterfall", "%2Fbuilders%2Ffull"))
        connection.send(f"GET /live?page={page} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        self.streams.append(connection)

    def leave(self, chance: random.Random) -> None:
        """Close an open page."""
        if self.streams:
            self.close(self.streams[chance.randrange(len(self.streams))])

    def close(self, connection: Connection) -> None:
        """Close an open page."""
        self.streams.remove(connection)
        self.connections.remove(connection)
        connection.close()

    def forceByPage(self, chance: random.Random) -> None:
        """Force a build with the form."""
        path = f"/builders/{chance.choice(self.builders)}/force"
        form = {"Content_Type": "application/x-www-form-urlencoded", **OWN}
        self.good(self.ask(path, "POST", b"username=ann&comments=why", **form))

    def forceByAPI(self, chance: random.Random) -> None:
        """Force a build with the API."""
        path = f"/api/v1/builders/{chance.choice(self.builders)}/force"
        body = json.dumps({"reason": "a program"}).encode()
        self.good(self.ask(path, "POST", body, Content_Type="application/json", **OWN))

    def stopBuild(self, chance: random.Random) -> None:
        """Stop a build with the API."""
        name = chance.choice(self.builders)
        rows = self.ask(f"/api/v1/builders/{name}/builds").json["builds"]
        if rows:
            path = f"/api/v1/builders/{name}/builds/{rows[0]['number']}/stop"
            self.good(self.ask(path, "POST", b"{}", Content_Type="application/json", **OWN))

    def endCommand(self, chance: random.Random) -> None:
        """A command of a slave ends."""
        if self.running:
            command = self.running.pop(chance.randrange(len(self.running)))
            command.update(stdout=f"error: {chance.random()}\n")
            command.end(chance.choice((0, 0, 2)))

    def change(self, chance: random.Random) -> None:
        """A change comes."""
        change = Change(chance.choice(("ann", "bob")), ["a.c"], "words", revision=f"r{chance.randrange(99)}")
        self.successResultOf(self.master.addChange(change))

    def come(self, chance: random.Random) -> None:
        """A slave connects."""
        self.connect(name=chance.choice(PLANS[self.plan][0]), onCommand=self.running.append)

    def go(self, chance: random.Random) -> None:
        """A slave goes away."""
        if self.slaves:
            slave = self.slaves.pop(chance.randrange(len(self.slaves)))
            self.running = [each for each in self.running if each.slave is not slave]
            assert slave.pump is not None
            slave.pump.client.abortConnection()
            slave.pump.pump()

    def alter(self, chance: random.Random) -> None:
        """The configuration changes."""
        self.plan = chance.randrange(len(PLANS))
        self.writePlan()
        self.assertTrue(self.reconfig()["applied"])
        for each in [each for each in self.streams if each.transport.disconnecting]:
            self.close(each)

    def restart(self, chance: random.Random) -> None:
        """The master stops, and starts again."""
        self.stop()
        self.connections.clear()
        self.slaves.clear()
        self.running.clear()
        self.streams.clear()
        self.successResultOf(self.start())

    def allCome(self) -> None:
        """All slaves connect."""
        for name in PLANS[self.plan][0]:
            self.connect(name=name, onCommand=self.running.append)

    def finish(self, chance: random.Random) -> None:
        """All builds end. Then all slaves connect anew."""
        while self.slaves:
            self.go(chance)
        self.wait(10)
        self.allCome()
        for _ in range(100):
            for command in self.running:
                command.end()
            self.running.clear()
            self.wait(2)
        self.assertEqual(self.ask("/api/v1/requests").json["requests"], [])
        while self.slaves:
            self.go(chance)
        self.allCome()

    # what is seen

    def good(self, answer: Response) -> None:
        """An answer may refuse, but not fail."""
        self.assertLess(answer.status, 500, answer.text)

    def addresses(self) -> list[str]:
        """Pages and answers of the API about what is stored."""
        found = ["/", "/builders", "/waterfall", "/grid", "/console", "/changes", "/one_line_per_build"]
        found += ["/buildslaves", "/queue", "/api/v1/builders", "/api/v1/changes", "/api/v1/slaves", "/rss"]
        for name in self.builders:
            found += [f"/builders/{name}", f"/api/v1/builders/{name}/builds", f"/badge/{name}.svg"]
            found += [f"/builders/{name}/builds/-1", f"/builders/{name}/builds/0/steps/compile/logs/stdio"]
        return found

    def shown(self) -> dict[str, str]:
        """All of them."""
        return {path: stable(self.followed(path).text) for path in self.addresses()}

    def followed(self, path: str) -> Response:
        """The answer, or that of the page to which it leads."""
        answer = self.ask(path)
        return self.ask(urljoin(path, answer.headers["location"])) if answer.status == 302 else answer

    def test_sequences(self) -> None:
        """After any sequence, pages and API answer as those of a master freshly started on the same store."""
        happenings = (
            *(
                self.look,
                self.look,
                self.watch,
                self.leave,
                self.forceByPage,
                self.forceByAPI,
                self.stopBuild,
            ),
            *(self.endCommand, self.endCommand, self.endCommand, self.change, self.come, self.come, self.go),
            *(self.alter, self.restart),
        )
        for seed in SEEDS:
            chance = random.Random(seed)
            for _ in range(STEPS):
                happening = chance.choices(happenings, [*[9] * 14, 3, 1])[0]
                happening(chance)
                self.wait(chance.randrange(4))
            self.finish(chance)
            before = self.shown()
            self.restart(chance)
            self.allCome()
            after = self.shown()
            for path in before:
                if path != "/api/v1/slaves":  # it has the connections since the start
                    self.assertEqual(before[path], after[path], f"seed {seed}: {path}")

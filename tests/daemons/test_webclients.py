"""Other people's programs ask a real master: 0.8's scripts, monitors, feed readers, badges, event streams.

They come from the package indexes (L{tests.integration.clients}); a test whose programs cannot be
fetched is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet import threads
from twisted.trial import unittest

from tests.integration import clients
from tests.integration.generations import SLAVE, findPython27
from tests.integration.masters import MasterTestCase
from tests.integration.processes import Child, environment
from tests.ports import freePort

FULL, OTHER, NEVER = "full", "my builder", "c++"
AFTER = """
from buildbot.status import html
from buildbot.steps.shell import ShellCommand
from buildbot.schedulers.forcesched import ForceScheduler
def factoryOf(status):
    made = factory.BuildFactory()
    made.addStep(ShellCommand(name='compile it', command='echo "one <b>two</b>"'))
    made.addStep(ShellCommand(name='test', command='echo testing; exit %d' % status))
    return made
c['builders'] = [dict(name=name, slavenames=['a'], builddir='b%d' % at, factory=factoryOf(at), category='all')
                 for at, name in enumerate(['full', 'my builder', 'c++'])]
c['schedulers'] = [ForceScheduler('force', ['full', 'my builder'])]
c['projectName'], c['buildbotURL'] = 'Fish & chips', 'http://localhost:{port}/'
c['status'].append(html.WebStatus(http_port='tcp:{port}:interface=127.0.0.1', allowForce=True,
    change_hook_dialects={{'base': {{'addresses': ['127.0.0.1']}}, 'github': {{'secret': 'sesame'}}}}))
"""

#: The questions of programs in Python 2 and 3 over XML-RPC.
XMLRPC = """
try:
    from xmlrpclib import Fault, ServerProxy
except ImportError:
    from xmlrpc.client import Fault, ServerProxy
import json, sys, time
server = ServerProxy(sys.argv[1] + '/xmlrpc')
now = time.time()
build = server.getBuild('my builder', -1)
try:
    server.getBuild('nobody', 0)
    fault = None
except Fault as why:
    fault = why.faultString
print(json.dumps([
    server.getAllBuilders(), server.getLastBuildResults('my builder'), server.getLastBuilds('full', 3),
    server.getAllBuildsInInterval(now - 3600, now + 60), server.getLastBuildsAllBuilders(2), build, fault]))
"""

#: A reader of CCTray's file in Python 2.7. It needs several projects, each with a build.
GOCD = """
import json, sys
from gocd_parser.handler.cctray import Cctray
from gocd_parser.retriever.server import Server
read = Cctray(Server(sys.argv[1], None, None))
print(json.dumps(sorted((name, each['build_count']) for name, each in read.pipelines.items())))
"""

#: Readers in Python 3.
READERS = """
import io, json, sys, urllib.request
import feedparser, httpx
from buildnotifylib.core import cctray
from httpx_sse import connect_sse
from PIL import Image
base = sys.argv[1]
def read(path):
    with urllib.request.urlopen(base + path) as said:
        return said.read()
found = {}
for path in ('/atom', '/rss', '/atom?only=all&builder=full', '/rss?only=changes&category=all'):
    feed = feedparser.parse(base + path)
    again = feedparser.parse(base + path, etag=feed.etag)
    found[path] = [bool(feed.bozo), feed.version, again.status, [
        [each.title, each.link, each.id, bool(each.get('updated_parsed') or each.get('published_parsed'))]
        for each in feed.entries]]
class Server:
    url, prefix, timezone, excluded_projects = base + '/cctray.xml', None, 'None', ()
found['cctray'] = [[each.name, each.status.value, each.activity.value, each.last_build_label, each.url,
                    each.build_time is not None] for each in cctray.parse(read('/cctray.xml'), Server())]
pictures = [Image.open(io.BytesIO(read('/png?builder=full&size=' + size))) for size in ('small', 'large')]
for each in pictures:
    each.load()
found['png'] = [[each.format, each.size[0]] for each in pictures]
with httpx.Client() as client:
    with connect_sse(client, 'GET', base + '/api/v1/events?topics=builds&since=0') as source:
        found['event'] = next(source.iter_sse()).event
print(json.dumps(found))
"""

#: Readers in Node.js: an EventSource behind a proxy that cuts it, shields' images, GitHub's deliveries.
NODE = """
import crypto from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import { EventSource } from 'eventsource';
const require = createRequire(import.meta.url);
const { makeBadge } = require('badge-maker');
const base = new URL(process.argv[2]), found = {};
const ask = (path, body, headers = {}) => new Promise((done, fail) => {
    const method = body === undefined ? 'GET' : 'POST';
    const request = http.request(new URL(path, base), { method, headers }, (said) => {
        const parts = [];
        said.on('data', (part) => parts.push(part));
        said.on('end', () => done({ status: said.statusCode, text: Buffer.concat(parts).toString() }));
    });
    request.on('error', fail);
    request.end(body);
});
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

const shown = JSON.parse((await ask('/badge/full.json')).text);
const allowed = ['schemaVersion', 'label', 'message', 'color', 'labelColor', 'isError', 'cacheSeconds'];
found.badge = [shown.schemaVersion, Object.keys(shown).filter((each) => !allowed.includes(each)),
    makeBadge({ label: shown.label, message: shown.message, color: shown.color }).startsWith('<svg')];

const given = [];
const proxy = http.createServer((request, answer) => {
    given.push(request.headers['last-event-id'] || '');
    const passed = http.request(new URL(request.url, base), { headers: request.headers }, (said) => {
        answer.writeHead(said.statusCode, said.headers);
        said.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    passed.end();
    setTimeout(() => { answer.destroy(); passed.destroy(); }, 1500);
}).listen(0, '127.0.0.1');
await new Promise((done) => proxy.once('listening', done));
const source = new EventSource(`http://127.0.0.1:${proxy.address().port}/api/v1/events?topics=builds`);
const events = [], wanted = 3;
await new Promise((done) => source.addEventListener('open', done, { once: true }));
const ended = new Promise((done) => {
    for (const name of ['buildStarted', 'buildFinished', 'reset'])
        source.addEventListener(name, (said) => {
            events.push([name, said.lastEventId]);
            if (events.filter((each) => each[0] === 'buildFinished').length === wanted) done();
        });
});
for (let number = 0; number < wanted; number++) {
    await ask('/builders/full/force', 'forcescheduler=force&reason=try', form);
    await new Promise((done) => setTimeout(done, 2500));
}
await ended;
source.close();
found.events = [events.map((each) => each[0]), new Set(events.map((each) => each[1])).size,
    given.length > 1 && given.slice(1).every((each) => each !== '')];

const sign = (body) => 'sha256=' + crypto.createHmac('sha256', 'sesame').update(body).digest('hex');
const answers = {};
let number = 0;
for (const { name, examples } of require('@octokit/webhooks-examples')) {
    if (!['ping', 'push', 'pull_request', 'star'].includes(name)) continue;
    for (const example of examples) {
        const body = JSON.stringify(example), id = `delivery-${number++}`;
        const headers = {
            'Content-Type': 'application/json', 'X-GitHub-Delivery': id, 'X-GitHub-Event': name };
        const signed = { ...headers, 'X-Hub-Signature-256': sign(body) };
        const wrong = sign(body).replace(/.$/, (last) => (parseInt(last, 16) ^ 1).toString(16));
        const statuses = [];
        for (const [sent, its] of [
            [body, headers], [body, { ...headers, 'X-Hub-Signature-256': wrong }], [body + ' ', signed],
            [body, signed], [body, signed],
        ]) statuses.push((await ask('/change_hook/github', sent, its)).status);
        (answers[name] ||= new Set()).add(statuses.join(' '));
    }
}
found.deliveries = Object.fromEntries(Object.entries(answers).map(([name, all]) => [name, [...all].sort()]));
found.changes = JSON.parse((await ask('/api/v1/changes?limit=100')).text);
console.log(JSON.stringify(found));
process.exit(0);
"""

#: A reader of CCTray's file in Node.js. It takes every project for a stage of GoCD.
MONITOR = """
const options = require('gocd-api/lib/options'), reader = require('gocd-api/lib/cc/ccTrayReader');
options.extend({ ccTrayUrl: process.argv[2] });
reader.readActivity([], () => true).then((read) => console.log(JSON.stringify(read.stages.map((each) =>
    [each.webUrl, each.activity, each.lastBuildStatus, each.lastBuildLabel, each.wasSuccessful()]))));
"""


class ClientsCase(MasterTestCase):
    """A master whose worker has made two good builds of one builder and a failed one of another."""

    async def makeReady(self) -> None:
        """Start the master and its worker, and wait for the builds."""
        await super().makeReady()
        self.web = freePort()
        self.url = f"http://127.0.0.1:{self.web}"
        self.master = await self.startMaster(bots={"a": "sesame"}, after=AFTER.format(port=self.web))
        await self.startSlaves(self.master.port, [(SLAVE, "a", "sesame")])
        await self.master.whenConnected("a")
        for builder, number in ((FULL, 0), (FULL, 1), (OTHER, 0)):
            await self.master.ask("force", builder=builder, reason="try")
            await self.master.whenFinished(builder, number)

    async def said(self, *words: str, status: int = 0) -> str:
        """The output of a program that ends with this status."""
        child = Child(
            self,
            list(words),
            self.directory,
            environment(self.directory),
            os.path.join(self.directory, "told"),
        )
        ended = await child.whenEnded(120)
        self.assertEqual(ended, status, f"{words}: {child.stdout()}{child.stderr()}")
        return child.stdout()

    async def read(self, path: str) -> bytes:
        """What an address answers."""

        def inThread() -> bytes:
            with urllib.request.urlopen(self.url + path, timeout=120) as said:
                whole: bytes = said.read()
                return whole

        return await threads.deferToThread(inThread)

    def script(self, name: str, text: str) -> str:
        """The path of a program with this text."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path


class OldProgramsTests(ClientsCase):
    """The programs of the folder C{contrib} of 0.8.14, unchanged, in Python 2.7."""

    async def makeReady(self) -> None:
        """Fetch the programs."""
        self.contrib = await clients.oldPrograms()
        self.monitor = await clients.oldClients()
        self.python = findPython27() or ""
        await super().makeReady()

    async def old(self, name: str, *words: str, status: int = 0) -> str:
        """The output of a program of the folder."""
        return await self.said(self.python, os.path.join(self.contrib, name), *words, status=status)

    async def test_old(self) -> None:
        """buildbot_json.py, check_buildbot.py, post_build_request.py and pollers work (web rows 59, 61)."""
        await self.checkJson()
        told = await self.old("check_buildbot.py", "-u", f"{self.url}/json/metrics")
        self.assertEqual(told, "OK: no problems\n")
        await self.checkMonitor()
        await self.checkHook()
        script = self.script("poller.py", XMLRPC)
        for python in (self.python, sys.executable):
            self.checkPoller(json.loads(await self.said(python, script, self.url)))

    async def checkMonitor(self) -> None:
        """gocd-parser reads the states of builders (web row 61)."""
        asked = f"{self.url}/cctray.xml?builder=full&builder=my%20builder&path="
        told = await self.said(self.monitor, self.script("monitor.py", GOCD), asked)
        self.assertEqual(json.loads(told), [[FULL, 1], [OTHER, 0]])

    async def checkJson(self) -> None:
        """All commands of buildbot_json.py tell the state of the master."""

        async def json08(command: str, *words: str) -> str:
            return await self.old("buildbot_json.py", command, self.url, *words)

        for command in ("pending", "busy", "disconnected", "current"):
            self.assertEqual(await json08(command), "", command)
        idle = (await json08("idle")).splitlines()
        self.assertEqual(
            idle, [f"{line}" for name in (NEVER, FULL, OTHER) for line in (f"Builder {name}: a",)]
        )
        self.assertIn('test: "', await json08("last_failure"))
        builds = await json08("builds", "-b", FULL)
        self.assertEqual(builds.count("Build:"), 2)
        self.assertIn("simplified_result: True", builds)
        self.assertIn("steps: <BuildSteps keys=[0, 1]>", builds)
        self.assertIn("full", await json08("count", "--over", "86400"))
        asked = "b = buildbot.builders; print b.keys, b['my builder'].builds[-1].steps['test'].result"
        self.assertEqual(await json08("run", asked), "[u'c++', u'full', u'my builder'] 2\n")

    async def checkHook(self) -> None:
        """post_build_request.py sends a change to the hook of 0.8."""
        await self.old(
            "post_build_request.py",
            *("-H", f"127.0.0.1:{self.web}", "-w", "ann", "-f", "src/a.c", "-c", "mend <it>", "-R", "77"),
            *("-r", "svn://x/repo", "-P", "fish", "-b", "trunk", "-p", "{'level': 3}"),
        )
        change = json.loads(await self.read("/api/v1/changes/1"))
        told = [change[each] for each in ("who", "files", "comments", "revision", "branch", "repository")]
        self.assertEqual(told, ["ann", ["src/a.c"], "mend <it>", "77", "trunk", "svn://x/repo"])

    def checkPoller(self, told: Any) -> None:
        """The six methods answer as those of 0.7.6 to 0.8.1."""
        names, last, lastBuilds, interval, rows, build, fault = told
        self.assertEqual(names, [FULL, OTHER, NEVER])
        self.assertEqual(last, "failure")
        self.assertEqual([row[1] for row in lastBuilds], [0, 1])
        self.assertEqual(len(interval), 3)
        self.assertEqual(len(rows), 3)
        self.assertEqual((build["builder_name"], build["number"], build["results"]), (OTHER, 0, 2))
        self.assertEqual([each["name"] for each in build["steps"]], ["compile it", "test"])
        self.assertIn("nobody", fault)


class ReadersTests(ClientsCase):
    """Programs in Python 3."""

    async def makeReady(self) -> None:
        """Install the programs."""
        self.python = await clients.pythonClients()
        await super().makeReady()

    async def test_readers(self) -> None:
        """feedparser, BuildNotify, Pillow and httpx-sse read what the master sends (web rows 60 to 63)."""
        told = json.loads(await self.said(self.python, self.script("readers.py", READERS), self.url))
        base = f"http://localhost:{self.web}/builders"
        for path, version, titles in (
            ("/atom", "atom10", [f"{OTHER} #0"]),
            ("/rss", "rss20", [f"{OTHER} #0"]),
            ("/atom?only=all&builder=full", "atom10", [f"{FULL} #1", f"{FULL} #0"]),
            ("/rss?only=changes&category=all", "rss20", [f"{OTHER} #0"]),
        ):
            isWrong, found, again, entries = told[path]
            self.assertEqual((path, isWrong, found, again), (path, False, version, 304))
            self.assertEqual([title.partition(":")[0] for title, *_ in entries], titles, path)
            self.assertEqual(len({id for _, _, id, _ in entries}), len(entries))
            self.assertTrue(all(isTimed for *_, isTimed in entries))
            self.assertTrue(all(link.startswith(base) for _, link, *_ in entries))
        self.assertEqual(
            told["cctray"],
            [
                [FULL, "Success", "Sleeping", "1", f"{base}/full", True],
                [OTHER, "Failure", "Sleeping", "0", f"{base}/my%20builder", True],
                [NEVER, "Unknown", "Sleeping", "", f"{base}/c%2B%2B", True],
            ],
        )
        self.assertEqual([form for form, _ in told["png"]], ["PNG", "PNG"])
        self.assertLess(told["png"][0][1], told["png"][1][1])

    async def test_wellFormed(self) -> None:
        """xmllint reads the badges, feeds and states (web row 60)."""
        xmllint = shutil.which("xmllint")
        if xmllint is None:
            raise unittest.SkipTest("xmllint is not installed")
        for path in (
            *(
                "/badge/full.svg",
                "/badge/my%20builder.svg?label=%3C%26%22&style=flat",
                "/badge/c%2B%2B.svg",
            ),
            *("/atom?only=all", "/rss?only=all", "/cctray.xml"),
        ):
            await self.said(xmllint, "--noout", self.script("document.xml", (await self.read(path)).decode()))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            await self.read("/badge/nobody.svg")
        self.assertEqual(caught.exception.code, 404)
        await self.said(xmllint, "--noout", self.script("nobody.svg", caught.exception.read().decode()))


class NodeCase(ClientsCase):
    """Programs in Node.js. C{install} gives the folder that has them."""

    install: Callable[[], Coroutine[Any, Any, str]]

    async def makeReady(self) -> None:
        """Install the programs."""
        place = await type(self).install()
        await super().makeReady()
        os.symlink(os.path.join(place, "node_modules"), os.path.join(self.directory, "node_modules"))

    async def answer(self, name: str, text: str, url: str) -> Any:
        """The JSON that a program with this text prints when it is given this address."""
        node = shutil.which("node")
        assert node is not None
        return json.loads(await self.said(node, self.script(name, text), url))


class NodeTests(NodeCase):
    """Programs that need no compiler."""

    install = staticmethod(clients.nodeClients)

    async def test_node(self) -> None:
        """EventSource, shields' images and GitHub's deliveries work (web rows 60, 63 and 66)."""
        told = await self.answer("readers.mjs", NODE, self.url)
        self.assertEqual(told["badge"], [1, [], True])
        self.assertEqual(told["events"], [["buildStarted", "buildFinished"] * 3, 6, True])
        refused = "401 401 401 "
        self.assertEqual(told["deliveries"]["ping"], [refused + "200 200"])
        self.assertEqual(told["deliveries"]["push"], [refused + "200 200", refused + "202 200"])


class NodeMonitorTests(NodeCase):
    """A monitor of GoCD."""

    install = staticmethod(clients.nodeMonitor)

    async def test_monitor(self) -> None:
        """gocd-api reads the states of builders (web row 61)."""
        told = await self.answer("monitor.js", MONITOR, f"{self.url}/cctray.xml")
        base = f"http://localhost:{self.web}/builders"
        self.assertEqual(
            told,
            [
                [f"{base}/full", "Sleeping", "Success", 1, True],
                [f"{base}/my%20builder", "Sleeping", "Failure", 0, False],
                [f"{base}/c%2B%2B", "Sleeping", "Unknown", "", False],
            ],
        )

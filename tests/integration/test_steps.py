# -*- test-case-name: tests.integration.test_steps -*-
"""Steps of later releases on real slaves of every generation: what they send, what they get, what is kept."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.integration.generations import GENERATIONS
from tests.integration.masters import MasterTestCase, loopback
from tests.integration.slaves import together

CONFIG = r"""
from buildbot.process.factory import BuildFactory
from buildbot.process.properties import Interpolate, Property, WithProperties
from buildbot.status.results import SUCCESS, WARNINGS, SKIPPED
from buildbot.steps.shell import Compile, ShellCommand
from buildbot.steps.shellsequence import ShellArg, ShellSequence
from buildbot.steps.slave import SetPropertiesFromEnv
from buildbot.steps.transfer import (
    JSONPropertiesDownload, JSONStringDownload, MultipleFileUpload, StringDownload,
)

f = BuildFactory()
f.addSteps([
    StringDownload(WithProperties('on %(slavename)s: Grüße ☃\n'), slavedest='conf/x.txt', mode=0o640),
    JSONStringDownload({'slave': Property('slavename'), 'list': [1, None]}, slavedest='x.json'),
    JSONPropertiesDownload(slavedest='build.json'),
    StringDownload('# none\na\\.c : unused\n', slavedest='supp', name='supp'),
    ShellCommand(name='stdin', command=['cat'], initialStdin='Grüße ☃\nEnde', usePTY=False),
    ShellCommand(name='look', command=['cat', 'conf/x.txt', 'x.json', 'build.json'], usePTY=False),
    # Each build adds to the file: slaves take one of the same second and size for unchanged.
    ShellCommand(name='lazy', command='echo full >> full.log', lazylogfiles=True, usePTY=False,
                 logfiles={'full': 'full.log', 'none': 'none.log'}),
    ShellCommand(name='rc', command='exit 3', decodeRC={0: SUCCESS, 3: WARNINGS}, usePTY=False,
                 interruptSignal='INT', sigtermTime=2, descriptionSuffix='of the test'),
    MultipleFileUpload(['conf', 'x.json'], masterdest=Interpolate('up/%(prop:slavename)s'),
                       url=Interpolate('http://h/%(prop:slavename)s'), urlText='the copies'),
    Compile(command='echo a.c:1: warning: unused x; echo b.c:2: warning: unused y', usePTY=False,
            warningPattern=r'(.*?):(\d+): warning: (.*)', suppressionFile='supp',
            warningExtractor=Compile.warnExtractFromRegexpGroups),
    SetPropertiesFromEnv(['PATH', 'NO_SUCH_VARIABLE']),
    ShellSequence([ShellArg('echo one'), ShellArg(['sh', '-c', 'exit 1'], warnOnFailure=True),
                   ShellArg('echo two', logname='two')], name='sequence', usePTY=False),
    ShellCommand(name='never', command='exit 1', doStepIf=lambda step: step.getProperty('no') == 'x'),
    ShellCommand(name='hidden', command='true', usePTY=False,
                 hideStepIf=lambda results, step: results == SUCCESS),
    ShellCommand(name='broken', command='true', doStepIf=lambda step: 1 // 0),
    ShellCommand(name='always', command='true', alwaysRun=True, usePTY=False),
])

c = BuildmasterConfig = {}
c['slavePortnum'] = given['port']
c['bots'] = [(name, 'sesame') for name in given['slaves']]
c['status'], c['schedulers'], c['sources'] = [], [], []
c['builders'] = [
    {'name': name, 'slavename': name, 'builddir': name, 'factory': f} for name in given['slaves']
]
"""


class StepsTests(MasterTestCase):
    """A build with many kinds of steps, on each generation."""

    async def test_steps(self) -> None:
        """Each step does its work on each slave, twice; a restarted master has kept what they have shown."""
        names = [generation.name for generation in GENERATIONS]
        self.master = await self.createMaster()
        given = {"port": loopback(self.master.port), "slaves": names}
        self.master.write(f"given = {given!r}\n{CONFIG}")
        await self.master.start()
        slaves = await self.startSlaves(self.master.port, [(g, g.name, "sesame") for g in GENERATIONS])
        await self.master.whenConnected(*slaves)
        for number in range(2):
            for build in await together(self._built(name, number) for name in names):
                self._check(build)
        before = [await self.master.ask("build", builder=name, number=1) for name in names]
        self.assertEqual(await self.master.stop(), 0)
        await self.master.start()
        after = [await self.master.ask("build", builder=name, number=1) for name in names]
        self.assertEqual(after, before)

    async def _built(self, name: str, number: int) -> dict[str, Any]:
        await self.master.ask("force", builder=name, reason="because")
        return await self.master.whenFinished(name, number)

    def _check(self, build: dict[str, Any]) -> None:
        name = build["slave"]
        steps = {step["name"]: step for step in build["steps"]}
        results = {each: step["results"] for each, step in steps.items()}
        others = {"rc": 1, "compile": 1, "sequence": 1, "never": 3, "broken": 4}
        self.assertEqual(results, {**dict.fromkeys(results, 0), **others}, (name, build))
        self.assertEqual(build["result"], "exception")

        self.assertEqual(self._text(build, "stdin").rstrip("\n"), "Grüße ☃\nEnde")
        said = self._text(build, "look")
        first, _, rest = said.partition("\n")
        self.assertEqual(first, f"on {name}: Grüße ☃")
        value, at = json.JSONDecoder().raw_decode(rest)
        self.assertEqual(value, {"slave": name, "list": [1, None]})
        told = json.loads(rest[at:])
        self.assertEqual((told["properties"]["slavename"], told["sourcestamp"]["branch"]), (name, None))

        logs = [log["name"] for log in steps["lazy"]["logs"]]
        self.assertEqual(logs, ["stdio", "full"])
        self.assertEqual(self._text(build, "lazy", "full"), "full\n" * (build["number"] + 1))
        self.assertEqual(steps["rc"]["text"], ["'exit", "3'", "of the test", "warnings"])
        header = self.master.output(build, "rc").get(2, b"").decode("utf-8", "replace")
        self.assertEqual("is too old for interruptSignal" in header, name == "0.7.12", header)

        copies = os.path.join(self.master.basedir, "up", name)
        self.assertEqual(sorted(os.listdir(copies)), ["conf", "x.json"])
        with open(os.path.join(copies, "conf", "x.txt"), encoding="utf-8") as stream:
            self.assertEqual(stream.read(), f"on {name}: Grüße ☃\n")
        self.assertEqual(steps["upload"]["urls"], {"the copies": f"http://h/{name}"})

        self.assertEqual(self._text(build, "compile", "warnings"), "b.c:2: warning: unused y\n")
        self.assertIn("/", build["properties"]["PATH"])
        self.assertNotIn("NO_SUCH_VARIABLE", build["properties"])
        self.assertEqual(self._text(build, "sequence"), "one\n")
        self.assertEqual(self._text(build, "sequence", "two"), "two\n")
        hidden = [each for each, step in steps.items() if step["hidden"]]
        self.assertEqual(hidden, ["hidden"])
        self.assertIn("ZeroDivisionError", self._text(build, "broken", "err.text"))

    def _text(self, build: dict[str, Any], step: str, log: str = "stdio") -> str:
        return self.master.output(build, step, log)[0].decode()

# -*- test-case-name: tests.integration.test_force -*-
"""Builds that a person forces with C{buildbot force --scheduler}: a real master, and a real slave of 0.8."""

from __future__ import annotations

import signal

from tests.integration.generations import SLAVE
from tests.integration.masters import MasterTestCase

#: The rest of C{master.cfg}.
FORM = """
from buildbot.plugins import schedulers, steps, util

f.addStep(steps.ShellCommand(command=[
    'echo', util.Interpolate('%(prop:site)s %(prop:jobs)s %(prop:owner)s %(src::branch)s')]))
c['properties'] = {'site': 'north'}
c['schedulers'].append(schedulers.ForceScheduler(
    name='form', builderNames=['full'],
    branch=util.ChoiceStringParameter(name='branch', choices=['trunk', 'rel'], default='trunk'),
    username=util.UserNameParameter(label='your name:<br>', need_email=False),
    reason=util.StringParameter(name='reason', label='reason:<br>', required=True, size=80),
    properties=[util.IntParameter(name='jobs', default=2)],
))
"""


class ForceTests(MasterTestCase):
    """The command, the master and the slave are processes of their own."""

    async def test_forced(self) -> None:
        """Wrong values are told and start nothing. A request that waits survives a killed master."""
        builders = {"full": ["bot"], "docs": ["bot"]}
        master = await self.startMaster(bots={"bot": "sesame"}, builders=builders, after=FORM)
        listed = await master.run("force", "--list-parameters", master.basedir, "full")
        self.assertEqual(listed.status, 0, listed.words)
        rows = [line.split() for line in listed.stdout.splitlines()]
        self.assertIn(["reason", "text", "required"], rows)
        self.assertIn(["branch", "list", '"trunk"', "one", "of", "trunk,", "rel"], rows)

        form = ("force", "--scheduler=form")
        wrong = await master.run(
            *form, "-P", "jobs=x", "-P", "branch=none", "-P", "job=1", master.basedir, "full"
        )
        self.assertEqual(
            (wrong.status, wrong.stderr.splitlines()),
            (
                1,
                [
                    "scheduler 'form' has no parameter 'job'; did you mean 'jobs'?",
                    "parameter 'branch' must be one of the choices: trunk, rel, not 'none'",
                    "parameter 'jobs' must be a whole number, not 'x'",
                    "parameter 'reason' is required",
                ],
            ),
        )
        other = await master.run(*form, "-m", "r", master.basedir, "docs")
        self.assertEqual(
            (other.status, other.stderr), (1, "scheduler 'form' has no builder 'docs': it has full\n")
        )
        self.assertEqual(await master.waiting("full"), [])

        for more in (("-P", "jobs=4", "-b", "rel"), ("-P", "username=bo")):
            good = await master.run(*form, "-m", "to see", *more, master.basedir, "full")
            self.assertEqual(good.status, 0, good.words)
        master.child.signal(signal.SIGKILL)
        await master.child.whenEnded()
        await master.start()
        self.assertEqual(len(await master.waiting("full")), 2)
        await self.startSlaves(master.port, [(SLAVE, "bot", "sesame")])
        me = (await master.whenFinished("full", 0))["properties"]["owner"]
        for number, said in ((0, f"north 4 {me} rel\n"), (1, "north 2 bo trunk\n")):
            build = await master.whenFinished("full", number)
            self.assertEqual(master.output(build, "shell", "stdio")[0].decode(), said)
            owner = build["properties"]["owner"]
            self.assertEqual(build["reason"], f"A build was forced by '{owner}': to see")
        waited = await master.run(*form, "--wait", "-m", "to wait", master.basedir, "full")
        self.assertEqual((waited.status, waited.stderr), (0, ""), waited.words)
        told = waited.stdout.splitlines()
        self.assertIn("build 2 of full has started on bot", told)
        self.assertTrue(told[-1].startswith("build full/2: success ("), told)
        found = await master.run("grep", master.basedir, "^north [0-9] bo", "full")
        self.assertRegex(found.stdout, r"^full/1/shell/stdio:\d+: north 2 bo trunk\n$")
        self.assertNoTracebacks(master)

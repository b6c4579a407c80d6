"""Builds that a person forces, through a ForceScheduler."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.control.client import ControlError
from buildbot.model.properties import WithProperties
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.process.provenance import Origin, originOf, piecesOf
from buildbot.schedulers.forcesched import SOURCE
from tests.stories.world import CONFIG, World

LONG = f"""
from buildbot.schedulers.forcesched import *
from buildbot.steps.shell import ShellCommand
{CONFIG}
c['builders'].append({{**c['builders'][0], 'name': 'docs', 'builddir': 'docs'}})
c['builders'][0]['factory'].addStep(ShellCommand(command=['make']))
"""
#: As files of 0.8 write it.
SCHEDULER = """
c['schedulers'] = [ForceScheduler(
    name='form', builderNames=['full'],
    branch=ChoiceStringParameter(name='branch', choices=['trunk', 'rel'], default='trunk'),
    revision=FixedParameter(name='revision', default=''),
    repository=FixedParameter(name='repository', default='git://here'),
    project=FixedParameter(name='project', default=''),
    reason=StringParameter(name='reason', label='reason:', required=True, size=80),
    properties=[IntParameter(name='jobs', default=2), BuildslaveChoiceParameter()],
)]
"""
PLAIN = "c['schedulers'] = [ForceScheduler('plain', ['full', 'docs'])]"


class ForceCase(World):
    """A master whose builds last until their slave says so."""

    config = SCHEDULER

    def setUp(self) -> None:
        super().setUp()
        self.write(LONG + self.config)
        self.successResultOf(self.start())

    def build(self) -> Any:
        """The only running build."""
        (build,) = [each for builder in self.master.botmaster.getBuilders() for each in builder.building]
        return build

    def restart(self) -> None:
        """Stop the master, and start another one with the same store."""
        self.stop()
        self.start()
        self.settle()

    def asking(self, **params: Any) -> Deferred[dict[str, Any]]:
        """Send C{force} for the builder full."""
        asked = ensureDeferred(self.master.commands["force"](**{"builder": "full", **params}))
        self.settle()
        self.wait(3)
        return asked

    def force(self, **params: Any) -> Any:
        """The waiting or running request that C{force} has made."""
        said = self.successResultOf(self.asking(**{"scheduler": "form", "who": "ann", **params}))
        builder = self.master.botmaster.builders[said["builder"]]
        requests = [*builder.pending, *(req for build in builder.building for req in build.requests)]
        (request,) = [each for each in requests if each.id == said["request"]]
        return request

    def refusal(self, **params: Any) -> list[str]:
        """The lines of a refusal. Nothing is submitted then."""
        before = len(self.successResultOf(self.store.pendingRequests()))
        why = self.failureResultOf(self.asking(**{"scheduler": "form", "who": "ann", **params}), ControlError)
        self.assertEqual(len(self.successResultOf(self.store.pendingRequests())), before)
        return str(why.value).splitlines()


class FormTests(ForceCase):
    """C{buildbot force --scheduler}."""

    def test_built(self) -> None:
        """The values become source, reason and properties of the build, each with the source of 0.8."""
        self.connect()
        request = self.force(params={"jobs": "4", "branch": "rel"}, reason="to see")
        self.assertEqual(request.reason, "A build was forced by 'ann': to see")
        source = request.source
        self.assertEqual((source.branch, source.revision, source.repository), ("rel", None, "git://here"))
        build = self.build()
        told = {name: build.getProperty(name) for name in ("jobs", "reason", "owner", "branch")}
        self.assertEqual(told, {"jobs": 4, "reason": "to see", "owner": "ann", "branch": "rel"})
        for name in ("jobs", "reason", "owner"):
            self.assertEqual(build.properties.getPropertySource(name), "Force Build Form")

    def test_notTrusted(self) -> None:
        """What a person gives counts as from others: a step on the master does not trust it."""
        self.connect()
        self.force(params={"reason": "$(rm)"})
        build = self.build()
        self.assertEqual({originOf(name, build) for name in ("jobs", "reason", "owner")}, {Origin.OTHERS})
        (piece,) = piecesOf(WithProperties("%(reason)s"), build)
        self.assertEqual((piece.text, piece.by), ("$(rm)", Origin.OTHERS))

    def test_twice(self) -> None:
        """Two builds with different values do not share a build; two with the same values do."""
        for jobs in ("1", "2", "2"):
            self.force(params={"jobs": jobs}, reason="r")
        self.connect()
        self.connect(name="bot2")
        builds = self.master.botmaster.builders["full"].building
        self.assertEqual([len(build.requests) for build in builds], [1, 2])

    def test_restart(self) -> None:
        """A request that waits has its properties, and their source, after a restart of the master."""
        self.force(params={"jobs": "7"}, reason="r")
        self.restart()
        self.connect()
        build = self.build()
        self.assertEqual(build.getProperty("jobs"), 7)
        self.assertEqual(build.properties.getPropertySource("jobs"), SOURCE)
        self.assertEqual(originOf("jobs", build), Origin.OTHERS)
        self.assertEqual(build.reason, "A build was forced by 'ann': r")

    def test_restartOfOthers(self) -> None:
        """So has the request of another program that names a source."""
        wanted = BuildSet(["full"], SourceStamp(), "r", properties={"a": "1"}, propertySource="the form")
        self.successResultOf(ensureDeferred(self.master.submitBuildSet(wanted)))
        self.restart()
        self.connect()
        self.assertEqual(self.build().properties.getPropertySource("a"), "the form")

    def test_allErrors(self) -> None:
        """All errors are told at once, and nothing is submitted."""
        bad = {"jobs": "x", "branch": "none", "slavename": "b9", "job": "1", "repository": ["git://there"]}
        self.assertEqual(
            self.refusal(params=bad),
            [
                "scheduler 'form' has no parameter 'job'; did you mean 'jobs'?",
                "parameter 'branch' must be one of the choices: trunk, rel, not 'none'",
                "parameter 'repository' is fixed: it is always 'git://here'",
                "parameter 'jobs' must be a whole number, not 'x'",
                "parameter 'slavename' (Build slave) names no slave of the builder: -any-, bot1, bot2,"
                " not 'b9'",
                "parameter 'reason' is required",
            ],
        )

    def test_ownOptions(self) -> None:
        """The options for source, reason and properties go into the parameters of the scheduler."""
        request = self.force(branch="rel", reason="r", properties={"jobs": "5"})
        self.assertEqual((request.source.branch, request.properties["jobs"]), ("rel", 5))
        self.assertEqual(
            self.refusal(reason="r", revision="r7", properties={"colour": "red"}, params={"reason": "s"}),
            [
                "scheduler 'form' takes no property 'colour'",
                "parameter 'revision' is fixed: it is always ''",
                "parameter 'reason' takes one value, and is given 2",
            ],
        )

    def test_person(self) -> None:
        """A person whose name is known need not give it; a given one is checked."""
        request = self.force(reason="r", params={"username": "Bo <bo@x.org>"})
        self.assertEqual(request.properties["owner"], "Bo <bo@x.org>")
        (told,) = self.refusal(reason="r", params={"username": "Bo"})
        self.assertIn("parameter 'username' (Your name) must have the form", told)

    def test_wrongScheduler(self) -> None:
        """An unknown scheduler, one that is no ForceScheduler, and one without the builder are told."""
        self.assertEqual(
            self.refusal(scheduler="forms"),
            ["scheduler 'forms' is not in c['schedulers']; did you mean 'form'?"],
        )
        self.assertEqual(
            self.refusal(builder="docs"), ["scheduler 'form' has no builder 'docs': it has full"]
        )
        self.edit("c['schedulers'] = [", "from buildbot.scheduler import Scheduler\nc['schedulers'] = [")
        self.edit("BuildslaveChoiceParameter()],\n)]", "],\n), Scheduler('often', None, 60, ['full'])]")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(
            self.refusal(scheduler="often"), ["scheduler 'often' is no ForceScheduler; there is form"]
        )
        self.edit("c['schedulers'] = [", "c['nothing'] = [")
        self.reconfig()
        self.assertEqual(
            self.refusal(),
            ["scheduler 'form' is not in c['schedulers']: the configuration has no ForceScheduler"],
        )

    def test_withoutScheduler(self) -> None:
        """Without a scheduler, a build is forced as ever; parameters are refused."""
        request = self.force(scheduler=None, reason="r", properties={"x": "1"})
        self.assertEqual((request.reason, dict(request.properties)), ("forced by ann: r", {"x": "1"}))
        self.assertEqual(request.properties.getPropertySource("x"), "request")
        (told,) = self.refusal(scheduler=None, params={"jobs": "3"})
        self.assertIn("parameters belong to a scheduler", told)

    def test_reconfig(self) -> None:
        """A reconfig of the same file changes nothing; a changed parameter is in force after one."""
        self.assertEqual(self.reconfig()["changes"], [])
        self.edit("default=2", "default=3")
        (change,) = self.reconfig()["changes"]
        self.assertIn("scheduler form", change)
        self.assertEqual(self.force(reason="r").properties["jobs"], 3)

    def test_socket(self) -> None:
        """The control socket takes a request with parameters as JSON."""
        line = {"command": "force", "builder": "full", "scheduler": "form", "reason": "r"}
        for params, jobs in (({"jobs": "4"}, 4), ({"jobs": ["5"]}, 5), ({}, 2), (None, 2)):
            text = json.dumps({**line, "params": params}).encode()
            asked = ensureDeferred(self.master.control.answer(text))
            self.wait(3)
            said = json.loads(self.successResultOf(asked))["ok"]
            (request,) = [
                each for each in self.master.botmaster.builders["full"].pending if each.id == said["request"]
            ]
            self.assertEqual(request.properties["jobs"], jobs)

    def test_listed(self) -> None:
        """A person can ask for the parameters of a builder."""
        said = self.master.commands["parameters"]("full")
        (form,) = said["schedulers"]
        self.assertEqual((said["builder"], form["scheduler"], form["label"]), ("full", "form", "form"))
        names = ["username", "reason", "branch", "revision", "repository", "project", "jobs", "slavename"]
        self.assertEqual([each["name"] for each in form["parameters"]], names)
        self.assertEqual(form["parameters"][2]["choices"], ["trunk", "rel"])
        self.assertEqual(form["parameters"][7]["choices"], ["-any-", "bot1", "bot2"])
        self.assertEqual(self.master.commands["parameters"]("docs")["schedulers"], [])
        self.assertRaises(ControlError, self.master.commands["parameters"], "none")


class FollowedTests(ForceCase):
    """A Dependent that follows forced builds."""

    config = """
from buildbot.scheduler import Dependent
form = ForceScheduler('form', ['full', 'other'])
c['builders'].append({**c['builders'][0], 'name': 'other', 'builddir': 'other'})
c['schedulers'] = [form, Dependent('after', form, ['docs'])]
"""

    def test_follows(self) -> None:
        """It builds the source of each forced build that has succeeded, and of no failed one."""
        bot = self.connect()
        for branch, code, branches in (("a", 0, ["a"]), ("b", 1, ["a"]), ("c", 0, ["a", "c"])):
            bot.onCommand = lambda command, code=code: command.end(code)
            self.successResultOf(self.asking(scheduler="form", branch=branch))
            self.wait(2)
            self.assertEqual([each.sourcestamp["branch"] for each in self.followed()], branches)

    def followed(self) -> list[Any]:
        """The builds of the builder docs, the oldest first."""
        found: list[Any] = self.successResultOf(self.store.getBuilds("docs"))
        return found[::-1]


class PlainTests(ForceCase):
    """A ForceScheduler with the defaults of 0.8."""

    config = PLAIN

    def test_defaults(self) -> None:
        """Nothing is required."""
        request = self.force(scheduler="plain", builder="docs", who="")
        self.assertEqual(request.reason, "A build was forced by '': force build")
        self.assertEqual(dict(request.properties), {"reason": "force build", "owner": ""})

    def test_source(self) -> None:
        """The source can be given, and so can four properties of any name."""
        params = {"branch": "b", "revision": "r7", "repository": "git://x", "project": "p"}
        request = self.force(scheduler="plain", params=params, properties={"x": "1", "y": "2"})
        source = request.source
        told = (source.branch, source.revision, source.repository, source.project, source.codebase)
        self.assertEqual(told, ("b", "r7", "git://x", "p", ""))
        self.assertEqual([request.properties[name] for name in "xy"], ["1", "2"])
        many = {str(number): "" for number in range(5)}
        self.assertEqual(
            self.refusal(scheduler="plain", properties=many), ["scheduler 'plain' takes no property '4'"]
        )


class InheritTests(ForceCase):
    """Values of an earlier build."""

    config = """
def builds(status, name):
    last = status.getBuilder(name).getLastFinishedBuild()
    return [f'{name}/{last.getNumber()} {last.getResults()}'] if last else []
c['schedulers'] = [ForceScheduler('form', ['full'], properties=[
    NestedParameter('', fields=[InheritBuildParameter(compatible_builds=builds)]),
    IntParameter('jobs', default=2), StringParameter('other')])]
"""

    def test_inherited(self) -> None:
        """The values of an earlier build are forced again, also after a restart; its owner is known."""
        self.connect(onCommand=lambda command: command.end(0))
        first = self.asking(scheduler="form", who="ann", params={"other": "x"}, reason="r")
        self.assertEqual(self.successResultOf(first)["build"], 0)
        (inherit,) = [
            each
            for each in self.master.commands["parameters"]("full")["schedulers"][0]["parameters"]
            if each["name"] == "inherit"
        ]
        self.assertEqual(inherit["choices"], ["full/0 0"])
        self.restart()
        self.slaves.clear()
        request = self.force(who="bo", params={"inherit": "full/0 0", "jobs": "5", "other": "y"})
        told = {"inherit": "full/0", "other": "y", "jobs": 5, "orig_owner": "ann"}
        self.assertEqual(dict(request.properties), {**told, "owner": "bo", "reason": "force build"})
        self.assertEqual(dict(self.force().properties)["other"], "")

    def test_notForced(self) -> None:
        """A build that was not forced through a scheduler has no such values."""
        self.connect(onCommand=lambda command: command.end(0))
        self.successResultOf(self.asking(properties={"a": "1"}))
        self.stop()
        self.start()
        self.slaves.clear()
        request = self.force(params={"inherit": "full/0"})
        self.assertEqual(sorted(request.properties), ["inherit", "jobs", "other", "owner", "reason"])

    def test_wrong(self) -> None:
        """A build that is none, or is not known, is an error."""
        for given, told in (
            ("full", "must be a build, BUILDER/NUMBER, and not 'full'"),
            ("full/x", "must be a build, BUILDER/NUMBER, and not 'full/x'"),
            ("full/7", "names no known build: full/7"),
            ("none/0", "names no known build: none/0"),
        ):
            self.assertEqual(
                self.refusal(params={"inherit": given, "jobs": "x"}),
                [f"parameter 'inherit' {told}", "parameter 'jobs' must be a whole number, not 'x'"],
            )


class OwnTests(ForceCase):
    """Parameters of a site, whose code may fail."""

    config = """
class Broken(StringParameter):
    def parse_from_arg(self, s):
        return {'raise': 1 / 0 if s == 'raise' else s, 'odd': float('inf') if s == 'odd' else s}

class Codebase(CodebaseParameter):
    def createSourcestamp(self, properties, kwargs):
        if kwargs['x']['branch'] == 'odd':
            return 5
        return {'branch': kwargs['x']['branch'] + properties.get('p', {}).get('raise', ''), 'project': 'mine'}

c['schedulers'] = [ForceScheduler('form', ['full'], codebases=[Codebase('x')], properties=[Broken('p')],
    reasonString='%(owner)s wants it')]
"""

    def test_raises(self) -> None:
        """An error of the site's code is an error of the value, and the log has it. Others go on."""
        (told,) = self.refusal(params={"p": "raise"})
        self.assertIn("parameter 'p' failed: ", told)
        self.assertIn("division by zero", told)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.force(params={"p": "v"}).reason, "ann wants it")

    def test_notKept(self) -> None:
        """A value that cannot be kept is an error."""
        (told,) = self.refusal(params={"p": "odd"})
        self.assertIn("the properties must be a dict of values that can be kept", told)

    def test_source(self) -> None:
        """The source of a class of the site has the name of the codebase; nonsense is an error."""
        source = self.force(params={"x_branch": "b"}).source
        self.assertEqual((source.branch, source.project, source.codebase), ("b", "mine", "x"))
        (told,) = self.refusal(params={"x_branch": "odd"})
        self.assertIn("parameter 'x' failed: ", told)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

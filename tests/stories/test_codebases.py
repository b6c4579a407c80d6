"""A master.cfg of 0.8 with several codebases: from changes, through a restart or a reconfig, to builds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.control.client import ControlError
from buildbot.model.sourcestamp import SourceStamp
from tests.stories.changes import ChangeCase

CONFIG = """
from buildbot.plugins import buildslave, changes, schedulers, steps, util

c = BuildmasterConfig = {}
all_repositories = {
    'git://h/app': 'app',
    'git://h/lib': 'lib',
}

def codebaseGenerator(chdict):
    return all_repositories[chdict['repository']]

c['codebaseGenerator'] = codebaseGenerator
codebases = {
    'app': {'repository': 'git://h/app', 'branch': 'master', 'revision': None},
    'lib': {'repository': 'git://h/lib', 'branch': 'master', 'revision': None},
}
c['slaves'] = [buildslave.BuildSlave('bot1', 'sekrit')]
c['protocols'] = {'pb': {'port': 9989}}
c['change_source'] = changes.PBChangeSource(passwd='canary-1')
f = util.BuildFactory()
f.addStep(steps.ShellCommand(command=['make', util.Interpolate('%(src:app:branch)s-%(src:lib:branch)s')]))
f.addStep(steps.Trigger(schedulerNames=['t']))
p = util.BuildFactory()
p.addStep(steps.ShellCommand(command=['pack']))
c['builders'] = [
    util.BuilderConfig(name='full', slavenames=['bot1'], factory=f),
    util.BuilderConfig(name='package', slavenames=['bot1'], factory=p),
    util.BuilderConfig(name='below', slavenames=['bot1'], factory=p),
]
full = schedulers.SingleBranchScheduler(
    name='full', change_filter=util.ChangeFilter(branch='master'), treeStableTimer=60,
    builderNames=['full'], codebases=codebases)
c['schedulers'] = [
    full,
    schedulers.Dependent(name='package', upstream=full, builderNames=['package'], codebases=codebases),
    schedulers.Triggerable(name='t', builderNames=['below'], codebases={'lib': codebases['lib'], 'doc': {}}),
    schedulers.ForceScheduler(name='force', builderNames=['full'], codebases=[
        util.CodebaseParameter(codebase='app', revision=None, project=None),
        util.CodebaseParameter('lib', label='The library', branch=util.ChoiceStringParameter(
            name='branch', choices=['master', 'stable'], default='stable')),
    ]),
]
"""


def facts(source: SourceStamp) -> list[tuple[Any, ...]]:
    """The name, the branch and the changes of each codebase."""
    return [(each.codebase, each.branch, [c.number for c in each.changes]) for each in source.each()]


class CodebasesStory(ChangeCase):
    """Two repositories, built together."""

    def setUp(self) -> None:
        super().setUp()
        self.write(CONFIG)

    def push(self, name: str, branch: str = "master", **more: Any) -> None:
        """Somebody commits to a repository, and its hook sends that."""
        self.successResultOf(self.send(repository=f"git://h/{name}", branch=branch, **more))

    def sources(self, builder: str = "full") -> list[list[tuple[Any, ...]]]:
        """The facts of the sources of the builds."""
        return [facts(SourceStamp.fromRecord(build.sourcestamp)) for build in self.builds(builder)]

    def test_built(self) -> None:
        """Changes of both are built together, then packaged; a Triggerable gets what it has."""
        self.begin()
        for name in ("app", "lib", "app"):
            self.push(name)
            self.wait(40)
        self.push("lib", branch="other")
        self.wait(30)
        both = [("app", "master", [1, 3]), ("lib", "master", [2])]
        self.assertEqual((self.sources(), self.sources("package")), ([both], [both]))
        self.assertEqual(self.sources("below"), [[("lib", "master", [2]), ("doc", None, [])]])
        made = [command.args.get(b"command") for command in self.slaves[0].commands]
        self.assertIn([b"make", b"master-master"], made)

    def test_restart(self) -> None:
        """A master that is killed between the changes builds both of them."""
        self.begin()
        self.push("app")
        self.kill()
        self.begin()
        self.push("lib")
        self.kill()
        self.begin()
        self.wait(61)
        self.assertEqual(self.sources(), [[("app", "master", [1]), ("lib", "master", [2])]])

    def test_reconfig(self) -> None:
        """A reconfig that adds a codebase names later changes, and keeps those that wait."""
        self.begin()
        self.push("lib")
        self.edit("codebases = {\n", "codebases = {\n    'doc': {'repository': 'git://h/doc'},\n")
        self.assertTrue(self.reconfig()["applied"])
        self.edit("'git://h/app': 'app',", "'git://h/app': 'app', 'git://h/doc': 'doc',")
        self.assertTrue(self.reconfig()["applied"])  # this changes only what the function uses
        self.push("doc")
        self.wait(61)
        sources = [("doc", "master", [2]), ("app", "master", []), ("lib", "master", [1])]
        self.assertEqual(self.sources(), [sources])
        self.assertEqual(self.reconfig()["changes"], [])

    def test_unknownRepository(self) -> None:
        """A change that the function cannot name is kept, and not built; sendchange may give the codebase."""
        self.begin()
        self.push("new")
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
        self.push("new", codebase="lib")
        self.wait(61)
        self.assertEqual(self.sources(), [[("app", "master", []), ("lib", "master", [2])]])
        kept = self.successResultOf(self.store.getChange(1))
        self.assertEqual(kept and kept.codebase, "")

    def test_forced(self) -> None:
        """A person gives the parts of each codebase by their full names; a wrong name is told."""
        self.begin()
        asked = self.asking(params={"app_branch": "dev", "lib_repository": "git://fork"})
        self.wait(3)
        self.successResultOf(asked)
        (source,) = [SourceStamp.fromRecord(build.sourcestamp) for build in self.builds()]
        self.assertEqual(facts(source), [("app", "dev", []), ("lib", "stable", [])])
        self.assertEqual([each.repository for each in source.each()], ["", "git://fork"])
        why = self.failureResultOf(self.asking(branch="dev", params={"app_project": "p"}), ControlError)
        told = "scheduler 'force' takes no branch, but one for each codebase: app_branch, lib_branch"
        self.assertIn(told, str(why.value))
        self.assertIn("scheduler 'force' has no parameter 'app_project'", str(why.value))

    def asking(self, **said: Any) -> Deferred[dict[str, Any]]:
        """Ask for a build through the ForceScheduler."""
        asked = ensureDeferred(self.master.commands["force"]("full", who="ann", scheduler="force", **said))
        self.settle()
        return asked

"""A build with two codebases: what people and programs see of it, on pages, in the API, and in messages."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.chat.wording import linesOfBuild
from buildbot.mails.wording import bodyOf
from buildbot.model.change import Change
from buildbot.model.results import SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.reporters.revision import builtOf, revisionOf
from buildbot.scripts.builds import source as sourceWords
from buildbot.scripts.show import showPage
from buildbot.webhooks.packets import build as packet
from tests.stories.test_webpages import BuildingCase

FINDING = """
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
from buildbot.steps.source.git import Git
class Find(Git):
    def startVC(self, branch, revision, patch):
        self.gotRevision('f1')
        self.finished(0)
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(Find, repourl='git://h/app', codebase='app', workdir='app')
f.addStep(Find, repourl='git://h/lib', codebase='lib', workdir='lib')
f.addStep(ShellCommand, name='compile', command=['make'])
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f}]
from buildbot.status import html
c['status'] = [html.WebStatus(http_port=8010)]
"""


class CodebasesStory(BuildingCase):
    """A master with one builder, whose source steps find the revision f1 in each codebase."""

    def setUp(self) -> None:
        super().setUp()
        self.write(FINDING)
        self.reconfig()
        changes: list[tuple[str, str, dict[str, Any]]] = [
            ("ann", "app", {"branch": "dev", "revision": "r7", "repository": "git://h/app"}),
            ("bob", "lib", {"branch": "stable", "revision": "r8", "repository": "git://h/lib"}),
        ]
        self.changes = [
            self.successResultOf(self.store.addChange(Change(who, ["f.c"], "why", codebase=name, **place)))
            for who, name, place in changes
        ]

    def submit(self, *stamps: SourceStamp) -> None:
        """Submit a build set."""
        self.successResultOf(
            self.master.botmaster.submitBuildSet(BuildSet(["full"], SourceStamp.together(stamps), "test"))
        )
        self.settle()

    def built(self, *stamps: SourceStamp) -> Any:
        """The status of a build of these; without any, of the two changes."""
        self.submit(*(stamps or (SourceStamp(changes=[each]) for each in self.changes)))
        for command in self.commands:
            command.end(0)
        self.commands.clear()
        self.settle()
        return self.master.status.getBuilder("full").getBuild(-1)

    def test_status(self) -> None:
        """The status of the build has the sources, changes and authors of all codebases."""
        build = self.built()
        self.assertEqual(build.getResults(), SUCCESS)
        self.assertEqual([each.codebase for each in build.getSourceStamps()], ["app", "lib"])
        self.assertEqual([each.revision for each in build.getSourceStamps(absolute=True)], ["f1", "f1"])
        self.assertEqual([each.number for each in build.getChanges()], [1, 2])
        self.assertEqual(build.getResponsibleUsers(), ["ann", "bob"])
        self.assertEqual(build.getAllGotRevisions(), {"app": "f1", "lib": "f1"})
        self.assertEqual([revision for _, revision in builtOf(build)], ["f1", "f1"])
        self.assertEqual(revisionOf(build), "f1")
        builder = self.master.status.getBuilder("full")
        for branch, builds in (("dev", [build]), ("stable", [build]), ("main", [])):
            self.assertEqual(list(builder.generateFinishedBuilds([branch])), builds)

    def test_pages(self) -> None:
        """The page of the build has a row for each codebase, and its changes; lists name the codebases."""
        self.built()
        page = self.ask("/builders/full/builds/0").text
        for words in (
            "The sources of the build",
            "git://h/lib",
            "stable",
            "r8",
            "f1",
            "Changes of codebase lib",
        ):
            self.assertIn(words, page)
        self.assertNotIn("Patch", page)
        listed = self.ask("/builders/full").text
        self.assertIn("app dev, lib stable", listed)
        self.assertIn("lib <a ", listed)
        self.assertIn("/builders/full/builds/0", self.ask("/changes/2").text)
        self.assertEqual(self.ask("/console").text.count("builders/full/builds/0"), 2)
        self.assertEqual(self.ask("/builders/full/builds/0/steps/git").status, 200)
        other = self.built(SourceStamp("b", "1", (1, "diff"), codebase="app"), SourceStamp())
        page = self.ask(f"/builders/full/builds/{other.number}").text
        for words in ("without a name", "with a patch", "The build was not caused by a change."):
            self.assertIn(words, page)

    def test_changes(self) -> None:
        """The page of a change, and each list of changes, tell its codebase, if there is one."""
        self.built()
        self.assertIn("<dt>Codebase</dt><dd>lib</dd>", self.ask("/changes/2").text)
        column = ">Codebase</th>"
        for path in ("/changes", "/revision/r8"):
            self.assertIn(column, self.ask(path).text)
        page = self.ask("/builders/full/builds/0").text
        self.assertEqual(page.count(column), 3)  # that of the sources, and those of the changes of each
        (row,) = self.ask("/api/v1/changes?limit=1").json["changes"]
        self.assertEqual((row["number"], row["codebase"]), (2, "lib"))
        said = self.successResultOf(ensureDeferred(self.master.commands["build"]("full", 0)))
        self.assertIn("2       bob  r8        lib       why", "\n".join(showPage(said, 0.0, None)))
        plain = self.successResultOf(self.store.addChange(Change("eve", ["f.c"], "why", revision="r9")))
        other = self.built(SourceStamp(changes=[plain]))
        self.assertNotIn(column, self.ask(f"/builders/full/builds/{other.number}").text)

    def test_links(self) -> None:
        """A revision is a link only if its page exists: if a change has it, or the first codebase."""
        self.edit("gotRevision('f1')", "gotRevision({'app': 'a2', 'lib': 'l2'}[self.codebase])")
        self.reconfig()
        build = self.built(SourceStamp("dev", "a1", codebase="app"), SourceStamp("x", "l1", codebase="lib"))
        page = self.ask(f"/builders/full/builds/{build.number}").text
        for revision, hasPage in (("a1", False), ("a2", True), ("l1", False), ("l2", False)):
            self.assertIn(revision, page)
            self.assertEqual(f"revision/{revision}" in page, hasPage, revision)
            self.assertEqual(self.ask(f"/revision/{revision}").status, 200 if hasPage else 404)
        listed = self.ask("/builders/full").text
        self.assertIn("lib l2", listed)
        self.assertIn("revision/a2", listed)
        self.built()
        self.assertIn("revision/r8", self.ask(f"/builders/full/builds/{build.number + 1}").text)

    def test_scheduler(self) -> None:
        """The page of a scheduler names its codebases."""
        self.add(
            "from buildbot.scheduler import Triggerable\n"
            "both = Triggerable('t', ['full'], codebases=['app', 'lib'])\n"
            "c['schedulers'] = [both, Triggerable('u', ['full'])]"
        )
        self.reconfig()
        self.assertIn("<dt>Codebases</dt><dd>app, lib</dd>", self.ask("/schedulers/t").text)
        self.assertNotIn("Codebases", self.ask("/schedulers/u").text)

    def test_queue(self) -> None:
        """A waiting request is shown with all codebases, and found by a change of the second one."""
        self.submit(SourceStamp("busy"))
        self.submit(*(SourceStamp(changes=[each]) for each in self.changes))
        page = self.ask("/queue").text
        self.assertIn("app dev, lib stable", page)
        (request,) = self.ask("/api/v1/requests").json["requests"]
        self.assertEqual((request["codebase"], request["changes"]), ("app", [1, 2]))
        (lib,) = request["beside"]
        self.assertEqual(
            (lib["codebase"], lib["branch"], lib["revision"], lib["changes"]), ("lib", "stable", "r8", [2])
        )
        self.assertEqual(len(self.ask("/api/v1/changes/2?full=1").json.get("waiting", [request])), 1)
        stopped = ensureDeferred(self.master.commands["stopchange"](2))
        self.settle()
        self.assertEqual(self.successResultOf(stopped)["cancelled"], [request["id"]])

    def test_programs(self) -> None:
        """The API, /json of 0.8 and the commands tell of all codebases."""
        build = self.built()
        said = self.ask("/api/v1/builders/full/builds/0").json
        self.assertEqual([each["codebase"] for each in said["changes"]], ["app", "lib"])
        self.assertEqual((said["changeCount"], said["gotRevision"]), (2, {"app": "f1", "lib": "f1"}))
        self.assertEqual([each["branch"] for each in (said, *said["beside"])], ["dev", "stable"])
        (row,) = self.ask("/api/v1/builds").json["builds"]
        self.assertEqual((row["revision"], row["changes"], row["who"]), ("f1", [1, 2], "ann, bob"))
        old = self.ask("/json/builders/full/builds/0").json
        self.assertEqual([each["codebase"] for each in old["sourceStamps"]], ["app", "lib"])
        self.assertEqual(old["blame"], ["ann", "bob"])
        changes = self.ask("/json/builders/full/builds/0/source_stamp/changes").json
        self.assertEqual(sorted(changes), ["1", "2"])
        whole = self.successResultOf(ensureDeferred(self.master.commands["build"]("full", 0)))
        shown = "\n".join(showPage(whole, 0.0, None))
        for words in (
            "app: branch dev, revision f1 (r7 was asked for)",
            "lib: branch stable",
            "ann, bob",
            "r8",
        ):
            self.assertIn(words, shown)
        self.assertIn("r7 (2 changes up to 2) in dev", sourceWords(whole))
        self.assertEqual(
            [each["codebase"] for each in packet(build, lambda thing: None)["sourceStamps"]], ["app", "lib"]
        )

    def test_messages(self) -> None:
        """Mails and chat rooms are told the revision of each codebase."""
        build = self.built()
        said = bodyOf(build, SUCCESS, self.master.status)
        self.assertIn("Codebase:  app: branch dev, revision f1, git://h/app\n", said)
        self.assertIn("Codebase:  lib: branch stable, revision f1, git://h/lib\n", said)
        lines = linesOfBuild(build, SUCCESS, self.master.status, None)
        self.assertIn("revision app f1, lib f1, by ann, bob", [part.text for line in lines for part in line])
        plain = self.built(SourceStamp(codebase="app"), SourceStamp(None, None, (1, "diff")))
        said = bodyOf(plain, SUCCESS, self.master.status)
        self.assertIn("Codebase:  without a name: with a patch\n", said)

    def test_rebuild(self) -> None:
        """A rebuild builds all codebases again: the revisions that were found, or the source as requested."""
        self.built()
        for absolute, revisions in ((True, ["f1", "f1"]), (False, [None, None])):
            again = self.master.commands["rebuild"]("full", 0, "again", absolute=absolute)
            again = ensureDeferred(again)
            self.settle()
            self.successResultOf(again)
            for command in self.commands:
                command.end(0)
            self.commands.clear()
            self.settle()
            build = self.master.status.getBuilder("full").getBuild(-1)
            assert build is not None
            self.assertEqual([each.revision for each in build.getSourceStamps()], revisions)
            self.assertEqual([each.number for each in build.getChanges()], [1, 2])

    def test_restart(self) -> None:
        """After a restart of the master, a build is read with its codebases, and a request still has them."""
        self.built()
        self.slaves[0].broker.transport.abortConnection()
        self.settle()
        self.submit(*(SourceStamp(changes=[each]) for each in self.changes))
        self.stop()
        self.slaves.clear()
        self.successResultOf(self.start())
        (request,) = self.master.botmaster.builders["full"].pending
        self.assertEqual([each.number for each in request.source.allChanges()], [1, 2])
        fetched = ensureDeferred(self.master.status.getBuilder("full").fetchBuild(0))
        self.settle()
        build = self.successResultOf(fetched)
        assert build is not None
        self.assertEqual(build.getAllGotRevisions(), {"app": "f1", "lib": "f1"})
        self.assertEqual([each.codebase for each in build.getSourceStamps()], ["app", "lib"])
        self.assertEqual([each.number for each in build.getChanges()], [1, 2])

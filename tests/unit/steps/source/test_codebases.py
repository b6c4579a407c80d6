"""Source steps in builds with several codebases."""

from __future__ import annotations

from typing import Any

from buildbot.model.change import Change
from buildbot.model.results import SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildstep import BuildStep, LoggedRemoteCommand
from buildbot.steps.source.base import Source
from buildbot.steps.source.checkout import copiedFrom
from buildbot.steps.source.git import Git
from buildbot.steps.source.svn import SVN
from tests.unit.steps.source.scripted import SLAVE, WORKER, Scripted, SourceCase

APP = SourceStamp(
    changes=[Change("me", ["a"], "c", revision=each, when=1000.0, codebase="app") for each in ("3", "7")]
)
LIB = SourceStamp("stable", None, (1, "diff"), codebase="lib")


class Own(Source):
    """A step of a site, with a command of its own."""

    def startVC(self, branch: Any, revision: Any, patch: Any) -> None:
        self.args.update(branch=branch, revision=revision, patch=patch)
        self.startCommand(LoggedRemoteCommand("own", self.args))


class CodebaseTests(SourceCase):
    """Each step gets the source of its codebase."""

    def fetch(self, step: BuildStep, answers: Any = None, got: Any = None, slave: Any = SLAVE) -> Scripted:
        """Run a step in a build of both codebases.

        @param got: what earlier steps have found.
        """
        running = self.prepare(step, commands=slave)
        running.build.source = SourceStamp.together([APP, LIB])
        if got is not None:
            running.build.properties.setProperty("got_revision", got, "step")
        return Scripted(running, lambda words: dict((answers or {}).get(words) or {}) or None)

    def test_source(self) -> None:
        """Branch, revision and patch are those of the codebase, and the words name it."""
        for codebase, wanted, words in (
            ("app", (None, "7", None), ["update", "app", "r7"]),
            ("lib", ("stable", None, (1, "diff")), ["update", "lib", "[stable]", "[patch]"]),
        ):
            played = self.fetch(Own(codebase=codebase, workdir=codebase))
            sent = played.sent[0].args
            self.assertEqual((sent["branch"], sent["revision"], sent["patch"]), wanted)
            self.assertEqual((sent["workdir"], played.result), (codebase, SUCCESS))
            self.assertEqual(played.running.step.getText(), words)

    def test_unnamed(self) -> None:
        """A source without a name, as that of a forced build, is good for the step of each codebase."""
        for codebase in ("", "app", "lib"):
            played = Scripted(self.prepare(Own(codebase=codebase)), lambda words: None)
            self.assertEqual([len(played.sent), played.result], [1, SUCCESS])

    def test_unnamedFound(self) -> None:
        """A step with a codebase keeps the revision by its name, also in a build with one source."""
        answers: dict[str, Any] = {"svn": {"got_revision": 9}}
        for codebase, got in (("app", {"app": "9"}), ("", "9")):
            running = self.prepare(SVN("URL", codebase=codebase), commands=SLAVE)
            running.build.source = SourceStamp(None, "7")
            played = Scripted(running, answers.get)
            self.assertEqual(played.got(), got, (played.result, running.step.getText()))

    def test_found(self) -> None:
        """Each step adds the revision that it has found, and keeps those of the others."""
        answers = {"svn": {"got_revision": 9}}
        step = SVN("URL", codebase="app")
        self.assertEqual(self.fetch(step, answers).got(), {"app": "9"})
        earlier = {"lib": "1"}
        self.assertEqual(self.fetch(step, answers, earlier).got(), {"lib": "1", "app": "9"})
        self.assertEqual(earlier, {"lib": "1"})
        self.assertEqual(self.fetch(step, answers, "text").got(), {"app": "9"})

    def test_own(self) -> None:
        """The revision is computed of the changes of the codebase only."""
        asked: list[Any] = []

        class Computing(Source):
            def computeSourceRevision(self, changes: Any) -> Any:
                asked.append([each.revision for each in changes])
                return "r"

            def startVC(self, branch: Any, revision: Any, patch: Any) -> None:
                self.finished(SUCCESS)

        self.fetch(Computing(codebase="app"))
        self.fetch(Computing(codebase="lib"))
        self.assertEqual(asked, [["3", "7"]])

    def test_copy(self) -> None:
        """Each codebase has its own directory to copy from, which the slave's own command cannot use."""
        for slave in (SLAVE, WORKER):
            played = self.fetch(Git("URL", mode="copy", codebase="app", workdir="w"), slave=slave)
            self.assertIn("stat source-app", " ".join(played.said))
        self.assertEqual([copiedFrom(each) for each in ("", "../a b")], ["source", "source-.._a_b"])


del SourceCase

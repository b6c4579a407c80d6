"""The base class of source steps, and sites' own steps."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.buildstep import LoggedRemoteCommand
from buildbot.steps.source import Source
from buildbot.steps.source.git import Git
from tests.unit.steps.source.scripted import SLAVE, SourceCase, change


class Own(Source):
    """A step of a site, as written for 0.7.5."""

    name = "own"

    def __init__(self, place: str, **kwargs: Any) -> None:
        Source.__init__(self, **kwargs)
        self.addFactoryArguments(place=place)
        self.args["place"] = place

    def startVC(self, branch: Any, revision: Any, patch: Any) -> None:
        self.args.update(branch=branch, revision=revision, patch=patch)
        self.startCommand(LoggedRemoteCommand("own", self.args), ["careful\n"])


class Other(Git):
    """A step of a site that changes the arguments of startVC(), as written for 0.7."""

    def startVC(self, branch: Any, revision: Any, patch: Any) -> None:
        Git.startVC(self, "other", revision, patch)  # it returns nothing


class SourceTests(SourceCase):
    """Branch, revision and patch of a build."""

    def test_own(self) -> None:
        """A site's own step sends its own command, and its revision is kept."""
        step = Own("here", workdir="w", mode="copy", timeout=7, retry=(1, 2))
        played = self.play(step, SLAVE, {"own": {"got_revision": 17}}, branch="b", patch=(1, "d"))
        wanted = {
            "mode": "copy",
            "workdir": "w",
            "timeout": 7,
            "retry": (1, 2),
            "patch": (1, "d"),
            "branch": "b",
            "revision": None,
            "place": "here",
        }
        self.assertEqual((played.said, played.sent[0].args), (["own"], wanted))
        self.assertEqual((played.result, played.got()), (SUCCESS, "17"))
        self.assertIn("careful", played.log)
        self.assertEqual(played.running.step.getText(), ["update", "[b]", "[patch]"])

    def test_overridden(self) -> None:
        """A site's own startVC() that returns nothing gets the source all the same, and the step ends."""
        played = self.play(Other("U"), SLAVE)
        self.assertEqual(played.sent[0].args["branch"], "other")
        self.assertEqual(played.result, SUCCESS)

    def test_directory(self) -> None:
        """Without a directory, the source goes into that of the build."""
        self.assertEqual(self.play(Own("here"), SLAVE).sent[0].args["workdir"], "build")

    def test_revision(self) -> None:
        """A given revision wins over those of changes; alwaysUseLatest over both."""
        changes = [change("3"), change("2")]
        for latest, source, revision in (
            (False, {"changes": changes}, "3"),
            (False, {"changes": changes, "revision": "9"}, "9"),
            (True, {"changes": changes, "revision": "9"}, None),
            (False, {}, None),
        ):
            step = Own("here", alwaysUseLatest=latest)
            self.assertEqual(self.play(step, SLAVE, **source).sent[0].args["revision"], revision)

    def test_words(self) -> None:
        """The step's text says what it does, or what the configuration says."""
        for step, words in (
            (Git("URL"), (["updating"], ["update"])),
            (Git("URL", mode="clobber"), (["checking out"], ["checkout"])),
            (Git("URL", mode="export"), (["exporting"], ["export"])),
            (Git("URL", description="getting"), (["getting"], ["getting"])),
            (Git("URL", description="getting", descriptionDone=["got", "it"]), (["getting"], ["got", "it"])),
        ):
            self.assertEqual((step.describe(), step.describe(True)), words)

    def test_refused(self) -> None:
        """S3: a branch or revision that looks like an option is refused, before anything runs."""
        sources: tuple[dict[str, Any], ...] = ({"branch": "--upload-pack=x"}, {"revision": "--x"})
        for source in sources:
            played = self.play(Git("URL"), **source)
            self.assertEqual((played.said, played.result), ([], FAILURE))
            self.assertIn("looks like an option", played.log)

    def test_noVC(self) -> None:
        """The base class alone gets no source."""
        played = self.play(Source(), SLAVE)
        self.assertEqual(played.said, [])
        self.assertEqual(len(self.flushLoggedErrors(NotImplementedError)), 1)

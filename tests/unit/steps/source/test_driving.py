"""A checkout driven by the master."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure

from buildbot.model.results import FAILURE, RETRY, SUCCESS
from buildbot.steps.source.git import Git
from tests.unit.steps.source.scripted import OLD_SLAVE, SLAVE, WORKER, SourceCase

SECRET = "https://me:sekrit@host/x.git"


class RetryTests(SourceCase):
    """Failed checkouts are tried again."""

    def test_retry(self) -> None:
        """A failed checkout is tried again after a time, as often as wanted."""
        played = self.play(Git("URL", retry=(30, 2)), answers={"git fetch": 128})
        clock = played.running.clock
        for _ in range(2):
            self.assertIsNone(played.result)
            clock.advance(29.9)
            self.assertEqual(len(played.running.sent), len(played.sent))
            clock.advance(0.2)
            played.go()
        self.assertEqual(played.result, FAILURE)
        self.assertEqual(sum(each.startswith("git fetch") for each in played.said), 3)
        self.assertIn("git fetch -f failed with exit status 128; next try in 30 s", played.log)

    def test_comesBack(self) -> None:
        """A repository that comes back is checked out."""
        played = self.play(Git("URL", retry=(30, 2)), answers={"git fetch": [128, 0], "git rev-parse": "abc"})
        played.running.clock.advance(31)
        played.go()
        self.assertEqual((played.result, played.got()), (SUCCESS, "abc"))

    def test_stopped(self) -> None:
        """A step that waits to try again can be stopped, and ends when the slave is lost."""
        for stop, result in (("stop", FAILURE), ("lose", RETRY)):
            played = self.play(Git("URL", retry=(30, 2)), answers={"git fetch": 128})
            if stop == "stop":
                played.running.build.stopBuild("enough")
            else:
                played.running.build.lostRemote()
            self.assertIsNotNone(played.result)
            self.assertEqual(played.running.build.results, result)
            self.assertEqual(played.running.clock.getDelayedCalls(), [])

    def test_lost(self) -> None:
        """A slave that is lost during a command ends the step."""
        running = self.prepare(Git("URL"), commands=WORKER).begin()
        running.build.lostRemote()
        self.assertIsNotNone(running.result)
        self.assertEqual(running.build.results, RETRY)


class KeepTests(SourceCase):
    """A working copy that may be a good one is kept."""

    def test_program(self) -> None:
        """A working copy is kept while the program is missing, or the repository does not answer."""
        there: dict[str, Any] = {"stat build/.buildbot": 1, "stat build/.git": 0, "git": 127}
        played = self.play(Git("URL"), answers=there)
        self.assertEqual((played.result, "rmdir build" in played.said), (FAILURE, False))
        self.assertIn("the working copy is kept", played.log)


class ProgramTests(SourceCase):
    """The programs of a checkout."""

    def test_terminal(self) -> None:
        """No program gets a terminal: it would add a mark to each line, and could ask for a password."""
        played = self.play(Git("URL", mode="copy"), OLD_SLAVE, {"test": 1})
        programs = [each for each in played.sent if each.name == "shell"]
        self.assertEqual({each.args["usePTY"] for each in programs}, {False})


class PatchTests(SourceCase):
    """Patches are applied to a tree of the repository."""

    def test_patch(self) -> None:
        """A patch becomes a file that also marks the tree."""
        played = self.play(Git("URL"), patch=(1, "diff ☃"), answers={"git rev-parse": "abc"})
        flags = "--remove-empty-files --force --forward"
        wanted = ["downloadFile build .buildbot-patched", f"patch -p1 {flags} -i .buildbot-patched @build"]
        self.assertEqual((played.programs[-2:], played.result), (wanted, SUCCESS))
        reader = next(each for each in played.sent if each.name == "downloadFile").args["reader"]
        self.assertEqual(reader.remote_read(5) + reader.remote_read(99), "diff ☃".encode())
        self.assertEqual((reader.remote_read(5), reader.remote_close()), (b"", None))
        self.assertEqual(played.running.step.getText(), ["update", "[HEAD]", "[patch]"])

    def test_directory(self) -> None:
        """A patch may be meant for a directory, which must be inside of the source."""
        played = self.play(Git("URL"), patch=(0, "diff", "a/b"))
        flags = "--remove-empty-files --force --forward"
        self.assertEqual(played.programs[-1], f"patch -p0 {flags} -d a/b -i ../../.buildbot-patched @build")
        played = self.play(Git("URL"), patch=(0, "diff", "../b"))
        self.assertEqual((played.said, played.result), ([], FAILURE))
        self.assertIn("outside of the source", played.log)
        self.assertEqual(self.own(Git("URL", "b"), patch=(0, "d", "a"))["patch"], (0, "d", "a"))

    def test_large(self) -> None:
        """A patch that is too large for one message is brought as a file."""
        large = (1, "x" * (640 * 1024 + 1))
        played = self.play(Git("URL", "main"), SLAVE, patch=large, answers={"git rev-parse": "abc"})
        self.assertEqual(
            (played.result, played.programs[-2]), (SUCCESS, "downloadFile build .buildbot-patched")
        )
        self.assertIn("the patch is too large for one message to the slave", played.log)
        self.assertEqual(self.own(Git("URL", "b"), patch=(1, "x" * 1000))["patch"], (1, "x" * 1000))

    def test_unfit(self) -> None:
        """A patch that does not fit is a failure, after the revision is known; it is not tried again."""
        answers: dict[str, Any] = {"patch": 1, "git rev-parse": "abc"}
        played = self.play(Git("URL", retry=(1, 3)), patch=(1, "diff"), answers=answers)
        self.assertEqual((played.result, played.got()), (FAILURE, "abc"))
        self.assertEqual(played.running.clock.getDelayedCalls(), [])


class SecretTests(SourceCase):
    """S3: no log has a password."""

    def test_commands(self) -> None:
        """A slave that can hide arguments gets them as secrets; older ones get them plain."""
        played = self.play(Git(SECRET))
        (fetch,) = [each for each in played.sent if "fetch" in each.args.get("command", ())]
        hidden = ("obfuscated", SECRET, "https://me:XXXXXX@host/x.git")
        self.assertIn(hidden, fetch.args["command"])
        played = self.play(Git(SECRET, "main", mode="full"), OLD_SLAVE, {"test": 1})
        self.assertTrue(any(SECRET in each.args.get("command", ()) for each in played.sent))

    def test_output(self) -> None:
        """A password in the output of a program or of the slave is hidden, also if it comes in pieces."""
        for commands, branch in ((WORKER, "HEAD"), (SLAVE, "main")):
            running = self.prepare(Git(SECRET, branch, mode="clobber"), commands=commands).begin()
            running.command.update(header=f"argv: ['{SECRET}', b'sek")
            running.command.update(header="rit']\n", stderr=b"fatal: https://me:sekrit@host/ sek")
            running.command.complete(Failure(ValueError(f"no {SECRET}")))
            self.assertIsNotNone(running.result)
            for name in running.logs():
                self.assertNotIn("sekrit", running.log(name))
            self.assertIn("XXXXXX", running.log("stdio"))
            self.assertNotIn("sekrit", str(running.step.getText()))
        self.flushLoggedErrors()

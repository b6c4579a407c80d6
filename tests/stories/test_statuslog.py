"""C{buildbot statuslog} prints what happens on a master with a PBListener."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionRefusedError
from twisted.python import usage

from buildbot.clients.statuslog import NotFollowed, StatusLog
from buildbot.scripts.statuslogoptions import MODES, StatusLogOptions
from buildbot.statusport import follower
from tests.stories.test_statusport import StatusPortCase
from tests.unit.clients.test_sendchange import Cable


class StatusLogTests(StatusPortCase):
    """The command, with our own master."""

    def setUp(self) -> None:
        super().setUp()
        self.lines: list[str] = []

    def client(
        self, mode: str = "steps", server: Any = None, password: str = "canary", say: Any = None
    ) -> StatusLog:
        """The client of a command."""
        cable = Cable(self.reactor, server or self.port)
        self.cables.append(cable)
        account = ("statusClient", password)
        return StatusLog("m:9988", mode, say or self.lines.append, self.reactor, account, cable)

    def begin(self, client: StatusLog) -> Deferred[None]:
        """The command begins."""
        following = ensureDeferred(client.follow())
        self.settle()
        return following

    def reason(self, following: Deferred[None]) -> str:
        """Why the command ended."""
        return str(self.failureResultOf(following, NotFollowed).value)

    def test_steps(self) -> None:
        """Without --mode, it prints a line for each builder, build and step, in words."""
        following = self.begin(self.client())
        self.build("all is well\n")
        self.assertEqual(
            self.lines,
            [
                *("builderAdded full", "builderAdded quick"),
                *("builderChangedState full idle", "builderChangedState quick idle"),
                *("builderChangedState full building", "buildStarted full", "stepStarted full compile"),
                *("stepFinished full compile success", "buildFinished full success"),
                "builderChangedState full idle",
            ],
        )
        self.stop()
        self.assertEqual(self.reason(following), "m:9988 has ended the connection")

    def test_full(self) -> None:
        """With --mode=full it prints the output, a line for each line, fit for a terminal."""
        following = self.begin(self.client("full"))
        self.build("one\ntw\x1bo\n")
        self.assertIn("logStarted full compile stdio", self.lines)
        self.assertIn("logChunk full compile stdio stdout: one", self.lines)
        [second] = [each for each in self.lines if "stdout: tw" in each]
        self.assertNotIn("\x1b", second)
        self.assertIn("logFinished full compile stdio", self.lines)
        self.stop()
        self.reason(following)

    def test_refused(self) -> None:
        """A wrong password, and a master that is not there, are told in words."""
        following = self.begin(self.client(password="wrong"))
        self.wait(10)
        self.assertIn("it has no PBListener with this name and password", self.reason(following))
        following = self.begin(self.client(server=ConnectionRefusedError()))
        self.assertIn("connection refused, no master listens there", self.reason(following))

    def test_silent(self) -> None:
        """A master that does not answer the login is given up after a minute."""
        client = self.client()
        following = ensureDeferred(client.follow())
        self.cables[-1].pump.blackhole = True
        self.reactor.advance(60)
        self.assertIn("did not answer within 60 s", self.reason(following))

    def test_pipe(self) -> None:
        """When nobody reads its output any more, it ends, and says nothing more."""

        def broken(line: str) -> None:
            self.lines.append(line)
            raise BrokenPipeError(32, "Broken pipe")

        following = self.begin(self.client(say=broken))
        self.failureResultOf(following, BrokenPipeError)
        self.assertEqual(len(self.lines), 1)

    def test_strange(self) -> None:
        """A strange master cannot make it fail, nor write to the terminal."""
        client = self.client()
        client.remote_buildFinished(b"f\xff\x1b[2J", None, None)
        client.remote_buildFinished("full", None, 10**5000)
        client.remote_stepFinished("full", None, "s", None, [])
        client.remote_buildETAUpdate("full", None, float("nan"))
        client.remote_logChunk("full", None, "s", None, "l", None, {}, object())
        self.assertEqual(len(self.lines), 5)
        self.assertNotIn("\x1b", "".join(self.lines))
        self.assertIn("buildETAUpdate full unknown", self.lines)

    def test_modes(self) -> None:
        """The command knows the modes of the master."""
        self.assertEqual(MODES, follower.MODES)

    def test_options(self) -> None:
        """Missing and wrong options are refused in words."""
        for words, said in (
            ([], "--master is missing"),
            (
                ["--master=m:1", "--mode=all"],
                "--mode must be one of builders, builds, steps, logs, full, not 'all'",
            ),
            (["--master=m:1", "here"], "there are no arguments: leave out here"),
            (["--master=m:1", "--auth=a:b", "--auth-file=f"], "are alternatives"),
        ):
            error = self.assertRaises(usage.UsageError, StatusLogOptions().parseOptions, words)
            self.assertIn(said, str(error))
        self.assertRaises(ValueError, StatusLog, "nowhere", "steps", print, self.reactor)

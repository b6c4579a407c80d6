"""Mails for a Tinderbox server."""

from __future__ import annotations

import bz2
import gzip
from base64 import decodebytes

from twisted.internet.defer import execute

from buildbot.logs.reading import LogViews
from buildbot.mails import postbox, tinderbox
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from tests.stories.mails import MailCase, textOf


class TinderboxStory(MailCase):
    """A master whose builds a Tinderbox shows."""

    def start_(self, more: str = "") -> None:
        """Start a master with a notifier with these arguments."""
        self.edit("from buildbot.status import mail", "from buildbot.status import mail, tinderbox")
        arguments = f"fromaddr='bot@x.example', tree='Ship', extraRecipients=['tinderbox@x.example']{more}"
        self.edit(f"mail.MailNotifier({self.arguments})", f"tinderbox.TinderboxMailNotifier({arguments})")
        self.begin()

    def play(self, status: int) -> list[str]:
        """Let something be built; return the lines of the last mail."""
        self.slaves[-1].onCommand = lambda command: command.end(status, stdout="hello\n")
        self.send()
        self.wait(70)
        return textOf(self.postbox.sent[-1][1]).split("\n")

    def test_startAndEnd(self) -> None:
        """The server gets a mail at the start of a build, and one with the log at its end."""
        self.start_(", binaryURL='http://x.example/out'")
        self.play(1)
        (to, start), (_, end) = self.postbox.sent
        self.assertEqual(to, ["tinderbox@x.example"])
        self.assertEqual(
            [start["Subject"], end["Subject"]], ["buildbot building in full", "buildbot busted in full"]
        )
        self.assertEqual(
            textOf(start).split("\n")[:6],
            [
                "tinderbox: tree: Ship",
                "tinderbox: builddate: 1060",
                "tinderbox: status: building",
                "tinderbox: build: full",
                "tinderbox: errorparser: unix",
                "tinderbox: END",
            ],
        )
        text = textOf(end)
        self.assertIn("tinderbox: status: busted\n", text)
        self.assertIn("tinderbox: binaryurl: http://x.example/out\ntinderbox: END\n\n", text)
        self.assertIn("======== shell stdio ========\n", text)
        self.assertIn("hello\n", text)
        self.assertNotEqual(start["Message-ID"], end["Message-ID"])

    def test_words(self) -> None:
        """The words for the results, also in the subject, are those that 0.8.14 sends."""
        self.add("c['projectName'] = 'Ship'")
        self.start_()
        self.play(0)
        (_, mail) = self.postbox.sent[-1]
        self.assertEqual(mail["Subject"], "buildbot success in full")
        words = {result: tinderbox.wordOf(result) for result in (*range(7), None)}
        self.assertEqual(
            words,
            {
                SUCCESS: "success",
                WARNINGS: "testfailed",
                FAILURE: "busted",
                SKIPPED: "busted",
                EXCEPTION: "exception",
                RETRY: "exception",
                CANCELLED: "exception",
                None: "building",
            },
        )

    def test_longLog(self) -> None:
        """The end of a log that is too long is sent."""
        self.patch(postbox, "deferToThread", execute)
        self.patch(tinderbox, "MOST_LOGS", 100_000)
        self.start_()
        self.master.botmaster.resources.logs.views = LogViews(execute)
        text = "".join(f"line {n} of the log\n" for n in range(10000))
        self.slaves[-1].onCommand = lambda command: command.end(0, stdout=text)
        self.send()
        self.wait(70)
        lines = textOf(self.postbox.sent[-1][1]).split("\n")
        self.assertIn("(the beginning is left out)", lines)
        self.assertIn("line 9999 of the log", lines)
        self.assertNotIn("line 0 of the log", lines)

    def test_compressed(self) -> None:
        """Logs can be compressed."""
        for how, unpack in (("bzip2", bz2.decompress), ("gzip", gzip.decompress)):
            self.start_(f", logCompression='{how}'")
            lines = self.play(0)
            self.assertIn(f"tinderbox: logcompression: {how}", lines)
            self.assertIn("tinderbox: logencoding: base64", lines)
            packed = "\n".join(lines[lines.index("tinderbox: END") + 1 :])
            self.assertIn(b"hello\n", unpack(decodebytes(packed.encode())))
            self.stop()
            self.setUp()

    def test_column(self) -> None:
        """The column may have another name, with properties, and the time may be that of the change."""
        self.edit("c = Build", "from buildbot.process.properties import WithProperties\nc = Build")
        self.start_(
            ", columnName=WithProperties('on %(slavename)s'), useChangeTime=True, errorparser='unittest'"
        )
        lines = self.play(0)
        self.assertEqual(lines[1], "tinderbox: builddate: 1000")
        self.assertEqual(
            lines[2:5],
            ["tinderbox: status: success", "tinderbox: build: on bot1", "tinderbox: errorparser: unittest"],
        )

    def test_injected(self) -> None:
        """A name cannot add lines for the server."""
        self.start_(", columnName='x\\ntinderbox: status: success'")
        lines = self.play(1)
        self.assertEqual(len([line for line in lines if line.startswith("tinderbox: status")]), 1)

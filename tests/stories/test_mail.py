"""People get mails about builds: which ones, what they say, and what happens when the mail server is down."""

from __future__ import annotations

from buildbot.outgoing.target import TargetDown
from tests.stories.mails import MailCase, textOf


class MailStory(MailCase):
    """A master that tells everything to everybody."""

    def test_failed(self) -> None:
        """The mail about a failed build says what failed, whose change it was, and the end of the log."""
        self.begin()
        self.slaves[-1].onCommand = lambda command: command.end(2, stdout="a.c:7: no such file\n")
        self.send()
        self.wait(70)
        ((recipients, mail),) = self.postbox.sent
        self.assertEqual(recipients, ["team@example.com"])
        self.assertEqual(mail["Subject"], "buildbot failure in full")
        self.assertEqual((mail["From"], mail["To"]), ("buildbot@example.com", "team@example.com"))
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertEqual(mail["X-Buildbot-Result"], "failure")
        text = textOf(mail)
        for words in ("full #0: failed", "bot1", "ann", "r7", "fix", "a.c:7: no such file"):
            self.assertIn(words, text)

    def test_once(self) -> None:
        """Each build has one mail, with its own Message-ID."""
        self.begin()
        for _ in range(3):
            self.build()
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"] * 3)
        self.assertEqual(len({mail["Message-ID"] for _, mail in self.postbox.sent}), 3)

    def test_thread(self) -> None:
        """The mails about one outage, also the one about its end, answer the first one."""
        self.begin()
        for status in (0, 1, 1, 0, 1):
            self.build(status)
        mails = [mail for _, mail in self.postbox.sent]
        first = mails[1]["Message-ID"]
        self.assertEqual([mail["In-Reply-To"] for mail in mails], [None, None, first, first, None])
        self.assertEqual([mail["References"] for mail in mails], [None, None, first, first, None])
        self.assertIn("Broken since: build 1", textOf(mails[2]))
        self.assertIn("Was broken since: build 1", textOf(mails[3]))

    def test_threadOverRestart(self) -> None:
        """A thread goes on after a restart of the master."""
        self.begin()
        self.build(1)
        self.stop()
        self.begin()
        self.build(1)
        first, second = [mail for _, mail in self.postbox.sent]
        self.assertEqual(second["In-Reply-To"], first["Message-ID"])

    def test_serverDown(self) -> None:
        """A mail waits while the server is down, C{buildbot status} shows it, and it arrives once."""
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        (outgoing,) = self.status()["master"]["outgoing"]
        self.assertEqual(
            (outgoing["target"], outgoing["waiting"], outgoing["reason"]),
            ("mail to localhost", 1, "connection refused"),
        )
        self.postbox.trouble = None
        self.wait(120)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"])

    def test_killed(self) -> None:
        """A mail that waited when the master was killed is sent by the next one."""
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.kill()
        self.postbox.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"])

    def test_reconfig(self) -> None:
        """Mails that wait are sent after a reconfig with other arguments, and later builds have one mail."""
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.postbox.trouble = None
        self.edit("team@example.com", "others@example.com")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(5)
        self.build()
        self.assertEqual([to for to, _ in self.postbox.sent], [["team@example.com"], ["others@example.com"]])

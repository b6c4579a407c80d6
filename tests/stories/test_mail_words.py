"""What mails say in odd cases: many changes, long or lost logs, and functions of the file for whole sets."""

from __future__ import annotations

from buildbot.logs.live import LogFile
from buildbot.mails import contents, wording
from tests.stories.mails import MailCase, textOf


class WordsStory(MailCase):
    """A master that tells everything to everybody."""

    def options(self, more: str, before: str = "") -> None:
        """Give the notifier further arguments."""
        plain = f"c['status'] = [mail.MailNotifier({self.arguments})]"
        self.edit(plain, f"{before}\n{plain[:-2]}, {more})]")

    def failed(self, output: str = "no rule\n") -> str:
        """Let a build fail; return the text of its mail."""
        self.slaves[-1].onCommand = lambda command: command.end(2, stdout=output)
        self.send()
        self.wait(70)
        return textOf(self.postbox.sent[-1][1])

    def loseLogs(self) -> None:
        """From now on, no log can be read."""

        def read(log: LogFile) -> str:
            raise OSError(5, "Input/output error")

        self.patch(LogFile, "getText", read)

    def test_defaultMessage(self) -> None:
        """The function for the usual text, used by a file of 0.8, says the same as no function."""
        self.options("messageFormatter=mail.defaultMessage")
        self.begin()
        said = self.failed()
        for words in ("full #0: failed", "Step shell: ", "    no rule", "r7"):
            self.assertIn(words, said)
        self.patch(wording, "LONGEST_LOG", 3)
        self.assertIn("    (the log is too long for this mail)", self.failed())
        self.patch(wording, "LONGEST_LOG", 1000)
        self.loseLogs()
        self.assertIn("    (the log cannot be read)", self.failed())

    def test_lostLog(self) -> None:
        """A log that cannot be read costs no mail: the text and the attachment say so."""
        self.options("addLogs=True")
        self.begin()
        self.loseLogs()
        self.assertIn("(the log cannot be read: Input/output error)", self.failed())
        (part,) = self.postbox.sent[0][1].iter_attachments()
        self.assertEqual(part.get_filename(), "shell.stdio.txt")
        self.assertEqual(part.get_content().strip(), "This log cannot be read: Input/output error")

    def test_longLogs(self) -> None:
        """Logs that are too long for a mail are named in it."""
        self.patch(contents, "MOST_LOGS", 10)
        self.options("addLogs=True")
        self.begin()
        self.failed("much output\n" * 10)
        (part,) = self.postbox.sent[0][1].iter_attachments()
        self.assertIn("This log is too long for a mail.", part.get_content())

    def test_noOutput(self) -> None:
        """A step that failed without a word is named, and no empty log is attached."""
        self.options("addLogs=True")
        self.begin()
        self.assertIn("Step shell: ", self.failed(""))

    def test_manyChanges(self) -> None:
        """Of many changes the last ones are told, and how many came before."""
        self.patch(wording, "MOST_CHANGES", 2)
        self.begin()
        for _ in range(5):
            self.send()
        self.wait(70)
        said = textOf(self.postbox.sent[0][1])
        self.assertIn("Changes:\n  (3 earlier changes)\n  ann r7\n    fix\n", said)
        self.assertEqual(said.count("  ann r7\n"), 2)

    def test_setInHTML(self) -> None:
        """A messageFormatter words the mail about a set, too: one part for each build."""
        self.edit("60, ['full']", "60, ['full', 'package']")
        self.options(
            "buildSetSummary=True, messageFormatter=words",
            "def words(mode, name, build, results, status):\n"
            "    return {'body': '<p>%s</p>' % name, 'type': 'html'}\n",
        )
        self.begin()
        self.build()
        ((_, mail),) = self.postbox.sent
        self.assertEqual(mail["Subject"], "buildbot success in whole buildset")
        self.assertEqual(mail.get_content().strip(), "<p>full</p><p>package</p>")

    def test_encoded(self) -> None:
        """A function of Python 2 may encode the body and the subject: the mail has their text."""
        self.options(
            "messageFormatter=words",
            "def words(mode, name, build, results, status):\n"
            "    body = 'na\\xefve %s' % name\n"
            "    return {'body': body.encode('utf-8'), 'subject': ('%s \\xe9' % name).encode('utf-8')}\n",
        )
        self.begin()
        self.build()
        ((_, mail),) = self.postbox.sent
        self.assertEqual((textOf(mail).strip(), mail["Subject"]), ("na\xefve full", "full \xe9"))

    def test_setInText(self) -> None:
        """The same in plain text."""
        self.options(
            "buildSetSummary=True, customMesg=words", "def words(attrs): return ('my words', 'plain')\n"
        )
        self.begin()
        self.build()
        ((_, mail),) = self.postbox.sent
        self.assertRegex(textOf(mail), r"^Build set: .*\n\nmy words\n")

    def test_setNotWanted(self) -> None:
        """A set whose builds need no mail has none."""
        self.options("buildSetSummary=True, mode='failing'")
        self.begin()
        self.build()
        self.assertEqual(self.postbox.sent, [])
        self.build(1)
        self.assertEqual(self.postbox.subjects, ["buildbot failure in whole buildset"])

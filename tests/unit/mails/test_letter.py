"""The text of a mail."""

from __future__ import annotations

import gzip
from dataclasses import replace
from email import message_from_bytes, message_from_string
from email.header import Header
from email.message import EmailMessage, Message
from email.mime.multipart import MIMEMultipart
from email.policy import SMTP
from typing import Any, cast

from twisted.trial import unittest

from buildbot.mails import letter as module
from buildbot.mails.letter import Attachment, Letter, asText, modern, written

LETTER = Letter("buildbot@example.com", "it failed", "the text\n", "<a.1@host>")


def sent(letter: Letter, *to: str) -> EmailMessage:
    """The mail as its reader gets it; its text is ASCII, in lines that are not too long."""
    text = asText(written(letter, to or ("ann@example.com",), (), 1e9))
    assert max(map(len, text.split("\r\n"))) <= 998
    assert "\n" not in text.replace("\r\n", "")
    return message_from_string(text, policy=SMTP)


def contentOf(part: Any) -> str:
    """The text of a part, with the line ends of Python."""
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


class LetterTests(unittest.SynchronousTestCase):
    """See L{written} and L{asText}."""

    def test_plain(self) -> None:
        """A plain mail has the headers that readers and filters need."""
        mail = sent(LETTER, "ann@example.com", "bob@example.com")
        self.assertEqual(mail["To"], "ann@example.com, bob@example.com")
        self.assertEqual((mail["Subject"], mail["Message-ID"]), ("it failed", "<a.1@host>"))
        self.assertEqual(mail["Date"], "Sun, 09 Sep 2001 01:46:40 +0000")
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertEqual(contentOf(mail), "the text\n")
        self.assertNotIn("In-Reply-To", mail)

    def test_thread(self) -> None:
        """A later mail of a thread refers to the first one, in one line; the first one to none."""
        long = f"<{'x' * 100}@{'y' * 100}>"
        self.assertIn(f"\r\nReferences: {long}\r\n", asText(written(replace(LETTER, thread=long), [], [], 0)))
        self.assertNotIn("References", sent(replace(LETTER, thread=LETTER.id)))

    def test_injected(self) -> None:
        """No text of a build adds a header or a recipient, whatever it holds."""
        evil = "x\r\nBcc: evil@example.com\n\nbody\x00\u2028\udcff"
        letter = replace(LETTER, subject=evil, headers={"X-Buildbot-Builder": evil, "X: y\r\nBcc": "z"})
        mail = sent(letter)
        self.assertNotIn("Bcc", mail)
        self.assertEqual(contentOf(mail), "the text\n")
        self.assertIn("Bcc: evil@example.com body", mail["Subject"])

    def test_unicode(self) -> None:
        """Every character of the text and of the subject arrives; lone surrogates and nulls are replaced."""
        mail = sent(replace(LETTER, subject="gr\xfcn \U0001f600", text="\u20ac\udc80\0 " + "x" * 3000 + "\n"))
        self.assertEqual(mail["Subject"], "gr\xfcn \U0001f600")
        self.assertEqual(contentOf(mail), "\u20ac?\ufffd " + "x" * 3000 + "\n")

    def test_html(self) -> None:
        """HTML is an alternative to the text, or stands alone."""
        both = sent(replace(LETTER, html="<p>x</p>"))
        self.assertEqual(both.get_content_type(), "multipart/alternative")
        alone = sent(replace(LETTER, text="", html="<p>x</p>"))
        self.assertEqual((alone.get_content_type(), contentOf(alone)), ("text/html", "<p>x</p>\n"))

    def test_long(self) -> None:
        """A subject and a text that are too long are cut."""
        mail = sent(replace(LETTER, subject="s" * 10000, text="t" * 10**6))
        self.assertEqual(len(mail["Subject"]), module.LONGEST_HEADER)
        self.assertIn("[the rest is left out]", mail.get_content()[-40:])

    def test_attachments(self) -> None:
        """A log is attached with a safe name; a long one is compressed."""
        logs = [Attachment("compile.std/io", "ok \u20ac\n"), Attachment("test.stdio", "y" * 200_000)]
        short, long = sent(replace(LETTER, attachments=logs)).iter_attachments()
        self.assertEqual((short.get_filename(), contentOf(short)), ("compile.std_io", "ok \u20ac\n"))
        self.assertEqual(long.get_filename(), "test.stdio.gz")
        self.assertEqual(gzip.decompress(cast(Any, long).get_content()), b"y" * 200_000)

    def test_tooLarge(self) -> None:
        """What has no room is named instead."""
        self.patch(module, "MOST_ATTACHED", 10)
        logs = [Attachment("a", "1234\n"), Attachment("b", "1234567890\n"), Attachment("c", "12\n")]
        parts = list(sent(replace(LETTER, attachments=logs)).iter_attachments())
        self.assertEqual([each.get_filename() for each in parts], ["a", "c", "left-out.txt"])
        self.assertIn("b", parts[-1].get_content())


class ModernTests(unittest.SynchronousTestCase):
    """Mails of plug-ins, made in the ways of Python 2."""

    def sent(self, mail: Message) -> Any:
        """The mail as its reader gets it."""
        return message_from_string(asText(modern(mail)), policy=SMTP)

    def test_text(self) -> None:
        """A text without a charset may have any characters."""
        mail = Message()
        mail["Subject"] = "échec → ici"
        mail["To"] = "Zoë <zoe@x.example>"
        mail.set_payload("échec → ici\n")
        got = self.sent(mail)
        self.assertEqual((got["Subject"], contentOf(got)), ("échec → ici", "échec → ici\n"))
        self.assertEqual(got["To"].addresses[0].addr_spec, "zoe@x.example")

    def test_bytes(self) -> None:
        """A mail that was parsed from bytes, or that has parts, may have any characters, too."""
        got = self.sent(message_from_bytes("Subject: échec\n\nà la fin\n".encode()))
        self.assertEqual((got["Subject"], contentOf(got)), ("échec", "à la fin\n"))
        mail: Any = MIMEMultipart()
        part = Message()
        part.set_payload("é")
        mail.attach(part)
        mail["Subject"] = Header("échec", "utf-8")
        got = self.sent(mail)
        self.assertEqual((got["Subject"], contentOf(next(got.iter_parts()))), ("échec", "é"))

    def test_injected(self) -> None:
        """A line break in a header of a plug-in adds no header."""
        mail = Message()
        mail["Subject"] = "by Ann\nBcc: eve@x.example"
        mail.set_payload("text")
        got = self.sent(mail)
        self.assertEqual((got["Subject"], got["Bcc"]), ("by Ann Bcc: eve@x.example", None))

    def test_good(self) -> None:
        """A mail that is good already stays as it is."""
        mail = EmailMessage()
        mail["Subject"] = "short"
        mail.set_content("text\n")
        before = asText(mail)
        self.assertEqual(asText(modern(mail)), before)

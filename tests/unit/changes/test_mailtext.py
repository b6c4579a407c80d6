"""The texts of a mail: headers, author and body."""

from __future__ import annotations

from email import message_from_bytes

from twisted.trial import unittest

from buildbot.changes.mailtext import decoded, header, lines, login, sender


class HeaderTests(unittest.SynchronousTestCase):
    """Headers are read in any encoding."""

    def test_header(self) -> None:
        """A header may be missing, folded, encoded, raw UTF-8, or wrong in any way."""
        for raw, said in (
            (b"", ""),
            (b"Subject:\n", ""),
            (b"subject: one\n  two\n", "one two"),
            (b"Subject: =?iso-8859-1?q?gr=F6=DFe?= a\n", "größe a"),
            (b"Subject: =?utf-8?b?Z3I=?= =?utf-8?b?w7bDn2U=?=\n", "größe"),
            (b"Subject: =?x-no-such?q?gr=c3=b6=c3=9fe?=\n", "größe"),
            ("Subject: größe\n".encode(), "größe"),
            (b"Subject: gr\xf6\xdfe\n", "gr\ufffd\ufffde"),
            (b"Subject: =?utf-8?b?Z3\n", "=?utf-8?b?Z3"),
            (b"Subject: =?utf-8?b?Z?=\n", None),
        ):
            found = header(message_from_bytes(raw + b"\nbody\n"), "subject")
            if said is not None:
                self.assertEqual(found, said)

    def test_sender(self) -> None:
        """The author is the name of an account; the sender's name may be encoded."""
        for raw, said, account in (
            (b"From: ann@example.org\n", ("", "ann@example.org"), "ann"),
            (b"From: ann\n", ("", "ann"), "ann"),
            (b'From: "A, B" <ann@example.org>\n', ("A, B", "ann@example.org"), "ann"),
            (b"From: =?utf-8?q?Zo=C3=AB?= <zoe@x>\n", ("Zoë", "zoe@x"), "zoe"),
            (b"From:\n", ("", ""), ""),
            (b"X: y\n", ("", ""), ""),
        ):
            message = message_from_bytes(raw + b"\n")
            self.assertEqual((sender(message), login(message)), (said, account))


class BodyTests(unittest.SynchronousTestCase):
    """The body is read in any encoding."""

    def test_parts(self) -> None:
        """Plain text counts; HTML if there is nothing else; attachments never."""
        head = b"Content-Type: multipart/mixed; boundary=b\n\npreamble\n"
        html = b"--b\nContent-Type: text/html\n\n<p>\n"
        plain = b"--b\nContent-Transfer-Encoding: quoted-printable\n\na=\nb=3D\nc\n"
        image = b"--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAAA\n"
        end = b"--b--\n"
        for parts, said in (
            ((html, plain, image, end), ["ab=", "c"]),
            ((html, image), ["<p>"]),
            ((image, end), []),
            ((plain, plain), ["ab=", "c", "ab=", "c"]),
            ((), []),
        ):
            self.assertEqual(lines(message_from_bytes(head + b"".join(parts))), said)

    def test_base64(self) -> None:
        """Base64 is decoded, also if its end is missing; anything else is text."""
        head = b"Content-Transfer-Encoding: base64\n\n"
        self.assertEqual(lines(message_from_bytes(head + b"YQpi")), ["a", "b"])
        self.assertEqual(lines(message_from_bytes(head + b"YQpi\nYQ")), ["a", "ba"])
        self.assertIsInstance(lines(message_from_bytes(head + b"\xff\xfe*")), list)

    def test_decoded(self) -> None:
        """A charset that is unknown, wrong, slow or no charset is read as UTF-8, and bytes are kept."""
        self.assertEqual(decoded(b"\xf6", "iso-8859-1"), "ö")
        for charset in (None, "", "us-ascii", "no-such", "utf-8", "base64", "zlib", "idna", "\0", "utf-16"):
            self.assertEqual(decoded(b"\xc3\xb6\xff", charset), "ö\udcff", charset)

"""S3: passwords are hidden in every text."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.steps.source.hiding import HIDDEN, Hiding, secretsOf


class HidingTests(unittest.TestCase):
    """Secrets in URLs and in output."""

    def test_urls(self) -> None:
        """A password, and a token in the place of a user, are secrets; a user of ssh is not."""
        for url, secrets in (
            ("https://me:sekrit@host/x", ["sekrit"]),
            ("https://token123@host/x", ["token123"]),
            ("https://token123:x-oauth-basic@host/x", ["x-oauth-basic", "token123"]),
            ("ssh://git@host/x", []),
            ("git@host:x", []),
            ("svn://host/x@y", []),
            (":pserver:me:sekrit@host:/cvs", ["sekrit"]),
            (":pserver:me@host:/cvs", []),
            ("/some/dir", []),
        ):
            self.assertEqual(secretsOf(url), secrets, url)

    def test_forms(self) -> None:
        """A secret is found as it is, in a URL, in quotes, and as Python shows it."""
        secret = "pä'ss @1"
        hiding = Hiding([secret])
        for form in (
            secret,
            "p%C3%A4%27ss%20%401",
            repr(secret)[1:-1],
            repr(secret.encode())[2:-1],
        ):
            self.assertEqual(hiding.hide(f"a {form} b"), f"a {HIDDEN} b")
        self.assertEqual(Hiding(["p%40ss"]).hide("p@ss p%40ss"), f"{HIDDEN} {HIDDEN}")

    def test_pieces(self) -> None:
        """A secret that comes in pieces is found, too; other text is not kept back."""
        text = "url https://me:sekrit@host/ and sek"
        for cut in range(len(text)):
            hiding, told, kept = Hiding(["sekrit"]), "", ""
            for piece in (text[:cut], text[cut:]):
                more, kept = hiding.split(kept + piece)
                told += more
            self.assertEqual(told + kept, f"url https://me:{HIDDEN}@host/ and sek")
        self.assertEqual(Hiding(["sekrit"]).split("plain"), ("plain", ""))
        self.assertEqual(Hiding([]).split("plain"), ("plain", ""))

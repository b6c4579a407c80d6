"""The description of a checkout."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.steps.source.checkout import (
    Checkout,
    CheckoutFailed,
    Patch,
    Slave,
    checkWords,
    inBranch,
    methodOf,
)


class CheckoutTests(unittest.TestCase):
    """Values that say what to check out."""

    def test_methods(self) -> None:
        """The modes of 0.7.5 and of 0.8 mean the same methods."""
        for mode, method, meant in (
            ("update", None, None),
            ("incremental", "clobber", None),
            ("copy", None, "copy"),
            ("export", None, "export"),
            ("full", None, "fresh"),
            ("full", "clean", "clean"),
        ):
            self.assertEqual(methodOf(mode, method), meant)

    def test_place(self) -> None:
        """A copied tree comes from a directory beside it."""
        self.assertEqual(Checkout("u", "build", method="copy").place, "source")
        self.assertEqual(Checkout("u", "build").place, "build")

    def test_branch(self) -> None:
        """A branch is appended to the URL, or put into its place."""
        for base, branch, url in (
            ("http://x/", "trunk", "http://x/trunk"),
            ("http://x/%%BRANCH%%/y", "b", "http://x/b/y"),
            ("http://x/", None, "http://x/"),
        ):
            self.assertEqual(inBranch(base, branch), url)

    def test_patch(self) -> None:
        """A patch may have a directory, inside of the source."""
        self.assertEqual(Patch.of((1, "diff")), Patch(1, "diff"))
        self.assertEqual(Patch.of(("1", "diff", "a/b/")), Patch(1, "diff", "a/b"))
        self.assertEqual(Patch(1, "d", "sub").asSent(), (1, "d", "sub"))
        self.assertIsNone(Patch.of(None))
        for outside in ("..", "../a", "/etc", "a/../../b"):
            self.assertRaises(CheckoutFailed, Patch.of, (1, "d", outside))

    def test_options(self) -> None:
        """S3: a branch or revision from outside cannot become an option of a program."""
        for name in ("branch", "revision"):
            wrong = Checkout("u", "build", **{name: "--upload-pack=touch /x"})  # type: ignore[arg-type]
            self.assertRaises(CheckoutFailed, checkWords, wrong)
        checkWords(Checkout("u", "build", "side", 7))

    def test_slave(self) -> None:
        """A slave's commands are compared by number, and what it lacks is told."""
        slave = Slave({"git": "2.16"})
        self.assertTrue(slave.has("git", "2.9"))
        self.assertIsNone(slave.lacks("git", "2.9"))
        self.assertEqual(slave.lacks("svn"), "the slave has no command svn")
        self.assertIn("version 2.16; 3.0 is needed", slave.lacks("git", "3.0") or "")
        self.assertIsNone(Slave({}).lacks("cvs"))

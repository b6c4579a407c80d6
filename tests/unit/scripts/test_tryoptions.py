"""The options of C{try} and C{tryserver}, and the file of options."""

from __future__ import annotations

import os
from typing import Any

from twisted.python import usage
from twisted.trial import unittest

from buildbot.scripts import tryoptions
from buildbot.scripts.tryoptions import OptionsFileError, TryOptions, TryServerOptions, loadOptionsFile


class OptionsFileTests(unittest.SynchronousTestCase):
    """Where the file of options is, and what it holds."""

    def setUp(self) -> None:
        self.home, self.work = os.path.abspath(self.mktemp()), os.path.abspath(self.mktemp())
        os.makedirs(self.home)
        os.makedirs(os.path.join(self.work, "a", "b"))
        self.here = os.path.join(self.work, "a", "b")

    def write(self, where: str, text: str) -> str:
        os.makedirs(os.path.join(where, ".buildbot"), exist_ok=True)
        path = os.path.join(where, ".buildbot", "options")
        with open(path, "w") as stream:
            stream.write(text)
        return path

    def test_search(self) -> None:
        """The nearest file upwards counts, and the one at home only if there is none."""
        self.assertEqual(loadOptionsFile(self.here, self.home), {})
        self.write(self.home, "a = 1")
        self.assertEqual(loadOptionsFile(self.here, self.home), {"a": 1})
        self.write(self.work, "a = 2\nimport os\ndef _x(): pass\n")
        self.assertEqual(loadOptionsFile(self.here, self.home)["a"], 2)
        self.write(self.here, "a = 3")
        self.assertEqual(loadOptionsFile(self.here, self.home), {"a": 3})

    def test_others(self) -> None:
        """The file of another user is skipped: it is code."""
        self.write(self.work, "a = 2")
        self.patch(os, "getuid", lambda: 99)
        self.assertEqual(loadOptionsFile(self.here, self.home), {})

    def test_broken(self) -> None:
        """An invalid file is an error with its path and the reason."""
        path = self.write(self.work, "a = (")
        why = self.assertRaises(OptionsFileError, loadOptionsFile, self.here, self.home)
        self.assertIn(f"{path} is not valid: SyntaxError", str(why))


class TryOptionsTests(unittest.SynchronousTestCase):
    """The options of C{try}."""

    def parse(self, *words: str, **said: Any) -> dict[str, Any]:
        self.patch(tryoptions, "loadOptionsFile", lambda: said)
        options = TryOptions()
        options.parseOptions(words)
        return dict(options)

    def refusal(self, *words: str, **said: Any) -> str:
        return str(self.assertRaises(usage.UsageError, self.parse, *words, **said))

    PB = ("--connect=pb", "--master=m:1", "--username=ann", "--passwd=x")

    def test_given(self) -> None:
        """The options of 0.7 and 0.8 are taken."""
        said = self.parse(
            *self.PB, "-b", "full", "--builder=quick", "--properties=a=b,c=d=e", "--property=f=1,2", "-p1"
        )
        self.assertEqual(said["builders"], ["full", "quick"])
        self.assertEqual(said["properties"], {"a": "b", "c": "d=e", "f": "1,2"})
        self.assertEqual(said["patchlevel"], 1)
        old = self.parse("--connect=ssh", "--tryhost=h", "--trydir=d", "--try-topfile=f", "--try-topdir=t")
        self.assertEqual(
            [old[name] for name in ("host", "jobdir", "topfile", "topdir")], ["h", "d", "f", "t"]
        )
        self.assertEqual(self.parse(*self.PB, "--reason=why")["comment"], "why")

    def test_defaults(self) -> None:
        """The file of options has defaults; the command line counts more."""
        said = self.parse(
            "--username=bob",
            try_connect="pb",
            try_username="ann",
            try_password="x",
            masterstatus="m:1",
            try_builders=["full"],
            try_wait=True,
            try_branch="br",
        )
        self.assertEqual((said["connect"], said["username"], said["passwd"]), ("pb", "bob", "x"))
        self.assertEqual((said["master"], said["builders"], said["branch"]), ("m:1", ["full"], "br"))
        self.assertEqual((bool(said["wait"]), bool(said["quiet"])), (True, False))

    def test_refused(self) -> None:
        """Missing and wrong options are refused at once."""
        self.assertEqual(self.refusal(), "say how to reach the master: --connect=pb or --connect=ssh")
        self.assertEqual(self.refusal("--connect=pb"), "--connect=pb needs --master, --username, --passwd")
        self.assertEqual(self.refusal("--connect=ssh", "--host=h"), "--connect=ssh needs --jobdir")
        hint = "; the file of options has try_mastr: did you mean try_master?"
        self.assertEqual(
            self.refusal("--connect=ssh", "--host=h", try_mastr="m:1", own=1),
            f"--connect=ssh needs --jobdir{hint}",
        )
        self.assertIn("--property must be NAME=VALUE", self.refusal(*self.PB, "--property=x"))
        self.assertIn("there are no arguments", self.refusal(*self.PB, "x"))

    def test_server(self) -> None:
        """C{tryserver} needs its directory, which may begin at home."""
        options = TryServerOptions()
        options.parseOptions(["--jobdir=~/jobs"])
        self.assertEqual(options["jobdir"], os.path.expanduser("~/jobs"))
        self.assertRaises(usage.UsageError, TryServerOptions().parseOptions, [])

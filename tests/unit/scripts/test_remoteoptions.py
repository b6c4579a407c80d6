"""The options --url and --token: a command for a master on another machine."""

from __future__ import annotations

import os
from typing import Any

from twisted.python import usage
from twisted.trial import unittest

from buildbot.scripts.buildoptions import (
    BuildsOptions,
    ForceBuildOptions,
    LogOptions,
    PauseOptions,
    StopBuildOptions,
)
from buildbot.scripts.options import AuditOptions, StatusOptions, StopOptions
from buildbot.scripts.output import CommandFailed, askMaster, tokenOf

URL = "https://ci.example.org/"


class RemoteOptionsTests(unittest.TestCase):
    """The address takes the place of DIR."""

    def parsed(self, options: Any, *args: str) -> Any:
        """The options of a command line."""
        options.parseOptions(["--url", URL, *args])
        return options

    def test_places(self) -> None:
        """The other arguments are as with DIR."""
        self.assertIsNone(self.parsed(StatusOptions())["slave"])
        self.assertEqual(self.parsed(StatusOptions(), "bot1")["slave"], "bot1")
        self.assertEqual(self.parsed(BuildsOptions(), "full")["builder"], "full")
        self.assertEqual(self.parsed(ForceBuildOptions(), "full")["builder"], "full")
        stop = self.parsed(StopBuildOptions(), "full", "7")
        self.assertEqual((stop["builder"], stop["number"]), ("full", 7))
        self.assertIsNone(self.parsed(StopBuildOptions(), "full")["number"])
        self.assertRaises(usage.UsageError, self.parsed, ForceBuildOptions(), "dir", "full")
        self.assertRaises(usage.UsageError, self.parsed, AuditOptions(), "dir")
        self.assertEqual(self.parsed(LogOptions(), "full/7")["path"], "full/7")
        self.assertEqual(self.parsed(PauseOptions(), "bot1")["slave"], "bot1")

    def test_stop(self) -> None:
        """Another machine's master stops only after its builds; flags that do not fit are refused."""
        self.assertTrue(self.parsed(StopOptions(), "--clean")["clean"])
        for words in ([], ["--clean", "--cancel"], ["--clean", "--kill"], ["--cancel", "--no-wait"]):
            self.assertRaises(usage.UsageError, self.parsed, StopOptions(), *words)

    def test_environment(self) -> None:
        """The token can be in the environment."""
        self.patch(os, "environ", {"BUILDBOT_TOKEN": " secret\n"})
        self.assertEqual(tokenOf({"url": URL}), "secret")
        self.patch(os, "environ", {})
        self.assertEqual(tokenOf({"url": URL}), "")

    def test_tokenAlone(self) -> None:
        """--token without --url is refused."""
        self.assertRaises(usage.UsageError, BuildsOptions().parseOptions, ["--token", "file", "."])

    def test_tokenFile(self) -> None:
        """A file without a token is told."""
        name = self.mktemp()
        config = {"url": URL, "token": name, "quiet": True}
        self.assertIn(
            "cannot read the token", str(self.assertRaises(CommandFailed, askMaster, config, "builds", {}))
        )
        with open(name, "w", encoding="ascii"):
            pass
        self.assertIn(
            "there is no token", str(self.assertRaises(CommandFailed, askMaster, config, "builds", {}))
        )

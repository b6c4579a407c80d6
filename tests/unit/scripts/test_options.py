"""Parsing of the command line."""

from __future__ import annotations

import os

from twisted.python import usage
from twisted.trial import unittest

from buildbot.scripts import buildoptions, commands
from buildbot.scripts import options as o
from tests.commandline import directory, options


class OptionsTests(unittest.TestCase):
    """Valid and invalid arguments."""

    def refusal(self, kind: type[usage.Options], *words: str) -> str:
        """The error of these arguments."""
        return str(self.assertRaises(usage.UsageError, options, kind, words))

    def test_oldForce(self) -> None:
        """0.7.5, row 23: a plug-in can parse a request as BUILDER and REASON, or as options; not both."""
        from buildbot.scripts.runner import ForceOptions

        nothing = {"builder": None, "branch": None, "revision": None, "reason": None}
        for words, given in (
            (["b1", "why", "not"], {"builder": "b1", "reason": "why not"}),
            (
                ["--builder", "b1", "--branch=x", "--revision", "7"],
                {"builder": "b1", "branch": "x", "revision": "7"},
            ),
            ([], {}),
        ):
            read = ForceOptions()
            read.parseOptions(words)
            self.assertEqual(dict(read), {**nothing, **given})
        for twice in (["--builder", "b1", "b2"], ["--reason", "x", "b1", "y"]):
            self.assertRaises(usage.UsageError, ForceOptions().parseOptions, twice)

    def test_order(self) -> None:
        """Options may be before and after the directory."""
        before = options(o.StartOptions, ["--timeout", "5", "--nodaemon", "-q", "dir"])
        after = options(o.StartOptions, ["dir", "-qt5", "--nodaemon"])
        self.assertEqual(before, after)
        self.assertEqual(
            (after["basedir"], after["timeout"], after["nodaemon"], after["quiet"]),
            (os.path.abspath("dir"), 5.0, 1, 1),
        )

    def test_doubleDash(self) -> None:
        """A directory or password may begin with a dash, after a double dash."""
        parsed = options(o.SlaveOptions, ["-q", "--", "-dir", "h:1", "bot", "--quiet"])
        self.assertEqual((parsed["basedir"], parsed["passwd"]), (os.path.abspath("-dir"), "--quiet"))

    def test_emptyValue(self) -> None:
        """An option with an empty value is not the same as a missing one."""
        self.assertEqual(options(o.MasterOptions, ["--config=", "dir"])["config"], "")

    def test_unknown(self) -> None:
        """An unknown option is named."""
        self.assertIn("frobnicate", self.refusal(o.StartOptions, "dir", "--frobnicate"))

    def test_nearest(self) -> None:
        """For an unknown command or option, the nearest one is suggested."""
        for words, said in (
            (["strat"], "there is no command strat; did you mean start?"),
            (["zzz"], "there is no command zzz"),
            (["hlep"], "there is no command hlep; did you mean help?"),
            (["statusgui"], "there is no command statusgui: it is not in this release"),
            (
                ["cleanupdb"],
                "there is no command cleanupdb: a running master deletes old builds and their logs by itself",
            ),
            (["--verbsoe", "start"], "there is no option --verbsoe; did you mean --verbose?"),
            (["start", "--tmeout=5"], "there is no option --tmeout; did you mean --timeout?"),
            (["start", "-z"], "there is no option -z"),
            (["start", "-t"], "option -t needs a value"),
            (["start", "--quiet=1"], "option --quiet takes no value"),
            (["create-slave", "--log=1"], "option --log could be --log-size or --log-count"),
            (["builds", "-c", "9" * 5000], "--count must be a whole number of at most 15 digits"),
        ):
            self.assertEqual(self.refusal(commands.Options, *words), said)

    def test_width(self) -> None:
        """Help is as wide as the terminal."""
        for columns, widest in (("60", 60), ("-5", 110), ("5", 40), ("wide", 110), ("100000", 110)):
            self.patch(os, "environ", {**os.environ, "COLUMNS": columns})
            for kind in (o.StartOptions, commands.Options):
                longest = max(
                    len(line) for line in str(kind()).splitlines()[1:] if not line.startswith("    ")
                )
                self.assertLessEqual(longest, widest, columns)

    def test_oneDirectory(self) -> None:
        """Two directories are refused, and so is an empty one."""
        self.assertIn("not 2: a b", self.refusal(o.StopOptions, "a", "b"))
        self.assertIn("empty", self.refusal(o.StopOptions, ""))

    def test_directoryLeftOut(self) -> None:
        """Inside of a master's directory, an argument without DIR gets a hint how to add it."""
        here = self.mktemp()
        os.mkdir(here)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(here)
        for kind, what in (
            (buildoptions.BuildsOptions, "builder"),
            (o.StatusOptions, "slave"),
            (buildoptions.LogOptions, "build"),
            (buildoptions.ForceBuildOptions, "builder"),
            (buildoptions.StopBuildOptions, "builder"),
            (buildoptions.PauseOptions, "slave"),
            (buildoptions.DrainOptions, "slave"),
            (buildoptions.UnpauseOptions, "slave"),
            (buildoptions.DisconnectOptions, "slave"),
        ):
            if kind in (buildoptions.BuildsOptions, o.StatusOptions):
                self.assertEqual(options(kind, ["first"])["basedir"], os.path.abspath("first"))
            with open("buildbot.tac", "w"):
                pass
            why = self.refusal(kind, "first")
            self.assertEqual(
                why, f"there is no directory first; if first is a {what} of the current one, give: . first"
            )
            key = "path" if kind is buildoptions.LogOptions else what
            self.assertEqual(options(kind, [".", "first"])[key], "first")
            os.unlink("buildbot.tac")

    def test_currentDirectory(self) -> None:
        """Inside of a master's directory DIR may be omitted; elsewhere, and for create commands, it is
        required.
        """
        here = self.mktemp()
        os.mkdir(here)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(here)
        self.assertIn("no buildbot.tac", self.refusal(o.StartOptions))
        with open("buildbot.tac", "w"):
            pass
        self.assertEqual(options(o.StartOptions, [])["basedir"], os.getcwd())
        self.assertIn("no directory given", self.refusal(o.MasterOptions))
        os.unlink("buildbot.tac")
        self.assertEqual(options(o.CheckConfigOptions, [])["basedir"], os.getcwd())
        self.assertIsNone(options(o.DemoOptions, [])["basedir"])
        self.assertEqual(options(o.DemoOptions, ["d"])["basedir"], os.path.abspath("d"))

    def test_passwordFile(self) -> None:
        """The file with the password of a database is looked for in DIR, and then here."""
        here, other = (directory(self.mktemp()) for _ in range(2))
        for place in (here, other):
            with open(os.path.join(place, "db.password"), "w"):
                pass
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(other)
        for kind, last in ((o.MasterOptions, []), (o.MoveOptions, ["postgresql://ci@db/ci"])):
            for basedir, named, found in (
                (here, "db.password", "db.password"),
                ("new", "db.password", os.path.join(other, "db.password")),
                ("new", "none", "none"),
            ):
                parsed: usage.Options = kind()
                db = [] if last else ["--db=postgresql://ci@db/ci"]
                parsed.parseOptions([*db, f"--db-password-file={named}", basedir, *last])
                self.assertEqual(parsed["db-password-file"], found)

    def test_seconds(self) -> None:
        """A time limit is a number greater than 0."""
        for word in ("soon", "0", "-1", "nan", "inf"):
            self.assertIn(
                f"--timeout must be a number of seconds greater than 0, not {word!r}",
                self.refusal(o.StartOptions, "-t", word, "d"),
            )
        self.assertEqual(options(o.StartOptions, ["-t", "0.5", "d"])["timeout"], 0.5)

    def test_counts(self) -> None:
        """Sizes and numbers of logs are whole numbers."""
        for word in ("many", "-1", "1.5", "²"):
            self.assertIn(
                f"--log-count must be a whole number, not {word!r}",
                self.refusal(o.MasterOptions, "--log-count", word, "d"),
            )
        parsed = options(o.MasterOptions, ["--log-size=500", "-l", "0", "d"])
        self.assertEqual((parsed["log-size"], parsed["log-count"]), (500, 0))

    def test_slave(self) -> None:
        """The options of C{create-slave}, with the defaults of 0.7.5."""
        parsed = options(o.SlaveOptions, ["dir", "build.example.org:9989", "bot1", "secret"])
        self.assertEqual(
            [parsed[key] for key in ("host", "port", "name", "passwd", "keepalive", "usepty", "umask")],
            ["build.example.org", 9989, "bot1", "secret", 600, 1, None],
        )
        parsed = options(o.SlaveOptions, ["-k0", "--umask=022", "--usepty", "0", "d", "[::1]:1", "b", ""])
        self.assertEqual(
            [parsed[key] for key in ("host", "port", "keepalive", "umask")], ["::1", 1, 0, 0o022]
        )
        self.assertEqual(options(o.SlaveOptions, ["--umask=0o77", "d", "h:1", "b", "p"])["umask"], 0o77)

    def test_badSlave(self) -> None:
        """Values that a slave cannot use are refused by create-slave."""
        for master in ("host", "host:", ":9989", "host:0", "host:65536", "host:x", "host:-1"):
            self.assertIn("HOST:PORT", self.refusal(o.SlaveOptions, "d", master, "b", "p"))
        self.assertIn("not 3 arguments", self.refusal(o.SlaveOptions, "d", "h:1", "b"))
        self.assertIn("name", self.refusal(o.SlaveOptions, "d", "h:1", "", "p"))
        good = ("d", "h:1", "b", "p")
        self.assertIn("usepty", self.refusal(o.SlaveOptions, "--usepty=yes", *good))
        self.assertIn("'often'", self.refusal(o.SlaveOptions, "--keepalive=often", *good))
        for word in ("9", "1000", "open", "-1"):
            self.assertIn("octal", self.refusal(o.SlaveOptions, f"--umask={word}", *good))

    def test_status(self) -> None:
        """C{status} takes a directory, and optionally a slave."""
        self.assertIsNone(options(o.StatusOptions, ["d"])["slave"])
        parsed = options(o.StatusOptions, ["d", "bot1", "--json"])
        self.assertEqual((parsed["slave"], parsed["json"]), ("bot1", 1))
        self.assertIn("bot2", self.refusal(o.StatusOptions, "d", "bot1", "bot2"))

    def test_disconnect(self) -> None:
        """C{disconnect} takes a directory and a slave."""
        self.assertEqual(options(buildoptions.DisconnectOptions, ["d", "bot1"])["slave"], "bot1")
        self.assertIn("SLAVE", self.refusal(buildoptions.DisconnectOptions, "d"))

    def test_aboutBuilders(self) -> None:
        """The arguments of the commands for builds."""
        self.assertIsNone(options(buildoptions.BuildsOptions, ["d"])["builder"])
        parsed = options(buildoptions.BuildsOptions, ["d", "full", "-c", "5"])
        self.assertEqual((parsed["builder"], parsed["count"]), ("full", 5))
        self.assertIn("full more", self.refusal(buildoptions.BuildsOptions, "d", "full", "more"))
        self.assertEqual(options(buildoptions.LogOptions, ["d", "full/7/x", "-f"])["path"], "full/7/x")
        self.assertIn("BUILDER/BUILD/STEP", self.refusal(buildoptions.LogOptions, "d"))
        self.assertIn("BUILDER", self.refusal(buildoptions.ForceBuildOptions, "d"))
        self.assertIsNone(options(buildoptions.StopBuildOptions, ["d", "full"])["number"])
        self.assertEqual(options(buildoptions.StopBuildOptions, ["d", "full", "7"])["number"], 7)
        self.assertIn(
            "BUILD must be a whole number, not 'x'",
            self.refusal(buildoptions.StopBuildOptions, "d", "full", "x"),
        )
        self.assertIn("one BUILD", self.refusal(buildoptions.StopBuildOptions, "d", "full", "7", "8"))
        self.assertIn("BUILDER", self.refusal(buildoptions.StopBuildOptions, "d"))

    def test_propertiesAreNotShared(self) -> None:
        """The properties of one command are not shared with the next."""
        first = options(buildoptions.ForceBuildOptions, ["d", "full", "--property", "a=1", "-p", "b=2"])
        self.assertEqual(first["properties"], {"a": "1", "b": "2"})
        self.assertEqual(options(buildoptions.ForceBuildOptions, ["d", "full"])["properties"], {})

    def test_everyCommand(self) -> None:
        """Each command can be called, and has a help text."""
        for name, _, kind, doc in commands.Options.subCommands:
            text = str(kind())
            self.assertTrue(doc and (kind.longdesc or "").strip(), name)
            self.assertIn("--help", text)
            self.assertTrue(all(len(line) < 100 for line in text.splitlines()))

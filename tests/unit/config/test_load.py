"""Loading the text of a master.cfg, and its errors."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from twisted.trial import unittest

from buildbot.config.load import decode, load, locate
from buildbot.config.model import ConfigErrors, MasterConfig
from tests.brokenconfigs import BROKEN, GOOD, NEXT

TEXT = "\n".join(GOOD) + "\n"
SOME_DIRECTORY = os.path.realpath(os.path.join(os.sep, "no", "such", "master"))


def errorsOf(text: str, basedir: str = SOME_DIRECTORY) -> list[str]:
    """The printed errors of a text that must have some."""
    try:
        load(text, "master.cfg", basedir)
    except ConfigErrors as errors:
        return str(errors).splitlines()
    raise AssertionError("no error")


class LoadTests(unittest.TestCase):
    """A valid file becomes a value."""

    def test_good(self) -> None:
        """A valid file gives its bots, builders and ports, in order."""
        config = load(TEXT, "master.cfg", SOME_DIRECTORY)
        self.assertEqual(list(config.slaves), ["b1", "b2"])
        self.assertEqual(config.slaves["b1"].password, "pw1")
        self.assertEqual(list(config.builders), ["full", "quick"])
        self.assertEqual(config.builderList("b2"), (("quick", "quick"),))
        self.assertEqual(config.ports, ("tcp:9989",))
        self.assertEqual((config.warnings, config.modules), ((), ()))

    def test_names(self) -> None:
        """The file has its own name in __file__ and the master's directory in basedir."""
        text = TEXT + "c['projectName'], c['projectURL'] = __file__, basedir\n"
        config = load(text, "master.cfg", SOME_DIRECTORY)
        self.assertEqual(config.projectName, os.path.join(SOME_DIRECTORY, "master.cfg"))
        self.assertEqual(config.projectURL, SOME_DIRECTORY)

    def test_equalTwice(self) -> None:
        """A file with its own classes, loaded twice, gives equal configurations (R5)."""
        text = TEXT + (
            "from buildbot.steps.shell import ShellCommand\n"
            "class Mine(ShellCommand):\n    command = ['make', 'mine']\n    def helper(self): return len(c)\n"
            "c['builders'][0]['factory'].addStep(Mine, env={'A': 'b'})\n"
        )
        first, second = (load(text, "master.cfg", SOME_DIRECTORY) for _ in range(2))
        self.assertEqual(first, second)
        other = load(text.replace("len(c)", "len(c) + 1"), "master.cfg", SOME_DIRECTORY)
        self.assertNotEqual(first, other)

    def test_fresh(self) -> None:
        """Names of one load are not in the next one."""
        load(TEXT + "leftover = 1\n", "master.cfg", SOME_DIRECTORY)
        [error] = errorsOf(TEXT + "leftover\n")
        self.assertIn("NameError: name 'leftover' is not defined", error)

    def test_dataclass(self) -> None:
        """A file may use dataclasses with annotations as text, which need the module of a class."""
        text = "from __future__ import annotations\nfrom dataclasses import dataclass\n" + TEXT
        text += "@dataclass\nclass Row:\n    name: str = 'x'\nc['projectName'] = Row().name\n"
        self.assertEqual(load(text, "master.cfg", SOME_DIRECTORY).projectName, "x")
        self.assertNotIn("master.cfg", sys.modules)

    def test_inThread(self) -> None:
        """A file can be loaded in a thread."""
        results: list[object] = []

        def work() -> None:
            results.append(load(TEXT, "master.cfg", SOME_DIRECTORY))
            results.append(errorsOf(TEXT + "1 / 0\n"))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(300)
        expected = [load(TEXT, "master.cfg", SOME_DIRECTORY), errorsOf(TEXT + "1 / 0\n")]
        self.assertEqual(results, expected)

    def test_bom(self) -> None:
        """A byte order mark at the start is ignored."""
        self.assertIsInstance(load("\ufeff" + TEXT, "master.cfg", SOME_DIRECTORY), MasterConfig)

    def test_processAsBefore(self) -> None:
        """A load restores sys.path and sys.meta_path."""
        before, hooks, identity = list(sys.path), list(sys.meta_path), sys.path
        load(TEXT + "import sys\nsys.path.insert(0, '/x')\nsys.path = ['/y']\n", "master.cfg", SOME_DIRECTORY)
        self.assertEqual((sys.path, sys.meta_path), (before, hooks))
        self.assertIs(sys.path, identity)


class ErrorTests(unittest.TestCase):
    """A broken file is refused with reasons and locations."""

    def test_corpus(self) -> None:
        """Each of sixty broken files is refused, with the line and the error (R12)."""
        self.assertGreaterEqual(len(BROKEN), 60)
        for name, broken in BROKEN.items():
            with self.assertRaises(ConfigErrors, msg=name) as caught:
                load(broken.text, "master.cfg", SOME_DIRECTORY)
            told = [(error.filename, error.line) for error in caught.exception.errors]
            self.assertIn(("master.cfg", broken.line), told, f"{name}: {caught.exception}")
            self.assertIn(broken.words, str(caught.exception), name)

    def test_goodIsGood(self) -> None:
        """The file from which the broken ones are made is valid."""
        self.assertIsInstance(load(TEXT, "master.cfg", SOME_DIRECTORY), MasterConfig)

    def test_allAtOnce(self) -> None:
        """All errors of a file are reported together, each with its line."""
        text = (
            TEXT.replace("9989", "None")
            .replace("('b2', 'pw2')", "('b1', '')")
            .replace("'name': 'quick'", "'name': 'full'")
        )
        told = errorsOf(text)
        self.assertEqual(len(told), 5, told)
        for line, words in (
            (3, "duplicate bot"),
            (3, "empty"),
            (4, "port"),
            (7, "duplicate builder"),
            (7, "b2"),
        ):
            self.assertTrue(
                [t for t in told if t.startswith(f"master.cfg:{line}: ") and words in t], (line, words)
            )

    def test_noLibraryFrames(self) -> None:
        """An error inside a library is reported with the line of the file that called it, without a path."""
        [error] = errorsOf(TEXT + "import json\njson.loads('{')\n")
        self.assertTrue(error.startswith(f"master.cfg:{NEXT + 1}: JSONDecodeError: "), error)
        self.assertNotIn(os.sep + "json", error)

    def test_inFunction(self) -> None:
        """An error in a function of the file is reported with the function's line."""
        [error] = errorsOf(TEXT + "def f():\n    return 1 / 0\n\nf()\n")
        self.assertEqual(error, f"master.cfg:{NEXT + 1}: ZeroDivisionError: division by zero")

    def test_configErrorsRaised(self) -> None:
        """A file may raise its own ConfigErrors; they get its location."""
        text = TEXT + "from buildbot.config.model import ConfigError, ConfigErrors\n"
        [error] = errorsOf(text + "raise ConfigErrors([ConfigError('no slaves today')])\n")
        self.assertEqual(error, f"master.cfg:{NEXT + 1}: no slaves today")

    def test_warningsKept(self) -> None:
        """Warnings are reported together with errors."""
        with self.assertRaises(ConfigErrors) as caught:
            load(TEXT + "c['titel'] = 'x'\ndel c['bots']\n", "master.cfg", SOME_DIRECTORY)
        self.assertEqual([warning.line for warning in caught.exception.warnings], [NEXT])

    def test_noChain(self) -> None:
        """The errors do not keep the original exception or its frames in memory."""
        with self.assertRaises(ConfigErrors) as caught:
            load(TEXT + "1 / 0\n", "master.cfg", SOME_DIRECTORY)
        self.assertIsNone(caught.exception.__context__)

    def test_pluginThatExits(self) -> None:
        """A scheduler that exits when it is asked for its builders is an error of the file."""
        text = (
            TEXT
            + "class S:\n    def listBuilderNames(self):\n        raise SystemExit(1)\n"
            + "c['schedulers'] = [S()]\n"
        )
        [error] = errorsOf(text)
        said = "scheduler 1 does not say which builders it starts: SystemExit: 1"
        self.assertEqual(error, f"master.cfg:{NEXT + 3}: {said}")


class DecodeTests(unittest.TestCase):
    """Decoding the bytes of a file."""

    def test_utf8(self) -> None:
        """A file without a declared encoding is UTF-8."""
        self.assertEqual(decode("é\r\n".encode(), "master.cfg"), "é\n")

    def test_declared(self) -> None:
        """A file with a declared encoding, such as a 0.7 file in Latin-1, is decoded with it."""
        self.assertEqual(decode("# coding: latin-1\n# é".encode("latin-1"), "x"), "# coding: latin-1\n# é")

    def test_wrong(self) -> None:
        """Invalid UTF-8 is an error with its line."""
        with self.assertRaises(ConfigErrors) as caught:
            decode(b"ok\n\xe9\n", "master.cfg")
        self.assertTrue(str(caught.exception).startswith("master.cfg:2: byte 0xe9"), caught.exception)

    def test_unknownCoding(self) -> None:
        """An unknown encoding is an error in the first line."""
        for lines in (0, 1, 2, 7):
            with self.assertRaises(ConfigErrors) as caught:
                decode(b"#\n" * lines + "# é\n".encode("latin-1"), "master.cfg")
            said = str(caught.exception.errors[0])
            self.assertIn(f"master.cfg:{lines + 1}: byte 0xe9 is not utf-8", said)
            self.assertIn("`# coding: latin-1` in line 1", said)
        with self.assertRaises(ConfigErrors) as caught:
            decode(b"# coding: klingon\n", "master.cfg")
        self.assertTrue(str(caught.exception).startswith("master.cfg:1: "), caught.exception)


class LocateTests(unittest.TestCase):
    """The name of a file in messages."""

    def test_relative(self) -> None:
        """A file in the master's directory is shown by its name alone, also if the directory is a link."""
        real = Path(self.mktemp()).resolve()
        real.mkdir()
        link = real.with_name("link")
        link.symlink_to(real)
        for filename in ("master.cfg", str(link / "master.cfg")):
            found = locate(filename, str(link))
            self.assertEqual(found, (str(real), str(real / "master.cfg"), "master.cfg"))

    def test_elsewhere(self) -> None:
        """A file elsewhere is shown with its whole path."""
        found = locate("/elsewhere/other.cfg", SOME_DIRECTORY)
        self.assertEqual(found.shown, found.path)

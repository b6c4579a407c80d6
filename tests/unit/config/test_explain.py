"""Messages about exceptions in a configuration; see tests/brokenconfigs.py for whole files."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config.explain import LONGEST, explain, locationOf, runningLine
from buildbot.config.model import ConfigError

FILES = {"/m/master.cfg": "master.cfg", "/m/lib.py": "lib.py"}


def raised(text: str, path: str = "/m/master.cfg", **names: object) -> BaseException:
    """The exception that the text raises when it runs as a file."""
    try:
        exec(compile(text, path, "exec"), names)
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


class ExplainTests(unittest.TestCase):
    """An exception becomes a sentence and a location."""

    def test_deepestOwnLine(self) -> None:
        """The line is the deepest one in the configuration's own files, not in a library."""
        names: dict[str, Any] = {}
        exec(compile("def f(x):\n    return int(x)", "/m/lib.py", "exec"), names)
        exec(compile("\ndef g(f):\n    f('x')", "/library.py", "exec"), names)
        error = raised("\n\ng(f)", **names)
        self.assertEqual(locationOf(error, FILES), ("lib.py", 2))
        self.assertEqual(locationOf(raised("\ng(len)", **{**names, "len": 7}), FILES), ("master.cfg", 2))

    def test_elsewhere(self) -> None:
        """An exception outside of the configuration's files has no location."""
        self.assertEqual(
            explain(raised("1/0", "/x.py"), FILES), ConfigError("ZeroDivisionError: division by zero")
        )

    def test_notHere(self) -> None:
        """The import of a module of 0.7.5 that is not in this release gives a hint about the replacement."""
        for text in (
            "from buildbot import db",
            "from buildbot.changes.freshcvs import FreshCVSSource",
            "from buildbot.steps.http import HTTPStep",
            "from buildbot.changes.monotone import MonotoneSource",
        ):
            self.assertIn("not in this release", str(explain(raised(text), FILES)), text)
        for text in ("import buildbot.nonsense", "from buildbot.scheduler import Shceduler"):
            self.assertNotIn("not in this release", str(explain(raised(text), FILES)), text)

    def test_notInModule(self) -> None:
        """So does a name that is read from an imported module."""
        said = str(explain(raised("from buildbot import manhole\nmanhole.Manhole(9999)"), FILES))
        self.assertIn("not in this release: write TelnetManhole", said)

    def test_path(self) -> None:
        """The error about a missing name in a module does not show the module's path."""
        said = str(explain(raised("from buildbot.steps.shell import ShelCommand"), FILES))
        self.assertIn("from 'buildbot.steps.shell'; did you mean 'ShellCommand'?", said)

    def test_python2(self) -> None:
        """Common errors from Python 2 code are recognized."""
        for text in ("print 'x'", "try:\n  1\nexcept A, e:\n  1", "x = 0755"):
            self.assertIn("this is Python 2", explain(raised(text), FILES).message, text)

    def test_long(self) -> None:
        """A long message is shortened."""
        told = explain(raised("raise ValueError('x' * 100000)"), FILES)
        self.assertEqual(len(told.message), LONGEST)

    def test_own(self) -> None:
        """Exceptions with unusual attributes, made by the file itself, are reported too."""
        for text, told in (
            ("raise SyntaxError", "SyntaxError: None"),
            ("raise ImportError('x', name='no.such')", "ImportError: x"),
            ("raise NameError('x')", "NameError: x"),
            ("raise AttributeError('x')", "AttributeError: x"),
            (
                "raise SystemExit('x')",
                "SystemExit: sys.exit('x') was called; a configuration must run to its end",
            ),
        ):
            self.assertEqual(explain(raised(text), FILES).message, told)

    def test_syntaxElsewhere(self) -> None:
        """A syntax error in text that the file compiles is reported with the line that compiles it."""
        told = explain(raised("\neval('((')"), FILES)
        self.assertEqual((told.filename, told.line), ("master.cfg", 2))
        self.assertIn("SyntaxError", told.message)

    def test_listThatIsNotThere(self) -> None:
        """F8: appending to a missing list gives a hint how to create it."""
        told = explain(raised("c = {}\nc['schedulers'].append(1)"), FILES)
        self.assertIn("there is no c['schedulers'] yet; begin with c['schedulers'] = []", told.message)
        self.assertEqual(explain(raised("{}['x']"), FILES).message, "KeyError: 'x'")

    def test_runningLine(self) -> None:
        """A helper can find the line that calls it."""
        found: list[object] = []
        exec(compile("\n\nask()", "/m/master.cfg", "exec"), {"ask": lambda: found.append(runningLine(FILES))})
        self.assertEqual(found, [("master.cfg", 3)])
        self.assertEqual(runningLine(FILES), (None, None))

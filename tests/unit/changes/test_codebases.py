"""The function that names the codebase of a change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from twisted.logger import LogEvent, formatEvent
from twisted.trial import unittest

from buildbot.changes.codebases import LONGEST, asDictionary, withCodebase
from buildbot.model.change import Change
from tests.loglisteners import hearLog

ALL = {"git://h/app": "app", "git://h/lib": "lib"}


def change(**kw: Any) -> Change:
    """A change of the application."""
    return Change(
        "ann", ["a.c"], "why", **{"repository": "git://h/app", "revision": "r1", "when": 86400.5, **kw}
    )


class NamingTests(unittest.SynchronousTestCase):
    """What a change gets."""

    def setUp(self) -> None:
        self.said: list[str | None] = []
        hearLog(self, self._hear)

    def _hear(self, event: LogEvent) -> None:
        if event.get("log_namespace") == "buildbot.changes.codebases":
            self.said.append(formatEvent(event))

    def kept(self, generator: Callable[[dict[str, Any]], object]) -> None:
        """The change stays as it is."""
        given = change(repository="http://me:pw@h/app")
        self.assertIs(withCodebase(given, generator), given)

    def test_named(self) -> None:
        """The change gets the codebase, also in its record; the given object does not."""
        given = change()
        given.toRecord()
        named = withCodebase(given, lambda told: ALL[told["repository"]])
        self.assertEqual((named.codebase, named.toRecord()["codebase"], given.codebase), ("app", "app", ""))
        self.assertEqual({**named.toRecord(), "codebase": ""}, given.toRecord())
        self.assertEqual(self.said, [])

    def test_own(self) -> None:
        """A change that comes with a codebase keeps it, and one whose codebase has no name stays as it is."""
        given = change(codebase="mine")
        self.assertIs(withCodebase(given, lambda told: "other"), given)
        self.kept(lambda told: "")
        self.assertEqual(self.said, [])

    def test_fails(self) -> None:
        """A function that raises is told with the change, without a password."""
        self.kept(lambda told: ALL[told["repository"]])
        told = (
            "c['codebaseGenerator'] failed on the change r1 by ann in 'http://me:XXXX@h/app': the change is"
        )
        self.assertIn(told, str(self.said[0]))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_wrong(self) -> None:
        """A result that is no text is told, too."""
        for wrong, words in (
            (None, "returned None for"),
            (7, "returned 7"),
            (b"app", "returned a bytes"),
            ("a\0", "returned the text 'a\\x00'"),
            ("x" * (LONGEST + 1), "returned a text of 4097 characters"),
        ):
            self.kept(lambda told, wrong=wrong: wrong)  # type: ignore[misc]
            self.assertIn(words, str(self.said.pop()))
            self.flushLoggedErrors()


class DictionaryTests(unittest.SynchronousTestCase):
    """The dictionary for the function."""

    def test_all(self) -> None:
        """It has the names of 0.8, and is a copy."""
        place = {"branch": "b", "category": "c", "revlink": "http://x", "project": "p"}
        given = change(isdir=True, properties={"x": 1}, **place)
        told = asDictionary(given)
        self.assertEqual(
            told,
            {
                **{"changeid": None, "author": "ann", "who": "ann", "files": ["a.c"], "comments": "why"},
                **{"is_dir": 1, "revision": "r1", "properties": {"x": (1, "Change")}, **place},
                "when_timestamp": datetime(1970, 1, 2, 0, 0, 0, 500000, timezone.utc),
                "repository": "git://h/app",
            },
        )
        told["files"].append("b.c")
        told["properties"].clear()
        self.assertEqual((given.files, given.properties.asDict()), (["a.c"], {"x": 1}))

    def test_oddTime(self) -> None:
        """A time that no calendar has is None."""
        self.assertIsNone(asDictionary(change(when=float(1 << 50)))["when_timestamp"])

"""What clients of try schedulers understand."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.schedulers.tryperspective import dialectOf
from buildbot.wire.dialect import Dialect


class DialectTests(unittest.SynchronousTestCase):
    """A client on Python 2 needs bytes, one on Python 3 text."""

    def test_calls(self) -> None:
        """The words of a call tell it. The patch, which may be bytes on both, counts only without words."""
        calls: list[tuple[list[Any], Dialect]] = [
            ([b"main", 7, (0, b"x"), [b"full"]], Dialect.PYTHON2),
            ([None, 7, (0, b"x"), [b"full"], {}], Dialect.PYTHON2),
            ([None, None, (0, b"x"), []], Dialect.PYTHON2),
            ([None, None, (0, b"x"), [], {b"a": b"b"}], Dialect.PYTHON2),
            (["main", "r1", (1, b"x"), "/work", "", [], None, None, {}], Dialect.PYTHON3),
            ([None, None, (0, b"x"), "", "", ["full"], "", "", {}], Dialect.PYTHON3),
            ([None, None, (0, "x"), []], Dialect.PYTHON3),
            (["main", b"\xff", (0, b"x"), "", "", []], Dialect.PYTHON3),
            ([None, None, None, []], Dialect.PYTHON3),
        ]
        for arguments, dialect in calls:
            self.assertEqual(dialectOf(arguments), dialect, arguments)

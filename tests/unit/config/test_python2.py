"""Python 2 is recognized in all its forms."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors

TEXTS = (
    *("print 'x'", "x = 022", "raise ValueError, 'x'", "x = `1`", "x = 1 <> 2", "x = ur'a'"),
    *("x = lambda (a, b): a", "if 1:\n\tx = 1\n        y = 2", "file('a')", "unicode('x')", "execfile('x')"),
    *("reload(1)", "{}.has_key('a')", "{}.iteritems()", "import string\nstring.join(['a'], '')"),
    *(
        "from zope.interface import implements",
        "import urllib2",
        "try:\n    pass\nexcept KeyError, e:\n    pass",
    ),
)


def told(text: str) -> str:
    """The errors of a file."""
    try:
        load(text + "\n", "master.cfg", "/nonexistent")
    except ConfigErrors as errors:
        return str(errors)
    return ""


class Python2Tests(unittest.SynchronousTestCase):
    """The hint."""

    def test_recognized(self) -> None:
        """Each construct has the hint, and no misleading suggestion."""
        for text in TEXTS:
            self.assertIn("this is Python 2; master.cfg is Python 3 now", told(text), text)
            self.assertNotIn("did you mean", told(text), text)

    def test_lists(self) -> None:
        """Objects that were lists in Python 2 are to be put into lists."""
        for text, advice in (
            ("[] + map(str, [])", "list(map(…))"),
            ("map(str, []) + []", "list(map(…))"),
            ("[] + {}.keys()", "list(….keys())"),
            ("{}.keys() + []", "list(….keys())"),
            ("{}.values()[0]", "list(….values())"),
            ("{}.items().sort()", "list(….items())"),
            ("len(filter(None, []))", "list(filter(…))"),
        ):
            self.assertIn(f"(this is Python 2; master.cfg is Python 3 now: write {advice})", told(text), text)
        self.assertNotIn("Python 2", told("[] + {}"))
        self.assertNotIn("Python 2", told("[] + (1 for a in [])"))

    def test_bytes(self) -> None:
        """Bytes that meet text, which were one type in Python 2, have a hint."""
        for text in (
            *("b'a' + 'x'", "'x' + b'a'", "b'%s' % ('x',)", "b'/'.join(['a'])", "'/'.join([b'a'])"),
            *("'a'.replace(b'a', 'b')", "b'a'.replace('a', 'b')", "b'a'.split('x')", "b'a' in 'a'"),
            *("b'a'.startswith('a')", "'a'.startswith(b'a')", "'a' in b'a'"),
        ):
            self.assertIn("leave out the b of b'…'", told(text), text)
        self.assertNotIn("Python 2", told("'a' + 1"))

    def test_compared(self) -> None:
        """A function that compares two values, for sorted and sort, is to become a key."""
        for text in ("sorted([], lambda a, b: 0)", "[].sort(lambda a, b: 0)", "[].sort(cmp=max)"):
            self.assertIn("functools.cmp_to_key", told(text), text)
        self.assertIn("give sorted and sort a key=", told("cmp(1, 2)"))
        self.assertNotIn("Python 2", told("sorted()"))

    def test_others(self) -> None:
        """Other errors have no hint."""
        for text in ("x = (", "nonsense", "{}.has_keys", "import string\nstring.nonsense"):
            self.assertNotIn("Python 2", told(text), text)

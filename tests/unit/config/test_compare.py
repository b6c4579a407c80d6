"""Comparison of two loads of a file."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config.compare import sameClass, sameValue
from buildbot.mails.notifier import MailNotifier


def loaded(text: str) -> dict[str, Any]:
    """The names that a text defines, loaded like a master.cfg."""
    names: dict[str, Any] = {"__name__": "master.cfg"}
    exec(compile(text, "master.cfg", "exec"), names)
    return names


class CompareTests(unittest.TestCase):
    """Two loads of the same text are equal; those of different texts are not."""

    def same(self, one: str, other: str, name: str = "x") -> bool:
        """True if a name is equal in two texts; compared both ways."""
        first, second = loaded(one)[name], loaded(other)[name]
        answer = sameValue(first, second)
        self.assertEqual(answer, sameValue(second, first))
        return answer

    def test_sameText(self) -> None:
        """Everything that a text defines is equal when it is loaded again; comments do not matter."""
        for text in (
            "x = [1, 'a', (None, 2.5), {'k': b'v'}, {1}, frozenset('a')]",
            "def x(a, b=1, *c, d=2, **e):\n    def inner(): return [i for i in c]\n    return inner",
            "x = lambda: 7",
            "class x:\n    a = 1\n    b = []\n    def f(self): return 1\n"
            "    @property\n    def g(self): return 2\n"
            "    @staticmethod\n    def h(): return 3\n    @classmethod\n    def i(cls): return cls",
            "class Base: pass\nclass x(Base):\n    def f(self): return super().f",
            "def outer(n):\n    return lambda: n\nx = outer(7)",
            "import functools\ndef f(a): pass\nx = functools.partial(f, 1, b=2)",
            "class C:\n    def f(self): pass\nx = C.f",
            "def x(n): return x(n - 1)",
            "class x:\n    def me(self): return x",
            "LOG = object()\nCACHE = {}\ndef x(): return LOG, CACHE.get(1)",
            "class x:\n    log = object()",
            "import json\ndef x(): return json.dumps(1)",
        ):
            self.assertTrue(self.same(text, text), text)
            self.assertTrue(self.same(text, "# a comment\n\n" + text), text)

    def test_brokenComparison(self) -> None:
        """R5, F15: values are different if their comparison raises, also if it calls sys.exit()."""
        for error in ("ValueError", "SystemExit", "KeyboardInterrupt"):
            text = f"class C:\n    def __eq__(self, other): raise {error}\n    __hash__ = None\nx = C()"
            self.assertFalse(self.same(text, text), error)

    def test_objectsOfSubclasses(self) -> None:
        """R5: objects of a class defined in the file compare by value, in any container."""
        text = (
            "from buildbot.util import ComparableMixin\n"
            "class C(ComparableMixin):\n    compare_attrs = ('n', 'other')\n"
            "    def __init__(self, n, other=None): self.n, self.other = n, other\n"
            "x = C(1, C(2))"
        )
        self.assertTrue(self.same(text, text))
        self.assertFalse(self.same(text, text.replace("C(2)", "C(3)")))
        self.assertFalse(self.same(text, text.replace("n, other=None", "n, other=7")))

    def test_otherText(self) -> None:
        """Any change of the behaviour of the text is detected."""
        for one, other in (
            ("x = 1", "x = 2"),
            ("x = 1", "x = '1'"),
            ("x = [1]", "x = (1,)"),
            ("x = [1]", "x = [1, 1]"),
            ("x = {'a': 1}", "x = {'b': 1}"),
            ("x = {'a': 1}", "x = {'a': 2}"),
            ("x = lambda: 1", "x = lambda: 2"),
            ("x = lambda: 1", "x = lambda: True"),
            ("def x(a): return a", "def x(b): return b"),
            ("def x(a=1): pass", "def x(a=2): pass"),
            ("def x(*, a=1): pass", "def x(*, a=2): pass"),
            ("def x():\n  def f(): return 1\n  return f", "def x():\n  def f(): return 2\n  return f"),
            ("def x(): return a.b", "def x(): return a.c"),
            ("class x: a = 1", "class x: a = 2"),
            ("class x: a = 1", "class x: b = 1"),
            ("class x: pass", "class x(Exception): pass"),
            ("class x:\n  def f(self): return 1", "class x:\n  def f(self): return 2"),
            (
                "class x:\n  @property\n  def f(self): return 1",
                "class x:\n  @property\n  def f(self): return 2",
            ),
            ("class B:\n  a = 1\nclass x(B): pass", "class B:\n  a = 2\nclass x(B): pass"),
            ("def o(n): return lambda: n\nx = o(1)", "def o(n): return lambda: n\nx = o(2)"),
            ("def f(): return 1\ndef x(): return f()", "def f(): return 2\ndef x(): return f()"),
            ("LIMIT = 1\ndef x(): return LIMIT", "LIMIT = 2\ndef x(): return LIMIT"),
            ("import functools as f\nx = f.partial(len, 1)", "import functools as f\nx = f.partial(len, 2)"),
        ):
            self.assertFalse(self.same(one, other), (one, other))

    def test_throughModule(self) -> None:
        """A change of a function in an imported module is detected."""
        text = "def f(): return %d"
        modules = [type(unittest)("helpers") for _ in range(3)]
        for module, number in zip(modules, (1, 1, 2), strict=True):
            exec(text % number, vars(module))
        functions = [eval("lambda: helpers.f()", {"helpers": module}) for module in modules]
        self.assertTrue(sameValue(functions[0], functions[1]))
        self.assertFalse(sameValue(functions[0], functions[2]))

    def test_objects(self) -> None:
        """Objects with their own comparison are equal if that says so."""

        class Equal:
            def __eq__(self, other: object) -> bool:
                return True

            __hash__ = None  # type: ignore[assignment]

        class Breaks:
            def __eq__(self, other: object) -> bool:
                raise ValueError

            __hash__ = None  # type: ignore[assignment]

        self.assertTrue(sameValue([Equal()], [Equal()]))
        self.assertFalse(sameValue(object(), object()))
        self.assertFalse(sameValue(Breaks(), Breaks()))
        self.assertFalse(sameValue(Equal(), object()))

    def test_circles(self) -> None:
        """The comparison of values that contain themselves ends."""
        one: list[object] = [1]
        other: list[object] = [1]
        one.append(one)
        other.append(other)
        self.assertTrue(sameValue(one, other))

    def test_classes(self) -> None:
        """Classes of one name and text are equal; one of another module is not."""
        text = "class C:\n    def f(self): return 1\n"
        one, other = loaded(text)["C"], loaded(text)["C"]
        self.assertTrue(sameClass(one, other))
        other.__module__ = "elsewhere"
        self.assertFalse(sameClass(one, other))


class NamesTests(unittest.SynchronousTestCase):
    """The attributes that are compared, in a class of one's own."""

    def test_added(self) -> None:
        """Others may be added to those of our classes as a list, as in 0.8, and be removed from the sum."""
        ours: Any = MailNotifier.compare_attrs
        sums = (ours + ["lines"], ["lines"] + ours)  # noqa: RUF005 # files write it so
        for names in sums:
            names.remove("customMesg")
            self.assertEqual(sorted(names), sorted({*ours, "lines"} - {"customMesg"}))
        self.assertEqual(list(ours + ("lines",)), [*ours, "lines"])  # noqa: RUF005

        class Mine(MailNotifier):
            compare_attrs = ("lines",)

        theirs: Any = Mine.compare_attrs
        self.assertEqual(theirs + ["x"], ["lines", "x"])  # noqa: RUF005

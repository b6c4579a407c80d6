"""The conversion of a file from Python 2 to Python 3."""

from __future__ import annotations

import builtins
import os
from typing import Any

from twisted.trial import unittest

from buildbot.config.migrate import CannotMigrate, NeedsExtra, isPython3, migrate, python2Neighbours

try:
    import fissix
except ImportError:
    fissix = None
WITHOUT = None if fissix is not None else "fissix, of the extra migrate, is not installed here"

#: A line of Python 2 -> the same in Python 3. The census of real files met each of these.
LINES = {
    'print "hello", 1': 'print("hello", 1)',
    'print >>f, "x"': 'print("x", file=f)',
    "mode = 0755": "mode = 0o755",
    "size = 10L": "size = 10",
    "text = `x`": "text = repr(x)",
    'text = ur"\\d" + u"x"': 'text = r"\\d" + "x"',
    "if a <> b: pass": "if a != b: pass",
    "add = lambda (a, b): a + b": "add = lambda a_b: a_b[0] + a_b[1]",
    'raise ValueError, "no"': 'raise ValueError("no")',
    'exec "x = 1"': 'exec("x = 1")',
    "for key, value in d.iteritems(): pass": "for key, value in d.items(): pass",
    'if d.has_key("x"): pass': 'if "x" in d: pass',
    'print string.join(words, ", ")': 'print(", ".join(words))',
    "print string.join(words)": 'print(" ".join(words))',
    'print string.join([a] + b, "")': 'print("".join([a] + b))',
    'print string.split(a + b, ",")[0]': 'print((a + b).split(",")[0])',
    'print string.atoi("7")': 'print(int("7"))',
    "print string.letters": "print(string.ascii_letters)",
    'print string.maketrans("a", "b")': 'print(str.maketrans("a", "b"))',
    'password = file("pw").read()': 'password = open("pw").read()',
    'print open("pw", "rb").readline()': 'print(open("pw", "r").readline())',
    "print 60*60/2": "print(60*60//2)",
    "print x/2": "print(x/2)",
    "for i in xrange(3): pass": "for i in range(3): pass",
    "print unicode(x), long(3), raw_input()": "print(str(x), int(3), input())",
    "print isinstance(x, basestring), sys.maxint": "print(isinstance(x, str), sys.maxsize)",
    "import ConfigParser, cPickle": "import configparser, pickle",
    "from StringIO import StringIO": "from io import StringIO",
    "import urllib2": "import urllib.request, urllib.error, urllib.parse",
    "import commands": "import subprocess",
    "text = tag.unicode() + unicode(x)": "text = tag.unicode() + str(x)",
    "import cgi; x = cgi.escape(y)": "import html as cgi; x = cgi.escape(y)",
    "import cgi, time; x = cgi.escape(y)": "import html as cgi, time; x = cgi.escape(y)",
    "from cgi import escape": "from html import escape",
    "x = isinstance(y, (str, unicode))": "x = isinstance(y, str)",
    "x = type(y) is unicode": "x = type(y) is str",
    "x = isinstance(y, types.ListType)": "x = isinstance(y, list)",
    "from cgi import escape as quoted": "from html import escape as quoted",
    "from a import filter; print filter(y)": "from a import filter; print(filter(y))",
}


def after(text: str, *siblings: str) -> str:
    """The converted text."""
    return migrate(text.encode(), frozenset(siblings)).after


class LinesTests(unittest.TestCase):
    """Single lines."""

    skip = WITHOUT

    def test_each(self) -> None:
        """Every construct of Python 2 is converted, and a second conversion changes nothing."""
        for old, new in LINES.items():
            with self.subTest(old):
                self.assertEqual(after(f"{old}\n"), f"{new}\n")
                self.assertEqual(after(f"{new}\n"), f"{new}\n")

    def test_lists(self) -> None:
        """What is added to a list, or sorted, becomes a list, also where all else is Python 3."""
        for old, new in (
            ("s = [1] + map(f, jobs)", "s = [1] + list(map(f, jobs))"),
            (
                "s = (map(f, jobs) +\n     map(g, jobs))",
                "s = (list(map(f, jobs)) +\n     list(map(g, jobs)))",
            ),
            ("s = d.keys() + [1]", "s = list(d.keys()) + [1]"),
            ("s = [1] + d.values()", "s = [1] + list(d.values())"),
            ("s = d.items()[0]", "s = list(d.items())[0]"),
        ):
            self.assertEqual(after(f"{old}\n"), f"{new}\n")
            self.assertEqual(after(f"{new}\n"), f"{new}\n")

    def test_twcompat(self) -> None:
        """The C{implements} of buildbot.twcompat of 0.7.5 is that of zope.interface."""
        self.assertEqual(
            after("from buildbot.twcompat import implements\nprint 'x'\n"),
            "from zope.interface import implementer\nprint('x')\n",
        )

    def test_implements(self) -> None:
        """The interfaces of a class become a decorator, with or without other statements in it."""
        begin = "from zope.interface import Interface, implement{}\n\n"
        for old, new in (
            (
                "# mine\nclass A(object):\n    implements(I, J)\n    x = 1\n",
                "# mine\n@implementer(I, J)\nclass A(object):\n    x = 1\n",
            ),
            ("class A:\n    implements(I)\n", "@implementer(I)\nclass A:\n    pass\n"),
            (
                "if 1:\n    y = 2\n    class A:\n        x = 1\n        implements(I)\n",
                "if 1:\n    y = 2\n    @implementer(I)\n    class A:\n        x = 1\n",
            ),
        ):
            wanted = begin.format("er") + new
            self.assertEqual(after(begin.format("s") + old), wanted)
            self.assertEqual(after(wanted), wanted)

    def test_exceptions(self) -> None:
        """C{except E, e} is converted."""
        self.assertEqual(
            after("try:\n    pass\nexcept (A, B), e:\n    print e\n"),
            "try:\n    pass\nexcept (A, B) as e:\n    print(e)\n",
        )

    def test_execfile(self) -> None:
        """An included file is read as bytes: its own encoding counts."""
        self.assertIn('open("other.cfg", "rb")', after('execfile("other.cfg")\n'))

    def test_bytes(self) -> None:
        """Beside pickles, the mode of a file is left as it is."""
        text = 'import pickle\nprint pickle.load(open("x", "rb"))\n'
        self.assertIn('open("x", "rb")', after(text))

    def test_neighbour(self) -> None:
        """A module beside the file keeps its name, even if Python 2 had one of that name."""
        text = "import commands\n"
        self.assertEqual(after(text, "commands"), text)

    def test_keywords(self) -> None:
        """A call that cannot be converted is named."""
        made = migrate(b"print string.join(*parts)\n")
        self.assertIn("string.join(*parts)", made.after)
        [note] = made.notes
        self.assertIn("Line 1", note)
        self.assertIn("with such arguments", note)


class FilesTests(unittest.TestCase):
    """Whole files."""

    skip = WITHOUT

    def test_python3(self) -> None:
        """A file of Python 3 stays as it is, in every byte."""
        for text in ("x = dict.keys({})\r\n", "print(1)", "m = map(str, d.items())\n", ""):
            self.assertEqual(after(text), text)

    def test_tabs(self) -> None:
        """Tabs mixed with spaces count eight columns; those within texts stay."""
        text = 'class A:\n\tdef b(self):\n\t\tprint 1\n        def c(self):\n\t\treturn """\n\ta"""\n'
        made = after(text)
        self.assertTrue(isPython3(made), made)
        self.assertEqual(made.replace("\n\ta", ""), made.expandtabs(8).replace("\n        a", ""))
        self.assertIn('"""\n\ta"""', made)

    def test_tabsAlone(self) -> None:
        """Tabs alone are fine, and stay."""
        self.assertEqual(after("if x:\n\tprint 1\n"), "if x:\n\tprint(1)\n")

    def test_ends(self) -> None:
        """The ends of lines, and a missing last one, are kept."""
        self.assertEqual(after("print 1\r\nprint 2"), "print(1)\r\nprint(2)")

    def test_encodings(self) -> None:
        """The encoding that the file names is kept; without one, a file that is not UTF-8 becomes UTF-8."""
        named = migrate("# -*- coding: latin-1 -*-\nprint 'ä'\n".encode("latin-1"))
        self.assertEqual((named.encoding, named.after.splitlines()[1]), ("iso-8859-1", "print('ä')"))
        bare = migrate("print 1  # ä\n".encode("latin-1"))
        self.assertEqual((bare.encoding, bare.after), ("utf-8", "print(1)  # ä\n"))

    def test_neither(self) -> None:
        """A file that is neither is refused, with its line."""
        for text, line in (("x = 1\nprint 'a' 'b' ]\n", 2), ("x = (\n", None), ("if x:\nprint 1\n", 2)):
            with self.subTest(text):
                why = self.assertRaises(CannotMigrate, migrate, text.encode())
                self.assertIn("neither Python 2 nor Python 3", str(why))
                if line:
                    self.assertEqual(why.line, line)

    def test_unknownEncoding(self) -> None:
        """An unknown encoding is refused."""
        why = self.assertRaises(CannotMigrate, migrate, b"# coding: nonsense\nprint 1\n")
        self.assertIn("nonsense", str(why))

    def test_neighbours(self) -> None:
        """The modules beside the file that are Python 2 as well are named, with those that they import."""
        here = self.mktemp()
        for name, text in (
            ("old", "import deep\nimport new\nprint 1\n"),
            ("new", "print(1)\n"),
            ("other", "print 1\n"),
            ("names", "for key in {}.iteritems(): pass\n"),
            ("deep", "import old\nx = 1L\n"),
            ("broken", "x = (\n"),
            ("parts/__init__", ""),
            ("parts/steps", "import beside\nfrom .two import y\n"),
            ("parts/beside", "print 1\n"),
            ("parts/two", "x = {}.has_key(1)\n"),
            ("parts/inner/__init__", ""),
            (
                "parts/inner/builders",
                "from ..shared import y\nfrom .. import more\nfrom ....outside import z\n",
            ),
            ("parts/shared", "print 1\n"),
            ("parts/more", "print 1\n"),
            ("parts/inner/shared", "print 1\n"),
            ("../outside", "print 1\n"),
        ):
            path = os.path.join(here, f"{name}.py")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as stream:
                stream.write(text)
        imports = (
            "import os, old.x, broken\nfrom new import y\nimport missing, names\nfrom parts import steps\n"
            "from parts.inner import builders\n"
        )
        found = [os.path.relpath(each, os.path.realpath(here)) for each in python2Neighbours(imports, here)]
        wanted = ["broken.py", "deep.py", "names.py", "old.py", "parts/beside.py", "parts/more.py"]
        wanted += ["parts/shared.py", "parts/two.py"]
        self.assertEqual(found, wanted)


class OwnNamesTests(unittest.TestCase):
    """Files whose functions have names of functions of Python 2."""

    skip = WITHOUT

    def test_ownFunction(self) -> None:
        """A function of the file that is named like one of Python 2 is called as before."""
        for name in ("filter", "map", "zip", "reduce", "file", "reload"):
            text = f"def {name}(*args): return True\nuse(lambda c: {name}(c, ['a']))\nprint 1\n"
            with self.subTest(name):
                self.assertEqual(after(text), text.replace("print 1", "print(1)"))

    def test_ownVariable(self) -> None:
        """So is a variable of the whole file, a class, and an imported name."""
        for text in ("map = make()\n", "class map: pass\n", "if x:\n    from other import y as map\n"):
            with self.subTest(text):
                self.assertEqual(after(f"{text}x = map(y)\nprint 1\n"), f"{text}x = map(y)\nprint(1)\n")

    def test_method(self) -> None:
        """A method of a class leaves the function of Python 2 as it was, and so does a local variable."""
        for text in ("class A:\n    def map(self): pass\n", "def f():\n    map = 1\n"):
            with self.subTest(text):
                self.assertIn("x = list(map(f, y))", after(f"{text}x = map(f, y)\nprint 1\n"))

    def test_otherCgi(self) -> None:
        """A file that uses more of the module cgi keeps it, and is told what to look at."""
        made = migrate(b"import cgi\nx = cgi.escape(y)\nz = cgi.FieldStorage()\n")
        self.assertIn("import cgi\n", made.after)
        self.assertEqual(len(made.notes), 1)
        self.assertIn("html.escape", made.notes[0])


class ExtraTests(unittest.TestCase):
    """A master without fissix."""

    def test_missing(self) -> None:
        """The error says what to install."""
        imported = builtins.__import__

        def importing(name: str, *args: Any) -> Any:
            if name.startswith("fissix"):
                raise ImportError(name)
            return imported(name, *args)

        self.patch(builtins, "__import__", importing)
        why = self.assertRaises(NeedsExtra, migrate, b"print 1\n")
        self.assertIn("pip install fissix", str(why))

"""Modules beside master.cfg."""

from __future__ import annotations

import importlib
import importlib.util
import os
import py_compile
import sys
from pathlib import Path
from typing import Any

from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.config.modules import FreshModules

START = "c = BuildmasterConfig = {'bots': [], 'builders': [], 'slavePortnum': 9989}\n"


class ModulesTests(unittest.TestCase):
    """Each load has its own modules (R11)."""

    def setUp(self) -> None:
        self.basedir = Path(self.mktemp()).resolve()
        self.basedir.mkdir()
        self.before = dict(sys.modules)
        self.path = list(sys.path)
        self.addCleanup(self.leavesNothing)

    def leavesNothing(self) -> None:
        """A load leaves no module of its own in sys.modules, and writes no file."""
        new = {name for name, module in sys.modules.items() if self.before.get(name) is not module}
        here = str(self.basedir)
        self.assertEqual(
            [n for n in new if str(getattr(sys.modules[n], "__file__", "")).startswith(here)], []
        )
        self.assertEqual(sys.path, self.path)
        self.assertEqual([name for name in self.before if name not in sys.modules], [])
        self.assertEqual(list(self.basedir.rglob("__pycache__")), [])

    def write(self, **files: str) -> None:
        """Write modules; C{pack_in_init} stands for F{pack/__init__.py}."""
        for name, text in files.items():
            path = (self.basedir / name.replace("_in_init", "_in___init__").replace("_in_", "/")).with_suffix(
                ".py"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def load(self, text: str) -> MasterConfig:
        """The values of the text, run after the necessary lines."""
        return load(START + text, "master.cfg", str(self.basedir))

    def told(self, expression: str, imports: str) -> str:
        """The value of an expression in a configuration with these imports."""
        return self.load(f"{imports}\nc['projectName'] = str({expression})\n").projectName

    def refused(self, text: str) -> list[str]:
        """The errors of the text."""
        with self.assertRaises(ConfigErrors) as caught:
            self.load(text)
        return str(caught.exception).splitlines()

    def test_newCodeEachTime(self) -> None:
        """A module edited between two loads is read again, even with the same date and size (R11)."""
        for number in range(5):
            self.write(helpers=f"value = {number}\n")
            os.utime(self.basedir / "helpers.py", (1000000000, 1000000000))
            self.assertEqual(self.told("helpers.value", "import helpers"), str(number))

    def test_staleBytecode(self) -> None:
        """Old bytecode beside a module is not used (R11)."""
        self.write(helpers="value = 1\n")
        source = self.basedir / "helpers.py"
        target = importlib.util.cache_from_source(str(source))
        py_compile.compile(
            str(source), target, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
        )
        self.write(helpers="value = 2\n")
        self.assertEqual(self.told("helpers.value", "import helpers"), "2")
        os.remove(target)
        os.rmdir(os.path.dirname(target))

    def test_submodules(self) -> None:
        """A module imported by a module, and a package with its parts, are all loaded again (R11)."""
        for number in "12":
            self.write(
                one=f"import two\nfrom pack.sub import deep\nvalue = two.value + deep.value + {number!r}\n",
                two=f"value = {number!r}\n",
                pack_in_init="from . import sub\nfrom .sub import other\n",
                pack_in_sub_in_init="from .. import sub as again\n",
                pack_in_sub_in_deep="from . import other\nfrom ..sub.other import value\n"
                f"value += {number!r}\n",
                pack_in_sub_in_other=f"value = {number!r}\n",
            )
            config = self.load("import one, pack.sub.other as o\nc['projectName'] = one.value + o.value\n")
            self.assertEqual(config.projectName, number * 5)
            parts = ("__init__.py", "sub/__init__.py", "sub/deep.py", "sub/other.py")
            self.assertEqual(set(config.modules), {"one.py", "two.py", *(f"pack/{part}" for part in parts)})

    def test_forms(self) -> None:
        """Every form of the import statement finds the modules."""
        self.write(
            pack_in_init="__all__ = ['part', 'name']\nname = 'n'\n",
            pack_in_part="value = 'v'\n",
            alone="value = 'a'\n",
        )
        for imports, expression in (
            ("import alone", "alone.value == 'a'"),
            ("import alone as other", "other.value == 'a'"),
            ("from alone import value", "value == 'a'"),
            ("from alone import *", "value == 'a'"),
            ("import pack.part", "pack.part.value == 'v' and pack.name == 'n'"),
            ("import pack.part as p", "p.value == 'v'"),
            ("from pack import part", "part.value == 'v'"),
            ("from pack import *", "part.value == 'v' and name == 'n'"),
            ("from pack.part import value as v", "v == 'v'"),
            ("a = __import__('alone')", "a.value == 'a'"),
            ("import importlib\na = importlib.import_module('pack.part')", "a.value == 'v'"),
            ("import importlib, alone\nalone.value = 'x'\nimportlib.reload(alone)", "alone.value == 'a'"),
        ):
            self.assertEqual(self.told(expression, imports), "True", imports)

    def test_circle(self) -> None:
        """Modules can import each other."""
        self.write(a="import b\nvalue = 1\ndef f():\n    return b.value\n", b="import a\nvalue = 2\n")
        self.assertEqual(self.told("a.f()", "import a"), "2")

    def test_missing(self) -> None:
        """A missing module or name is reported with the line."""
        self.write(helpers="value = 1\n", pack_in_init="")
        for text, words in (
            ("import helpers.sub", "No module named 'helpers.sub'"),
            ("import pack.sub", "No module named 'pack.sub'"),
            ("from helpers import valeu", "cannot import name 'valeu'"),
            ("from pack import sub", "cannot import name 'sub'"),
            ("from . import helpers", "attempted relative import"),
            ("from .helpers import value", "attempted relative import"),
            ("import helpesr", "No module named 'helpesr'"),
        ):
            [error] = self.refused(text)
            self.assertTrue(error.startswith("master.cfg:2: "), error)
            self.assertIn(words, error)

    def test_brokenModule(self) -> None:
        """An error in a module is reported with the module's name and line, and the next load starts anew."""
        self.write(helpers="value = 1\n\n1 / 0\n")
        self.assertEqual(
            self.refused("import helpers"), ["helpers.py:3: ZeroDivisionError: division by zero"]
        )
        self.write(helpers="value = (\n")
        self.assertEqual(self.refused("import helpers"), ["helpers.py:1: SyntaxError: '(' was never closed"])
        self.write(helpers="value = 3\n")
        self.assertEqual(self.told("helpers.value", "import helpers"), "3")

    def test_retriedImport(self) -> None:
        """A module whose import failed is run again by the next import in the same load."""
        self.write(helpers="import sys\nsys.tried = getattr(sys, 'tried', 0) + 1\nassert sys.tried == 2\n")
        self.addCleanup(delattr, sys, "tried")
        self.assertEqual(
            self.told("1", "try:\n    import helpers\nexcept AssertionError:\n    import helpers"), "1"
        )

    def test_secondTimeOnly(self) -> None:
        """A module that can be loaded only once in a process is refused the second time, with the reason."""
        self.write(once="import sys\nassert not hasattr(sys, 'loadedOnce'), 'once'\nsys.loadedOnce = 1\n")
        self.addCleanup(delattr, sys, "loadedOnce")
        self.assertEqual(self.told("1", "import once"), "1")
        self.assertEqual(self.refused("import once"), ["once.py:2: AssertionError: once"])

    def test_addedFolder(self) -> None:
        """Modules in a subfolder that the file adds to sys.path belong to the configuration too."""
        self.write(lib_in_helpers="value = 1\n")
        imports = "import sys, os\nsys.path.insert(0, os.path.join(basedir, 'lib'))\nimport helpers"
        self.assertEqual(self.told("helpers.value", imports), "1")
        self.write(lib_in_helpers="value = 2\n")
        config = self.load(f"{imports}\nc['projectName'] = str(helpers.value)\n")
        self.assertEqual((config.projectName, config.modules), ("2", ("lib/helpers.py",)))

    def test_folderWithoutInit(self) -> None:
        """A folder without an __init__.py is a package, unless a library has its name."""
        self.write(site_in_own="value = 1\n", json_in_own="value = 1\n", plain_in_own="value = 1\n")
        self.assertEqual(self.told("plain.own.value", "import plain.own"), "1")
        self.assertEqual(self.told("json.dumps(1)", "import json"), "1")

    def test_ownNameFirst(self) -> None:
        """The file gets the admin's module secrets.py; all other code gets the library's."""
        self.write(secrets="password = 'pw'\n")
        self.assertEqual(self.told("password", "from secrets import password"), "pw")
        text = (
            "import secrets, importlib\nc['projectName'] = str(importlib.import_module('secrets').token_hex)"
        )
        self.assertIn("token_hex", self.load(text).projectName)

    def test_buildbotIsOurs(self) -> None:
        """A checkout of Buildbot or Twisted in a builder's directory is not imported instead of ours."""
        self.write(buildbot_in_init="1 / 0\n", twisted_in_init="1 / 0\n")
        self.assertEqual(self.told("1", "import buildbot.process.factory, twisted"), "1")

    def test_environmentBelow(self) -> None:
        """Libraries in a virtual environment below the master's directory are libraries."""
        self.write(venv_in_lib_in_library="value = 1\n")
        self.patch(sys, "prefix", str(self.basedir / "venv"))
        self.patch(sys, "path", [*sys.path, str(self.basedir / "venv" / "lib")])
        self.patch(sys, "dont_write_bytecode", True)
        self.addCleanup(sys.modules.pop, "library")
        config = self.load("import library\nc['projectName'] = str(library.value)\n")
        self.assertEqual((config.projectName, config.modules), ("1", ()))
        self.assertIn("library", sys.modules)

    def test_othersDoNotSee(self) -> None:
        """While a configuration is loaded in one thread, imports in others do not find its modules."""
        self.write(helpers="value = 1\n")
        with FreshModules(str(self.basedir)) as modules:
            modules.run(compile("import helpers", "x", "exec"), "master.cfg", "x", {})
            self.assertRaises(ModuleNotFoundError, importlib.import_module, "pack")
            self.write(pack_in_init="")
            self.assertRaises(ModuleNotFoundError, importlib.import_module, "pack")

    def test_libraryOnce(self) -> None:
        """A library that a file imports is imported once and stays."""
        self.load("import colorsys\n")
        first = sys.modules["colorsys"]
        self.load("import colorsys\n")
        self.assertIs(sys.modules["colorsys"], first)

    def test_lateImport(self) -> None:
        """A function of the file that imports a module later gets the one of its own load."""
        self.write(now="value = 1\n", later="import now\nvalue = now.value + 1\n")
        text = (
            "class Status:\n    def setServiceParent(self, parent): pass\n"
            "    def ask(self):\n        import later\n        return later.value\n"
        )
        config = self.load(f"import now\n{text}c['status'] = [Status()]\n")
        self.write(now="value = 10\n")
        status: Any = config.status[0]
        self.assertEqual(status.ask(), 2)

    def test_dataclassInModule(self) -> None:
        """A module may use dataclasses, which need sys.modules."""
        self.write(
            rows="from __future__ import annotations\nfrom dataclasses import dataclass\n"
            "@dataclass\nclass Row:\n    name: str = 'x'\n"
        )
        self.assertEqual(self.told("rows.Row().name", "import rows"), "x")

    def test_equalClasses(self) -> None:
        """A step class of such a module is equal after a reload, unless its code changed (R5, R11)."""
        step = "from buildbot.steps.shell import ShellCommand as S\nclass Mine(S):\n    def start(self): %s\n"
        text = (
            "from buildbot.process.factory import BuildFactory\nimport mine\nc['bots'] = [('b', 'p')]\n"
            "f = BuildFactory()\nf.addStep(mine.Mine, command='x')\n"
            "c['builders'] = [dict(name='n', slavename='b', builddir='d', factory=f)]\n"
        )
        self.write(mine=step % "return 1")
        first = self.load(text)
        self.write(mine="# only a comment\n" + step % "return 1")
        self.assertEqual(self.load(text), first)
        self.write(mine=step % "return 2")
        self.assertNotEqual(self.load(text), first)

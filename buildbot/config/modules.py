# -*- test-case-name: tests.unit.config.test_modules -*-
"""Import the modules beside master.cfg: fresh for each load, and separate from all others.

Each load has a separate namespace. Modules below the master's directory are read from the source each time;
bytecode is neither read nor written. Two loads never share modules, nor do a load and the master. Only code
of the configuration sees these modules. So a file F{secrets.py} of the admin does not hide the standard
library's from other code. Libraries are imported once, as usual. C extensions and modules without a source
are not found here.
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any

from buildbot.config import secrets
from buildbot.config.standins import completed, isGuarded, misspelt, newStandIn, reportMissing

#: Modules never read from the master's directory: a builder's directory with such a name may hold a checkout.
_RESERVED = frozenset({"buildbot", "twisted", "zope", "__future__", "__main__", *sys.builtin_module_names})


class FreshModules:
    """I hold the modules of one load. The configuration's code runs in a C{with} block of mine.

    During the block my modules are also in C{sys.modules}, unless a library has the same name: parts of the
    standard library (dataclasses, importlib.reload) look up a class's module there. After the block they are
    removed, and C{sys.path} is restored; imported libraries stay. If functions of my modules import something
    later, they still find my modules.

    @ivar builtins: the builtin names for code that sees my modules.
    @ivar files: path -> path relative to the master's directory, for each file that was read, in order.
    """

    def __init__(self, basedir: str) -> None:
        self.builtins = {**vars(builtins), "__import__": self._import}
        self.files: dict[str, str] = {}
        self._basedir = basedir
        self._loaded: dict[str, ModuleType] = {}
        self._installed: dict[str, ModuleType] = {}
        self._pathObject: list[str] = sys.path
        self._pathBefore = list(sys.path)
        self._pathAtEnd: list[str] | None = None
        self._rootsAtEnd: tuple[str, ...] | None = None

    def __enter__(self) -> FreshModules:
        self._pathObject, self._pathBefore = sys.path, list(sys.path)
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._pathAtEnd = [os.path.abspath(each) for each in sys.path]
        sys.meta_path.remove(self)
        sys.path = self._pathObject
        if sys.path != self._pathBefore:
            sys.path[:] = self._pathBefore
        for name, module in self._installed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        self._installed.clear()

    def run(self, code: CodeType, name: str, path: str, names: Mapping[str, object]) -> dict[str, object]:
        """Run code as if it were a module C{name} from C{path}, with C{names} given; return its namespace."""
        module = ModuleType(name)
        vars(module).update(names, __file__=path, __package__="", __builtins__=self.builtins)
        if name not in sys.modules:
            self._installed[name] = sys.modules[name] = module
        exec(code, vars(module))
        return vars(module)

    def adopt(self, module: ModuleType, path: str) -> None:
        """Count a module that is about to be executed as mine. My loaders call this."""
        vars(module)["__builtins__"] = self.builtins
        self._loaded[module.__name__] = module
        self.files[path] = os.path.relpath(path, self._basedir)
        if self._pathAtEnd is None and sys.modules.get(module.__name__) is module:
            self._installed[module.__name__] = module

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer Python's own import, for C{importlib.import_module} and C{reload} in a configuration."""
        loading = secrets.current.get()
        if loading is None or loading.basedir != self._basedir:
            return None  # some other thread's import
        top = name.partition(".")[0]
        if top in _RESERVED or (path is not None and top not in self._installed):
            return None
        spec = self._find(name, self._rootsNow() if path is None else path)
        if spec is None or spec.loader is None or (path is None and self._elsewhere(spec)):
            return None
        return spec

    # The import statement of the configuration's code.

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,
        locals: Mapping[str, object] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        package = str((globals or {}).get("__package__") or "")
        absolute = importlib.util.resolve_name("." * level + name, package) if level and package else name
        top = absolute.partition(".")[0]
        if top == "buildbot" and not level:
            return self._importOurs(name, globals, locals, fromlist or ())
        if (level and not package) or not (top in self._loaded or self._provides(top)):
            return builtins.__import__(name, globals, locals, fromlist, level)
        module = self._importDotted(absolute)
        if not fromlist:
            return self._loaded[top]
        self._importParts(module, fromlist)
        return module

    def _importOurs(
        self,
        name: str,
        globals: Mapping[str, object] | None,
        locals: Mapping[str, object] | None,
        fromlist: Sequence[str],
    ) -> ModuleType:
        """Import from this package. During a load, missing names are reported, and stand-ins replace them."""
        loading = secrets.current.get()
        caller = sys._getframe(2)
        if loading is None or caller.f_code.co_filename not in self.files:
            return builtins.__import__(name, globals, locals, fromlist, 0)
        try:
            module: ModuleType = builtins.__import__(name, globals, locals, fromlist, 0)
            lacks = [each for each in fromlist if each != "*" and not hasattr(module, each)]
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("buildbot."):
                raise
            if isGuarded(caller.f_code.co_filename, caller.f_lineno):
                raise
            standIn: ModuleType = self._standInFor(loading, name, fromlist)
            return standIn
        if lacks and not isGuarded(caller.f_code.co_filename, caller.f_lineno):
            return completed(loading, module, fromlist)
        return module

    def _standInFor(self, loading: secrets.Loading, name: str, fromlist: Sequence[str]) -> Any:
        hint = misspelt(name)
        for each in fromlist:
            if each != "*":
                reportMissing(loading, f"{name}.{each}", hint=hint)
        if fromlist and "*" not in fromlist:
            return newStandIn(name)
        return reportMissing(loading, name, hint=hint)

    def _provides(self, top: str) -> bool:
        if top in _RESERVED:
            return False
        spec = self._find(top, self._rootsNow())
        if spec is None:
            return False
        # a mere directory, such as a builder's, counts as a package only where nothing else has its name
        return spec.loader is not None or not self._elsewhere(spec)

    def _importDotted(self, absolute: str) -> ModuleType:
        parent: ModuleType | None = None
        dotted = ""
        for part in absolute.split("."):
            dotted = f"{dotted}.{part}" if dotted else part
            module = self._loaded.get(dotted)
            if module is None:
                module = self._load(dotted, parent)
                if parent is not None:
                    setattr(parent, part, module)
            parent = module
        assert parent is not None
        return parent

    def _importParts(self, module: ModuleType, fromlist: Sequence[str]) -> None:
        """Import the submodules among the names that are wanted from a package."""
        wanted = list(fromlist)
        if "*" in wanted:
            wanted += getattr(module, "__all__", [])
        for part in wanted:
            if part == "*" or hasattr(module, part) or not hasattr(module, "__path__"):
                continue
            dotted = f"{module.__name__}.{part}"
            if self._find(dotted, module.__path__) is not None:  # else the statement itself complains
                self._importDotted(dotted)

    def _load(self, name: str, parent: ModuleType | None) -> ModuleType:
        places = self._rootsNow() if parent is None else getattr(parent, "__path__", None)
        spec = None if places is None else self._find(name, places)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        module = importlib.util.module_from_spec(spec)
        self._loaded[name] = module
        self._lend(name, module, spec)
        try:
            if isinstance(spec.loader, _FreshLoader):
                spec.loader.exec_module(module)
        except BaseException:
            self._loaded.pop(name, None)
            if self._installed.pop(name, None) is not None:
                sys.modules.pop(name, None)
            raise
        return module

    def _lend(self, name: str, module: ModuleType, spec: ModuleSpec) -> None:
        """Let the standard library find the module while the load lasts, unless that would hide a library."""
        top = name.partition(".")[0]
        if self._pathAtEnd is not None or name in sys.modules:
            return
        if top in self._installed or (top == name and not self._elsewhere(spec)):
            self._installed[name] = sys.modules[name] = module

    # Where things are.

    def _rootsNow(self) -> tuple[str, ...]:
        """The directories that top-level modules are taken from: mine, and those of sys.path below it."""
        if self._pathAtEnd is None:
            return self._rootsOf(sys.path)
        if self._rootsAtEnd is None:  # few configurations import anything after the load
            self._rootsAtEnd = self._rootsOf(self._pathAtEnd)
        return self._rootsAtEnd

    def _rootsOf(self, path: Sequence[str]) -> tuple[str, ...]:
        below = os.path.join(self._basedir, "")
        places = [os.path.realpath(each) for each in path]
        mine = [each for each in places if each.startswith(below) and not _isLibrary(each, below)]
        return tuple(dict.fromkeys([self._basedir, *mine]))

    def _find(self, name: str, places: Sequence[str]) -> ModuleSpec | None:
        tail = name.rpartition(".")[2]
        for place in places:
            package = os.path.join(place, tail)
            init = os.path.join(package, "__init__.py")
            if os.path.isfile(init):
                loader = _FreshLoader(name, init, self)
                return importlib.util.spec_from_file_location(
                    name, init, loader=loader, submodule_search_locations=[package]
                )
            single = f"{package}.py"
            if os.path.isfile(single):
                loader = _FreshLoader(name, single, self)
                return importlib.util.spec_from_file_location(name, single, loader=loader)
        folders = [os.path.join(place, tail) for place in places if os.path.isdir(os.path.join(place, tail))]
        if not folders or not tail:
            return None
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = folders
        return spec

    def _elsewhere(self, spec: ModuleSpec) -> bool:
        """True if a library has the name as well."""
        known = sys.modules.get(spec.name)
        if known is not None:
            return known is not self._installed.get(spec.name)
        other = BuiltinImporter.find_spec(spec.name) or FrozenImporter.find_spec(spec.name)
        other = other or PathFinder.find_spec(spec.name, self._pathBefore)
        if other is None:
            return False
        if other.origin is None:  # a mere directory on sys.path
            return other.submodule_search_locations is None
        return other.origin != spec.origin


def _isLibrary(place: str, below: str) -> bool:
    """True for a directory in a Python installation, or a virtual environment, that is below the master's."""
    prefixes = [os.path.join(os.path.realpath(each), "") for each in (sys.prefix, sys.base_prefix)]
    return any(each.startswith(below) and place.startswith(each) for each in prefixes)


class _FreshLoader(SourceFileLoader):
    """I load one module of a load from its source, whatever bytecode lies about."""

    def __init__(self, name: str, path: str, modules: FreshModules) -> None:
        super().__init__(name, path)
        self._modules = modules

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module: ModuleType) -> None:
        self._modules.adopt(module, self.path)
        super().exec_module(module)

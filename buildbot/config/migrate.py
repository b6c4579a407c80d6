# -*- test-case-name: tests.unit.config.test_migrate -*-
"""Convert a configuration file from Python 2 to Python 3.

fissix, a successor of lib2to3, does most of it. L{buildbot.config.fixers} has the rest. Nothing in the file
is executed.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fissix.refactor import RefactoringTool

#: fissix's changes that a configuration does not need: of taste only, or for modules in a package.
_LEFT_OUT = frozenset(
    "fix_asserts fix_buffer fix_idioms fix_import fix_input fix_set_literal fix_sorted fix_unicode"
    " fix_ws_comma".split()
)
#: Functions of Python 2 that a file may have its own ones of: the changes of such a function are left out.
_FUNCTIONS = frozenset("apply execfile file filter intern map reduce reload xrange zip".split())
#: Names of Python 2. A file that Python 3 can parse is changed only if it has one of them.
_OLD = re.compile(
    r"\.(?:iteritems|itervalues|iterkeys|has_key)\(|\bbasestring\b|\bsys\.maxint\b"
    r"|(?<![.\w])(?:unicode|xrange|execfile|raw_input|unichr|reload|file|long|apply|implements)\("
    r"|^\s*(?:import|from)\s+(?:[\w.]+\s*,\s*)*(?:urllib2|urlparse|ConfigParser|StringIO|cPickle|cStringIO"
    r"|commands|Queue|httplib|xmlrpclib)\b"
    r"|(?:[(,]|\bis|\bnot|==|!=)\s*(?:unicode|long)\s*(?:[,):]|$)"
    r"|\btypes\.(?:String|Unicode|List|Dict|Tuple|Int|Long|Float|Boolean)Type\b"
    r"|\bcgi\.escape\(|^\s*from\s+cgi\s+import\s+escape\b"
    r"|\bstring\.(?:join|split|strip|replace|upper|lower|find|atoi|zfill|letters|lowercase|uppercase|maketrans)\b",
    re.MULTILINE,
)
#: Lists of Python 2 that are added to others, sorted or indexed: they are no lists any more.
_OLD_LISTS = re.compile(
    r"\+\s*(?:map|filter|zip)\(|(?<![.\w])(?:map|filter|zip)\([^()]*\)\s*(?:\+|\[)"
    r"|\.(?:keys|values|items)\(\)\s*(?:\+|\[|\.sort\()|\+\s*[\w.]+\.(?:keys|values|items)\(\)"
)
_PRINT_TO = re.compile(r"^\s*print\s*>>", re.MULTILINE)
#: The most modules beside a file that are looked at.
_MOST_MODULES = 500
#: Columns of a tab at the beginning of a line, for Python 2.
_TAB = 8


class NeedsExtra(Exception):
    """fissix is not installed."""


class CannotMigrate(ValueError):
    """The file is neither Python 2 nor Python 3.

    @ivar line: the number of the line; None if it is not known.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        ValueError.__init__(self, reason)
        self.line = line


@dataclass(frozen=True)
class Migrated:
    """A converted file.

    @ivar before: its text.
    @ivar after: the text in Python 3, for a file in C{encoding}.
    @ivar encoding: the name of the encoding.
    @ivar notes: parts to look at that were not converted, with their lines.
    """

    before: str
    after: str
    encoding: str
    notes: tuple[str, ...]


def migrate(source: bytes, siblings: frozenset[str] = frozenset()) -> Migrated:
    """Convert a file.

    @param source: its content.
    @param siblings: the names of the modules in its directory. A module of Python 2 with such a name, such as
        C{commands}, is not renamed: the file imports its neighbour.
    @raise NeedsExtra: fissix is not installed.
    @raise CannotMigrate: it cannot be parsed.
    """
    text, encoding = _decoded(source)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    old = (found.group().split()[-1] for found in _OLD.finditer(plain))
    if isPython3(plain) and all(name in siblings for name in old) and not _OLD_LISTS.search(plain):
        return Migrated(text, text, encoding, ())
    tool = _tool(isPython3(plain), siblings)
    whole = plain if plain.endswith("\n") else f"{plain}\n"
    expanded = _withoutTabs(whole) if _hasMixedTabs(whole) else whole
    try:
        own = _ownFunctions(tool, expanded)
        if own:
            tool = _tool(isPython3(plain), siblings, own)
        tool.fixer_log.clear()
        after = str(tool.refactor_string(expanded, "the file"))
    except _unparsable() as error:
        raise _inWords(error) from None
    _mustBePython3(after)
    if not plain.endswith("\n"):
        after = after.removesuffix("\n")
    if "\r\n" in text:
        after = after.replace("\n", "\r\n")
    return Migrated(text, after, encoding, _notes(tool.fixer_log))


def isPython3(text: str) -> bool:
    """True if Python 3 can parse a text. It may still use names of Python 2."""
    if _PRINT_TO.search(text):  # for Python 3, this is a shift of a function
        return False
    try:
        compile(text, "master.cfg", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        return False
    return True


def python2Neighbours(text: str, directory: str) -> list[str]:
    """The paths of the modules in C{directory} that are Python 2, or use names of Python 2.

    Those that the converted file imports, and those that these import, and so on.

    @param text: the converted file.
    @raise NeedsExtra: fissix is not installed.
    """
    found = []
    seen: set[str] = set()
    due = [(text, directory)]
    while due:
        importing, place = due.pop()
        for path in _modulesOf(importing, place, directory):
            if path in seen or len(seen) == _MOST_MODULES:
                continue
            seen.add(path)
            try:
                with open(path, "rb") as stream:
                    source = stream.read()
                made = migrate(source, modulesIn(os.path.dirname(path)))
                due.append((made.after, os.path.dirname(path)))
            except OSError:
                continue
            except CannotMigrate:
                made = None
            if made is None or made.after != made.before:
                found.append(path)
    return sorted(found)


def modulesIn(directory: str) -> frozenset[str]:
    """The names of the modules in a directory."""
    try:
        names = os.listdir(directory)
    except OSError:
        return frozenset()
    return frozenset(name.removesuffix(".py") for name in names)


def _modulesOf(text: str, place: str, root: str) -> list[str]:
    """The files below C{root} that a converted module imports.

    @param place: the directory of the module. Python 2 looks there first.
    """
    files: dict[str, None] = {}
    for name, level in _imported(ast.parse(text)):
        above = os.path.normpath(os.path.join(place, *[os.pardir] * (level - 1))) if level > 1 else place
        for base in (above,) if level > 1 else (place, root):
            path = os.path.join(base, *name.split("."))
            for file in (f"{path}.py", os.path.join(path, "__init__.py")):
                if os.path.isfile(file) and _isIn(file, root):
                    files[os.path.realpath(file)] = None
    return list(files)


def _isIn(file: str, root: str) -> bool:
    return os.path.realpath(file).startswith(os.path.join(os.path.realpath(root), ""))


def _imported(tree: ast.Module) -> dict[tuple[str, int], None]:
    """The dotted names that may be modules, each with the number of dots before it.

    C{from a import b} may import C{a.b}.
    """
    names: dict[tuple[str, int], None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                parts = each.name.split(".")
                names.update(dict.fromkeys((".".join(parts[:end]), 0) for end in range(1, len(parts) + 1)))
        elif isinstance(node, ast.ImportFrom):
            begin = [node.module] if node.module else []
            found = [*begin, *(".".join([*begin, each.name]) for each in node.names)]
            names.update(dict.fromkeys((name, node.level) for name in found))
    return names


def _decoded(source: bytes) -> tuple[str, str]:
    """The text of a file, and the encoding for the converted one."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
        return source.decode(encoding), encoding
    except UnicodeDecodeError:
        return source.decode("latin-1"), "utf-8"  # no encoding is named: Python 2 reads comments in any one
    except SyntaxError as error:
        if "unknown encoding" in str(error):
            raise CannotMigrate(str(error), 1) from None
        return source.decode("latin-1"), "utf-8"


def _ownFunctions(tool: RefactoringTool, text: str) -> frozenset[str]:
    """The names of functions of Python 2 that a text gives to functions of its own."""
    from buildbot.config import fixers

    if not any(
        re.search(rf"\b(?:def|class|import|as)\s+{name}\b|^{name}\s*=", text, re.M) for name in _FUNCTIONS
    ):
        return frozenset()  # parsing takes time
    return fixers.ownNames(tool.driver.parse_string(text)) & _FUNCTIONS


def _tool(isPython3: bool, siblings: frozenset[str], own: frozenset[str] = frozenset()) -> RefactoringTool:
    """The converter. Its grammar has statements C{print} and C{exec}, unless the file is Python 3 already.

    @param own: functions of Python 2 whose names have another meaning in the file.
    """
    try:
        import fissix  # noqa: F401
    except ImportError:
        raise NeedsExtra("the conversion needs fissix: pip install fissix") from None
    return _made(isPython3, siblings, own)


@lru_cache(maxsize=8)
def _made(isPython3: bool, siblings: frozenset[str], own: frozenset[str]) -> RefactoringTool:
    """A converter. It is kept, because its creation takes 0.2 seconds."""
    from fissix import refactor

    from buildbot.config import fixers

    class Tool(refactor.RefactoringTool):  # type: ignore[misc]
        """I have the additional fixers, and pass exceptions on."""

        def get_fixers(self) -> tuple[list[Any], list[Any]]:
            before, after = super().get_fixers()
            for fixer in after:
                mapping = getattr(fixer, "mapping", None)
                if isinstance(mapping, dict) and siblings & mapping.keys():
                    fixer.mapping = {old: new for old, new in mapping.items() if old not in siblings}
                    fixer.compile_pattern()
            chosen = [each for each in fixers.ALL if each is not fixers.FixFile or "file" not in own]
            return before, [*(made(self.options, self.fixer_log) for made in chosen), *after]

        def log_error(self, msg: str, *args: object, **kwargs: Any) -> None:
            raise

        def log_message(self, msg: str, *args: object) -> None:
            """Nobody reads it."""

        log_debug = log_message

    names = [
        name
        for name in refactor.get_fixers_from_package("fissix.fixes")
        if name.rpartition(".")[2] not in _LEFT_OUT.union(f"fix_{each}" for each in own)
    ]
    if isPython3:
        names = [name for name in names if not name.endswith(("fix_print", "fix_exec"))]
    return Tool(names, {"print_function": isPython3, "exec_function": isPython3})


def _hasMixedTabs(text: str) -> bool:
    """True if some lines are indented with tabs and others with spaces: Python 3 refuses that."""
    beginnings = re.findall(r"^[ \t]+(?=\S)", text, re.MULTILINE)
    return any("\t" in each for each in beginnings) and any(" " in each for each in beginnings)


def _withoutTabs(text: str) -> str:
    """The text with spaces for the tabs that indent its lines. Texts of several lines keep their tabs."""
    inside = _insideStrings(text)
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        code = line.lstrip(" \t")
        if number not in inside and "\t" in line[: len(line) - len(code)]:
            lines[number - 1] = line[: len(line) - len(code)].expandtabs(_TAB) + code
    return "\n".join(lines)


def _insideStrings(text: str) -> set[int]:
    """The numbers of the lines that begin inside a string."""
    from fissix.pgen2 import token
    from fissix.pgen2 import tokenize as oldTokens

    inside: set[int] = set()
    try:
        for kind, _, (first, _), (last, _), _ in oldTokens.generate_tokens(io.StringIO(text).readline):
            if kind == token.STRING:
                inside.update(range(first + 1, last + 1))
    except _unparsable() as error:
        raise _inWords(error) from None
    return inside


def _unparsable() -> tuple[type[Exception], ...]:
    """The exceptions of fissix for a text that it cannot parse."""
    from fissix.pgen2.parse import ParseError
    from fissix.pgen2.tokenize import TokenError

    return ParseError, TokenError, IndentationError


def _inWords(error: Exception) -> CannotMigrate:
    """An exception of fissix, with the line in the file."""
    context = getattr(error, "context", None)
    place: Any = context[1] if isinstance(context, tuple) and len(context) > 1 else None
    if place is None and len(error.args) > 1 and isinstance(error.args[1], tuple):
        place = error.args[1]
    line = place[0] if isinstance(place, tuple) and place and isinstance(place[0], int) else None
    near = str(getattr(error, "value", "") or "").strip()
    where = f": it is wrong near {near!r}" if near else ""
    return CannotMigrate(f"this is neither Python 2 nor Python 3{where}", line)


def _mustBePython3(text: str) -> None:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        reason = getattr(error, "msg", error)
        raise CannotMigrate(f"the converted file is not Python 3: {reason}", line) from None


def _notes(told: list[str]) -> tuple[str, ...]:
    """The remarks of fissix, such as "Line 7: could not convert: x". The reason is an entry of its own."""
    notes: list[str] = []
    for each in told:
        said = " ".join(each.split())
        if said.startswith("Line "):
            notes.append(said)
        elif notes:
            notes[-1] += f": {said}"
    return tuple(dict.fromkeys(notes))

# -*- test-case-name: tests.unit.config.test_migrate -*-
"""The changes from Python 2 to Python 3 that fissix does not know and that a master.cfg needs.

Importing this module needs fissix, of the extra C{migrate}.
"""

from __future__ import annotations

from typing import Any

from fissix.fixer_base import BaseFix
from fissix.fixer_util import (
    ArgList,
    Attr,
    Dot,
    Name,
    Newline,
    String,
    find_indentation,
    is_probably_builtin,
    parenthesize,
    syms,
)
from fissix.fixes import fix_unicode
from fissix.pgen2 import token
from fissix.pytree import Leaf, Node

#: Functions of the module string -> the method of the text, which takes the other arguments.
_METHODS = {
    **{name: name for name in "capitalize count expandtabs find index ljust lower lstrip replace".split()},
    **{name: name for name in "rfind rindex rjust rstrip split strip swapcase translate upper".split()},
    **{"center": "center", "zfill": "zfill", "splitfields": "split"},
}
_CONVERTED = {"atoi": "int", "atol": "int", "atof": "float"}
_CONSTANTS = {name: f"ascii_{name}" for name in ("letters", "lowercase", "uppercase")}
#: The modes of files that Python 2 read as text all the same.
_TEXT_MODES = {"rb": "r", "rU": "r", "U": "r", "rbU": "r"}
#: Modules that read files of bytes: beside them, a mode is left as it is.
_OF_BYTES = frozenset("bz2 cPickle gzip marshal pickle shelve struct tarfile zipfile zlib".split())


class FixFile(BaseFix):  # type: ignore[misc]
    """C{file(...)} becomes C{open(...)}."""

    PATTERN = "power< name='file' trailer< '(' any* ')' > any* >"

    def transform(self, node: Node, results: dict[str, Any]) -> None:
        results["name"].replace(Name("open", prefix=results["name"].prefix))


class FixTextMode(BaseFix):  # type: ignore[misc]
    """C{open(path, "rb").read()} becomes C{open(path, "r").read()}: passwords and the like are texts.

    A file that imports a module for bytes, such as pickle, is not changed.
    """

    PATTERN = "power< ('open' | 'file') trailer< '(' arglist< any ',' mode=STRING any* > ')' > any* >"

    def start_tree(self, tree: Node, filename: str) -> None:
        super().start_tree(tree, filename)
        self._isOfBytes = any(leaf.value in _OF_BYTES for leaf in tree.leaves() if leaf.type == token.NAME)

    def transform(self, node: Node, results: dict[str, Any]) -> None:
        mode = results["mode"]
        said = mode.value.strip("\"'")
        if said in _TEXT_MODES and not self._isOfBytes and not _isForCompile(node):
            mode.replace(String(mode.value.replace(said, _TEXT_MODES[said]), prefix=mode.prefix))


class FixStringModule(BaseFix):  # type: ignore[misc]
    """C{string.join(words, ",")} becomes C{",".join(words)}, and so on for its other functions."""

    PATTERN = """
        power< 'string' trailer< '.' name=NAME > trailer< '(' args=any ')' > rest=any* >
        | power< 'string' trailer< '.' constant=('letters' | 'lowercase' | 'uppercase') > rest=any* >
    """

    def transform(self, node: Node, results: dict[str, Any]) -> Node | None:
        rest = [each.clone() for each in results["rest"]]
        if "constant" in results:
            (constant,) = results["constant"]
            constant.replace(Name(_CONSTANTS[constant.value]))
            return None
        name, given = results["name"].value, results["args"]
        args = list(given.children) if given.type == syms.arglist else [given]
        if any(each.type in (syms.argument, token.STAR, token.DOUBLESTAR) for each in args):
            self.cannot_convert(node, f"string.{name} with such arguments is no function any more")
            return None
        values = [each.clone() for each in args if each.type != token.COMMA]
        for value in values:
            value.prefix = ""
        made = self._call(name, values)
        if made is None:
            return None
        made += rest
        return Node(syms.power, made, prefix=node.prefix)

    def _call(self, name: str, values: list[Any]) -> list[Any] | None:
        """The parts of the expression that replaces the call."""
        first, *others = values
        if name in ("join", "joinfields"):
            separator = others[0] if others else String('" "')
            return [*_attribute(separator, "join"), *_arguments([first])]
        if name in _METHODS:
            return [*_attribute(first, _METHODS[name]), *_arguments(others)]
        if name in _CONVERTED:
            return [Name(_CONVERTED[name]), *_arguments(values)]
        if name == "maketrans":
            return [Name("str"), Node(syms.trailer, [Dot(), Name("maketrans")]), *_arguments(values)]
        return None


class FixMaxint(BaseFix):  # type: ignore[misc]
    """C{sys.maxint} becomes C{sys.maxsize}."""

    PATTERN = "power< 'sys' trailer< '.' name='maxint' > any* >"

    def transform(self, node: Node, results: dict[str, Any]) -> None:
        results["name"].replace(Name("maxsize"))


class FixUnicode(fix_unicode.FixUnicode):  # type: ignore[misc]
    """C{unicode(x)} becomes C{str(x)}, but the method in C{tag.unicode()} keeps its name."""

    def transform(self, node: Leaf, results: dict[str, Any]) -> Leaf | None:
        if node.type == token.NAME and not is_probably_builtin(node):
            return None
        made: Leaf | None = super().transform(node, results)
        return made


class FixCgiEscape(BaseFix):  # type: ignore[misc]
    """C{cgi.escape}, which Python 3.8 has no more, becomes C{html.escape}.

    The module keeps its name in the file, because pages of 0.7 have another C{html}: C{import html as cgi}.
    """

    PATTERN = """
        import_name< 'import' (module='cgi' | dotted_as_names< any* module='cgi' any* >) >
        | import_from< 'from' module='cgi' 'import' ('escape' | import_as_name< 'escape' 'as' any >) >
        | power< used='cgi' trailer< '.' 'escape' > any* >
    """

    def start_tree(self, tree: Node, filename: str) -> None:
        super().start_tree(tree, filename)
        names = [leaf.value for leaf in tree.leaves() if leaf.type in (token.NAME, token.DOT)]
        after = {
            names[at + 2] for at, name in enumerate(names[:-2]) if name == "cgi" and names[at + 1] == "."
        }
        self._isOnlyEscape = after == {"escape"}

    def transform(self, node: Node, results: dict[str, Any]) -> None:
        module = results.get("module")
        if module is not None and (self._isOnlyEscape or node.type == syms.import_from):
            alias = " as cgi" if node.type == syms.import_name else ""
            module.replace(Name(f"html{alias}", prefix=module.prefix))
        elif module is None and not self._isOnlyEscape:
            self.cannot_convert(node, "cgi.escape is html.escape now")


class FixDivision(BaseFix):  # type: ignore[misc]
    """C{7/2} of whole numbers becomes C{7//2}. Other divisions are left: nobody knows their types."""

    PATTERN = "term< any* NUMBER sign='/' NUMBER any* >"

    def transform(self, node: Node, results: dict[str, Any]) -> None:
        if all(each.value.isdigit() for each in node.children if each.type == token.NUMBER):
            for each in node.children:
                if each.type == token.SLASH:
                    each.replace(Leaf(token.DOUBLESLASH, "//", prefix=each.prefix))


class FixImplements(BaseFix):  # type: ignore[misc]
    """C{implements(IThing)} in a class becomes the decorator C{@implementer(IThing)}, also in imports."""

    PATTERN = """
        import_from< 'from' any 'import' any* >
        | classdef< 'class' any*
            suite< any* simple_stmt< power< 'implements' trailer< '(' any* ')' > > any* > any* >
        >
    """

    def transform(self, node: Node, results: dict[str, Any]) -> None:
        if node.type == syms.classdef:
            self._decorate(node)
            return
        source, names = node.children[1], node.children[3:]
        if (
            str(source).strip() == "buildbot.twcompat"
            and str(names[0]).strip() == "implements"
            and not names[1:]
        ):
            source.replace(Name("zope.interface", prefix=source.prefix))  # 0.7.5 has it for old Twisteds
        for leaf in node.leaves():
            if leaf.value == "implements":
                leaf.replace(Name("implementer", prefix=leaf.prefix))

    def _decorate(self, node: Node) -> None:
        suite = node.children[-1]
        said = next(each for each in suite.children if _isCall(each, "implements"))
        decorator = Node(
            syms.decorator,
            [Leaf(token.AT, "@"), Name("implementer"), said.children[0].children[1].clone(), Newline()],
        )
        decorator.prefix = node.prefix
        node.prefix = find_indentation(node)
        if (
            len(
                [
                    each
                    for each in suite.children
                    if each.type not in (token.NEWLINE, token.INDENT, token.DEDENT)
                ]
            )
            > 1
        ):
            if said.prev_sibling is not None and said.prev_sibling.type == token.INDENT:
                # the token holds the indentation of the first statement
                said.next_sibling.prefix = said.next_sibling.prefix.lstrip(" \t")
            said.remove()
        else:
            said.children[0].replace(Name("pass", prefix=said.prefix))
        node.parent.insert_child(node.parent.children.index(node), decorator)


def _isCall(node: Any, name: str) -> bool:
    """True if a statement is nothing but a call of this function."""
    call = node.children[0] if node.type == syms.simple_stmt else None
    return call is not None and call.type == syms.power and getattr(call.children[0], "value", "") == name


def _isForCompile(node: Any) -> bool:
    """True inside a call of compile(), which decodes a program by its own encoding."""
    while node is not None:
        if node.type == syms.power and getattr(node.children[0], "value", "") == "compile":
            return True
        node = node.parent
    return False


def _attribute(value: Any, name: str) -> list[Any]:
    isSimple = value.type in (token.NAME, token.STRING, syms.power, syms.atom)
    return list(Attr(value if isSimple else parenthesize(value), Name(name)))


def _arguments(values: list[Any]) -> list[Any]:
    separated: list[Any] = []
    for value in values:
        if separated:
            separated.append(Leaf(token.COMMA, ","))
            value.prefix = " "
        separated.append(value)
    return [ArgList(separated)]


def ownNames(tree: Any) -> frozenset[str]:
    """The names that a file defines itself: functions, classes, imports, and variables of the whole file.

    Methods do not count, nor do variables of functions: the file may use the function of Python 2 elsewhere.
    """
    names: set[str] = set()
    waiting: list[tuple[Any, bool, bool]] = [(tree, False, False)]
    while waiting:
        node, isInClass, isInFunction = waiting.pop()
        if node.type in (syms.funcdef, syms.classdef):
            if not isInClass:
                names.add(node.children[1].value)
            isInClass, isInFunction = node.type == syms.classdef, isInFunction or node.type == syms.funcdef
        elif node.type in (syms.import_name, syms.import_from):
            # of "import a.b as c, d" the last names count; others of it do no harm
            leaves = [leaf.value for leaf in node.leaves() if leaf.type == token.NAME]
            names.update(leaves[leaves.index("import") + 1 :])
        elif node.type == syms.expr_stmt and not (isInClass or isInFunction):
            names.update(each.value for each in node.children[:-1] if each.type == token.NAME)
        waiting += [(each, isInClass, isInFunction) for each in node.children]
    return frozenset(names)


#: All of them.
ALL = (
    *(FixFile, FixTextMode, FixStringModule, FixMaxint, FixUnicode),
    *(FixCgiEscape, FixDivision, FixImplements),
)

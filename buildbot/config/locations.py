# -*- test-case-name: tests.unit.config.test_locations -*-
"""Find the line of a key, bot or builder in the text of a master.cfg.

This module parses the text but does not run it. It follows list items through literals, additions and
insertions. An item from a loop has the line that adds it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.Try)


@dataclass(frozen=True)
class _Piece:
    """A piece of a list: one item, or an unknown number of items."""

    node: ast.expr
    isOne: bool


class Locations:
    """I know the lines of one text. The text is parsed at the first question: a good file costs nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tree: ast.Module | None = None
        self._found: dict[str, list[_Piece]] = {}

    def line(
        self, key: str, index: int | None = None, name: str | None = None, count: int | None = None
    ) -> int | None:
        """The line of C{c[key]}, or of one item of it.

        @param index: the item's index; C{name} is its name, if it has one.
        @param count: the number of items.
        @return: counted from 1. The key's line if the item is not found; None if the key is not found.
        """
        written = list(self._written(key))
        if not written or index is None:
            return written[-1][0] if written else None
        if key not in self._found:
            self._found[key] = self._pieces(key, written[-1])
        piece = _at(self._found[key], index, count)
        line = written[-1][0] if piece is None else self._resolved(piece.node).lineno
        if name is None:
            return line
        if piece is not None and piece.isOne:
            return line if self._nameOf(piece.node) in (None, name) else self._named(name) or written[-1][0]
        return self._named(name) or line

    def _named(self, name: str) -> int | None:
        """The last line with an object of this name in the text."""
        lines = [
            node.lineno
            for node in ast.walk(self._parsed())
            if isinstance(node, ast.expr) and not isinstance(node, ast.Name) and self._nameOf(node) == name
        ]
        return lines[-1] if lines else None

    def _parsed(self) -> ast.Module:
        if self._tree is None:
            try:
                self._tree = ast.parse(self._text)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._tree = ast.Module([], [])
        return self._tree

    def _written(self, key: str) -> Iterator[tuple[int, ast.expr]]:
        """Yield each line that assigns a key, and the value; mostly in the file's order."""
        for node in ast.walk(self._parsed()):
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                if isinstance(target, ast.Subscript) and _text(target.slice) == key:
                    yield target.lineno, node.value
                if isinstance(target, ast.Name) and target.id == "BuildmasterConfig":
                    value = _entry(node.value, key)
                    if value is not None:
                        yield value.lineno, value

    def _pieces(self, key: str, written: tuple[int, ast.expr]) -> list[_Piece]:
        """The pieces of the list at a key, in list order."""
        line, value = written
        variable = value.id if isinstance(value, ast.Name) else None
        pieces = [] if variable else _itemsOf(value, isOne=True)
        for statement, isOnce in _statements(self._parsed().body, True):
            if variable and _assigns(statement, variable):
                pieces = _itemsOf(statement.value, isOnce)  # type: ignore[attr-defined]
            elif _isAbout(statement, variable, key if statement.lineno >= line else None):
                _add(pieces, statement, isOnce)
        return pieces

    def _nameOf(self, node: ast.expr) -> str | None:
        """The name in a bot's tuple, a builder's dictionary or a call's arguments, if it is a literal."""
        node = self._resolved(node)
        if isinstance(node, (ast.Tuple, ast.List)):
            return _text(node.elts[0]) if len(node.elts) in (2, 3) else None
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id == "dict"):
            given = [each.value for each in node.keywords if each.arg == "name"] or node.args[:1]
            return _text(given[0]) if given else None
        name = _entry(node, "name")
        return None if name is None else _text(name)

    def _resolved(self, node: ast.expr) -> ast.expr:
        """The value of a variable that is assigned once; else the expression itself."""
        if not isinstance(node, ast.Name):
            return node
        values = [
            each.value  # type: ignore[attr-defined] # this is what _assigns says
            for each in ast.walk(self._parsed())
            if isinstance(each, ast.stmt) and _assigns(each, node.id)
        ]
        return values[0] if len(values) == 1 else node


def _at(pieces: Sequence[_Piece], index: int, count: int | None) -> _Piece | None:
    """The piece that contains an item of a list, or None if that is unknown."""
    many = [position for position, piece in enumerate(pieces) if not piece.isOne]
    if not many or index < many[0]:
        return pieces[index] if index < len(pieces) else None
    if count is not None and count - index < len(pieces) - many[-1]:
        return pieces[index - count]
    return pieces[many[0]] if len(many) == 1 else None


def _statements(body: Sequence[ast.stmt], isOnce: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield all statements in order, each with True if it runs exactly once."""
    for statement in body:
        yield statement, isOnce
        inner = isOnce and not isinstance(statement, _LOOPS)
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(statement, name, ()), inner)


def _assigns(statement: ast.stmt, variable: str) -> bool:
    return isinstance(statement, ast.Assign) and any(
        isinstance(target, ast.Name) and target.id == variable for target in statement.targets
    )


def _isAbout(statement: ast.stmt, variable: str | None, key: str | None) -> bool:
    """True if a statement adds to the list in a variable or at a key."""
    target: ast.expr | None = None
    if isinstance(statement, ast.AugAssign):
        target = statement.target
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        if isinstance(function, ast.Attribute) and function.attr in ("append", "extend", "insert"):
            target = function.value
    if isinstance(target, ast.Subscript):
        return key is not None and _text(target.slice) == key
    return isinstance(target, ast.Name) and target.id == variable


def _add(pieces: list[_Piece], statement: ast.stmt, isOnce: bool) -> None:
    """Apply a statement that adds to the list to C{pieces}."""
    if isinstance(statement, ast.AugAssign):
        pieces += _itemsOf(statement.value, isOnce)
        return
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    call = statement.value
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method == "extend" and call.args:
        pieces += _itemsOf(call.args[0], isOnce)
    elif method == "append" and call.args:
        pieces.append(_Piece(call.args[0], isOnce))
    elif len(call.args) == 2:
        where = call.args[0].value if isinstance(call.args[0], ast.Constant) else len(pieces)
        pieces.insert(where if isinstance(where, int) else len(pieces), _Piece(call.args[1], isOnce))


def _itemsOf(value: ast.expr, isOne: bool) -> list[_Piece]:
    """The items of a literal list; one piece for any other value."""
    if isinstance(value, (ast.List, ast.Tuple)):
        return [_Piece(item, isOne and not isinstance(item, ast.Starred)) for item in value.elts]
    if isinstance(value, (ast.ListComp, ast.GeneratorExp)):
        return [_Piece(value.elt, False)]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return [*_itemsOf(value.left, isOne), *_itemsOf(value.right, isOne)]
    return [_Piece(value, False)]


def _entry(node: ast.expr, key: str) -> ast.expr | None:
    """The value of a key in C{{...}} or C{dict(...)}."""
    if isinstance(node, ast.Dict):
        found = [value for each, value in zip(node.keys, node.values, strict=True) if _text(each) == key]
        return found[-1] if found else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return next((each.value for each in node.keywords if each.arg == key), None)
    return None


def _text(node: ast.expr | None) -> str | None:
    """The text of a string literal, or None."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None

# -*- test-case-name: tests.test_config_places -*-
"""Where in the text of a master.cfg a key, a bot or a builder is written.

Found by reading, not by running: what a loop makes has no line of its own, and gets that of its key.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator


class Places:
    """I know the lines of one text. It is parsed when one is first asked for: a good file costs nothing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._nodes: list[ast.AST] | None = None

    def line(self, key: str, index: int | None = None, name: str | None = None) -> int | None:
        """The line of C{c[key]}; with an index, of one item of it, called C{name} if it has one.

        @return: counted from 1; the key's line if the item is not found, None if not even the key is.
        """
        written = list(self._written(key))
        if not written or index is None:
            return written[-1][0] if written else None
        items = self._items(written[-1][1])
        if index < len(items) and _nameOf(items[index]) in (None, name):
            return items[index].lineno
        named = [node.lineno for node in self._all() if isinstance(node, ast.expr) and _nameOf(node) == name]
        return named[-1] if named and name is not None else written[-1][0]

    def _all(self) -> list[ast.AST]:
        if self._nodes is None:
            try:
                self._nodes = list(ast.walk(ast.parse(self._text)))
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                self._nodes = []
        return self._nodes

    def _written(self, key: str) -> Iterator[tuple[int, ast.expr]]:
        """The lines where a key gets its value, and the value; in the order of the file, mostly."""
        for node in self._all():
            if not isinstance(node, ast.Assign):
                continue
            for target in node.targets:
                if isinstance(target, ast.Subscript) and _text(target.slice) == key:
                    yield target.lineno, node.value
                if isinstance(target, ast.Name) and target.id == "BuildmasterConfig":
                    value = _entry(node.value, key)
                    if value is not None:
                        yield value.lineno, value

    def _items(self, value: ast.expr) -> list[ast.expr]:
        """The items of a list that is written out, in place or in a variable; [] of any other one."""
        if isinstance(value, ast.Name):
            kept = [
                node.value
                for node in self._all()
                if isinstance(node, ast.Assign)
                and any(isinstance(target, ast.Name) and target.id == value.id for target in node.targets)
            ]
            value = kept[-1] if kept else value
        if not isinstance(value, (ast.List, ast.Tuple)):
            return []
        return [] if any(isinstance(item, ast.Starred) for item in value.elts) else value.elts


def _nameOf(node: ast.expr) -> str | None:
    """The name in a bot's tuple or a builder's dictionary that is written out."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return _text(node.elts[0]) if len(node.elts) in (2, 3) else None
    name = _entry(node, "name")
    return None if name is None else _text(name)


def _entry(node: ast.expr, key: str) -> ast.expr | None:
    """The value of a key in C{{...}} or C{dict(...)}."""
    if isinstance(node, ast.Dict):
        found = [value for each, value in zip(node.keys, node.values, strict=True) if _text(each) == key]
        return found[-1] if found else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return next((each.value for each in node.keywords if each.arg == key), None)
    return None


def _text(node: ast.expr | None) -> str | None:
    """The text of a string that is written out."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None

"""Tests of buildbot.web.routes."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.web.routes import BadQuery, Parameter, Route, Table


def route(path: str, *parameters: Parameter, method: str = "GET", strict: bool = False) -> Route:
    """A route that is never called."""
    return Route(path, lambda call: None, "A page.", parameters, method=method, strict=strict)


class RoutesTests(unittest.SynchronousTestCase):
    """The route table."""

    def found(self, table: Table, *segments: str) -> Any:
        """The path of the found route, and the values of its segments."""
        found = table.find(segments)
        return found and (next(iter(found.routes.values())).path, dict(found.values))

    def test_find(self) -> None:
        """A literal segment wins over a number, a number over a text, and that over the rest."""
        table = Table(
            map(
                route, ("/", "/builders/_all", "/builders/{b}", "/builders/{b}/{n:int}", "/files/{path:rest}")
            )
        )
        self.assertEqual(self.found(table, ""), ("/", {}))
        self.assertEqual(self.found(table, "builders", "_all"), ("/builders/_all", {}))
        self.assertEqual(self.found(table, "builders", "a/b"), ("/builders/{b}", {"b": "a/b"}))
        self.assertEqual(
            self.found(table, "builders", "x", "-1"), ("/builders/{b}/{n:int}", {"b": "x", "n": -1})
        )
        self.assertEqual(self.found(table, "files", "a", "b"), ("/files/{path:rest}", {"path": ("a", "b")}))
        for missing in (("builders",), ("builders", ""), ("builders", "x", "y"), ("nothing",)):
            self.assertIsNone(self.found(table, *missing), missing)

    def test_conflicts(self) -> None:
        """Two routes for one path, or two names for one segment, are an error."""
        self.assertRaises(ValueError, Table, [route("/a"), route("/a")])
        self.assertRaises(ValueError, Table, [route("/{a}"), route("/{b}/c")])
        Table([route("/a"), route("/a", method="POST")])

    def test_parameters(self) -> None:
        """Values are read by their kinds; a wrong one is told in the user's words."""
        number = Parameter("n", "A number.", "integer", default=5, least=1, most=10)
        many = Parameter("b", "Names.", repeated=True)
        some = route("/", number, many, Parameter("f", "A flag.", "flag", default=False))
        self.assertEqual(some.read({}), {"n": 5, "b": (), "f": False})
        self.assertEqual(
            some.read({"n": ["99"], "b": ["x", "y"], "f": ["1"]}), {"n": 10, "b": ("x", "y"), "f": True}
        )
        for text in ("x", "0", "1e99", "nan"):
            self.assertRaises(BadQuery, some.read, {"n": [text]})
        self.assertRaises(BadQuery, some.read, {"b": ["x" * 1001]})
        error = self.assertRaises(BadQuery, route("/", number, strict=True).read, {"m": ["1"]})
        self.assertEqual(str(error), "unknown parameter 'm'; known are n")

    def test_emptyFields(self) -> None:
        """An empty field of a form is as none on a page, and an error in the API. One empty text stays: an
        empty branch is the main line.
        """
        number = Parameter("n", "A number.", "integer", default=5)
        fields = (number, Parameter("b", "Names.", repeated=True), Parameter("t", "A branch."))
        given = {"n": [""], "b": ["", "x"], "t": [""]}
        self.assertEqual(route("/", *fields).read(given), {"n": 5, "b": ("x",), "t": ""})
        self.assertRaises(BadQuery, route("/", number, strict=True).read, given)

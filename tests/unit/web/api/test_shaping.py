"""Fields and times of answers of the API."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.api.shaping import UnknownField, chosenFields, fieldsOf, iso, withIsoTimes


class ShapingTests(unittest.TestCase):
    """The shape that a client asks for."""

    def test_iso(self) -> None:
        """A time has milliseconds and the zone; impossible times are cut."""
        self.assertEqual(iso(1.5), "1970-01-01T00:00:01.500Z")
        self.assertEqual(iso(-9), "1970-01-01T00:00:00.000Z")
        self.assertEqual(iso(1e15)[:5], "9999-")

    def test_nested(self) -> None:
        """Times are found in lists and objects; null and other numbers stay."""
        value = {"steps": [{"started": 0, "finished": None, "results": 0}], "number": 1}
        wanted = {
            "steps": [{"started": "1970-01-01T00:00:00.000Z", "finished": None, "results": 0}],
            "number": 1,
        }
        self.assertEqual(withIsoTimes(value), wanted)

    def test_fields(self) -> None:
        """Without names all fields come; an unknown name is an error that lists the fields."""
        value = {"a": 1, "b": 2}
        self.assertEqual(fieldsOf(["a,b", "", "c"]), ("a", "b", "c"))
        self.assertEqual(chosenFields(value, ("a",), ("a", "b")), {"a": 1})
        self.assertEqual(chosenFields(value, (), ("a", "b")), value)
        error = self.assertRaises(UnknownField, chosenFields, value, ("c",), ("a", "b"))
        self.assertIn("the fields are a, b", str(error))

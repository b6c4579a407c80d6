"""The properties of a build, and texts with properties."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.model.properties import NoProperty, Properties, WithProperties, render
from buildbot.steps import shell
from tests.examples import examples

fuzz = settings(max_examples=examples(50), deadline=None, derandomize=True, database=None)
texts = st.text(max_size=8)
values = st.none() | st.booleans() | st.integers() | texts | st.lists(texts, max_size=3)


class PropertiesTests(unittest.TestCase):
    """Names, values and sources."""

    def test_set(self) -> None:
        """A property has its last value, and the source that set it."""
        properties = Properties({"branch": None, "revision": "7"}, "Build")
        properties.setProperty("revision", "8", "step checkout")
        self.assertEqual((properties["revision"], properties.getProperty("branch")), ("8", None))
        self.assertEqual(properties.getPropertySource("revision"), "step checkout")
        self.assertEqual(properties.asList(), [("branch", None, "Build"), ("revision", "8", "step checkout")])
        self.assertEqual(repr(properties), "Properties(branch=None, revision='8')")
        self.assertEqual((len(properties), list(properties)), (2, ["branch", "revision"]))

    def test_missing(self) -> None:
        """A property that is not set is a KeyError of the mapping, and None or the default of getProperty."""
        properties = Properties({"branch": None}, "x")
        self.assertRaises(KeyError, properties.__getitem__, "revision")
        self.assertRaises(KeyError, properties.getPropertySource, "revision")
        self.assertIsNone(properties.getProperty("revision"))
        self.assertEqual(properties.getProperty("revision", "none"), "none")
        self.assertIs(properties.getProperty("branch", "none"), None)
        self.assertEqual([properties.hasProperty(name) for name in ("branch", "revision")], [True, False])

    def test_merge(self) -> None:
        """Properties of two origins can be merged; the later one wins, and keeps its source."""
        properties = Properties({"a": 1, "b": 1}, "Scheduler")
        properties.updateFrom(Properties({"b": 2}, "slave bot1"))
        self.assertEqual(properties.asList(), [("a", 1, "Scheduler"), ("b", 2, "slave bot1")])
        self.assertEqual(properties.properties, {"a": (1, "Scheduler"), "b": (2, "slave bot1")})
        self.assertEqual(properties.render(["x", WithProperties("%(a)s")]), ["x", "1"])

    @given(st.dictionaries(texts, st.tuples(values, texts), max_size=4))
    @fuzz
    def test_record(self, wanted: dict[str, tuple[Any, str]]) -> None:
        """Properties can be stored and read again, with their sources."""
        properties = Properties()
        for name, (value, source) in wanted.items():
            properties.setProperty(name, value, source)
        self.assertEqual(Properties.fromRecord(json.loads(json.dumps(properties.toRecord()))), properties)

    def test_recordOfAnything(self) -> None:
        """A property with any value can be stored."""
        properties = Properties({"odd": {1: (b"\xff", range(2))}}, "step")
        record = json.loads(json.dumps(properties.toRecord()))
        self.assertEqual(record, {"odd": [{"1": ["\udcff", "range(0, 2)"]}, "step"]})
        self.assertNotEqual(properties, Properties())
        self.assertNotEqual(properties, {})


class WithPropertiesTests(unittest.TestCase):
    """Texts with placeholders for properties."""

    properties = Properties({"branch": None, "revision": "7", "number": 12, "odd %s": "x"}, "Build")

    def test_names(self) -> None:
        """Placeholders are filled by position or by name; the value None gives an empty text."""
        for text, expected in (
            (WithProperties("%s-%s.tar", "revision", "branch"), "7-.tar"),
            (WithProperties("%(revision)s-%(branch)s.tar"), "7-.tar"),
            (WithProperties("%04d of 100%%", "number"), "0012 of 100%"),
            (WithProperties("%(number)04d of 100%%"), "0012 of 100%"),
            (WithProperties("plain"), "plain"),
            (WithProperties("%s", "odd %s"), "x"),
        ):
            self.assertEqual(text.render(self.properties), expected)

    def test_missing(self) -> None:
        """A missing property raises an error with its name, and leaves no gap in a command."""
        for text in (WithProperties("%s", "got_revision"), WithProperties("%(got_revision)s")):
            error = self.assertRaises(KeyError, text.render, self.properties)
            self.assertEqual(error.args, ("got_revision",))

    def test_latest(self) -> None:
        """A checkout of "%(revision)s" takes the branch whose latest revision is built, and no other (F2)."""
        for values, wanted in (
            ({"branch": "dev", "revision": None}, "dev"),
            ({"branch": "dev", "revision": "7"}, "7"),
            ({"branch": None, "revision": None}, ""),
            ({"revision": None}, ""),
        ):
            properties = Properties(values, "build")
            self.assertEqual(WithProperties("%(revision)s").render(properties), wanted)
            self.assertEqual(WithProperties("%s", "revision").render(properties), wanted)
            self.assertEqual(
                WithProperties("%(revision:~HEAD)s").render(properties), values["revision"] or "HEAD"
            )

    def test_alternatives(self) -> None:
        """A text may have an alternative for a missing property, or for a present one."""
        for text, wanted in (
            ("%(got_revision:-none)s", "none"),
            ("%(revision:-none)s", "7"),
            ("%(branch:-none)s", ""),
            ("%(branch:~HEAD)s", "HEAD"),  # F2: None, which is the main line
            ("%(revision:~HEAD)s", "7"),
            ("%(got_revision:~a~b)s", "a~b"),
            ("%(revision:+of a:-)s", "of a:-"),
            ("%(got_revision:+of)s.", "."),
            ("%(got_revision:-)s.", "."),
        ):
            self.assertEqual(WithProperties(text).render(self.properties), wanted, text)

    def test_missingIsSaid(self) -> None:
        """A missing property is reported in words."""
        error = self.assertRaises(NoProperty, WithProperties("%(x y)s").render, self.properties)
        self.assertEqual(str(error), "there is no property 'x y'")

    def test_places(self) -> None:
        """F7: placeholders that do not match the names are refused where they are written."""
        for written, words in (
            (("%s %s", "revision"), "has 2 places for 1 name"),
            (("%s", "revision", "branch"), "has 1 place for 2 names"),
            (("v%s",), "has the place '%s' and no name of a property"),
            (("50% done",), "has the place '% d' and no name of a property"),
            (("100%",), "has the place '%' and no name"),
            (("%(revision)y",), "cannot fill"),
            (("%(revision)",), "cannot fill"),
            (("%(a)s %s", "revision"), "not in both ways"),
            (("%s", 7), "needs the names of properties as texts, not 7"),
            (("%s", ""), "needs the names of properties as texts"),
            ((b"%s", "revision"), "fmtstring must be text, not a bytes"),
        ):
            error = self.assertRaises(TypeError, WithProperties, *written)
            self.assertIn(words, str(error))

    def test_goodPlaces(self) -> None:
        """Placeholders of 0.7.5 and 0.8 are filled."""
        for written, wanted in (
            (("plain",), "plain"),
            (("100%% %(branch:-x)s",), "100% x"),
            (("%-6s|%r", "revision", "revision"), "1a2b  |'1a2b'"),
            (("%*d", "six", "seven"), "     7"),
            (("%(odd (name))s",), "round"),
            (("%05.1f", "seven"), "007.0"),
        ):
            properties = Properties({"revision": "1a2b", "six": 6, "seven": 7, "odd (name)": "round"}, "test")
            self.assertEqual(WithProperties(*written).render(properties), wanted)

    def test_misfit(self) -> None:
        """A value of the wrong type for its placeholder is an error of the build."""
        self.assertRaises(TypeError, WithProperties("%d", "revision").render, self.properties)

    def test_ofBuild(self) -> None:
        """Any object with properties can fill the text, as 0.7.5's steps passed their build."""

        class Build:
            def getProperty(self, name: str, default: object = None) -> str:
                return f"<{name}>"

        self.assertEqual(WithProperties("%(a)s %(b)s").render(Build()), "<a> <b>")

    def test_same(self) -> None:
        """Two equal texts compare equal, so a reconfig sees no change; the steps module still has the
        name.
        """
        self.assertEqual(WithProperties("%s", "a"), WithProperties("%s", "a"))
        self.assertNotEqual(WithProperties("%s", "a"), WithProperties("%s", "b"))
        self.assertIs(shell.WithProperties, WithProperties)


class RenderTests(unittest.TestCase):
    """Commands, environments and other values with such texts inside."""

    properties = Properties({"revision": "7"}, "Build")

    def test_nested(self) -> None:
        """Texts are found at any depth, and the configuration keeps the originals."""
        text = WithProperties("r%(revision)s")
        given_ = {"command": ["make", text, (text, ["x"])], text: {"R": text}, "timeout": None, "raw": b"%s"}
        self.assertEqual(
            render(given_, self.properties),
            {"command": ["make", "r7", ("r7", ["x"])], "r7": {"R": "r7"}, "timeout": None, "raw": b"%s"},
        )
        self.assertEqual(given_["command"], ["make", text, (text, ["x"])])

    def test_ownText(self) -> None:
        """A user's own text class fills itself."""

        class Upper(WithProperties):
            def render(self, build: Any) -> str:
                return super().render(build).upper()

        self.assertEqual(render([Upper("r%(revision)s")], self.properties), ["R7"])

    @given(st.recursive(values, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=8))
    @fuzz
    def test_nothingToFill(self, value: Any) -> None:
        """A value without such texts is unchanged, with its percent signs."""
        self.assertEqual(render(value, Properties()), value)

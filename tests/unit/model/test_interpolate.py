"""Interpolate, Property and renderer."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.trial import unittest

from buildbot.config.compare import sameValue
from buildbot.model.properties import NoProperty, Told
from buildbot.model.settled import NotSettled
from buildbot.process.properties import Interpolate, Properties, Property, WithProperties, render, renderer

BUILD = Properties({"a": "x", "none": None, "empty": "", "branch": "main", "list": ["1"]})


def text(fmtstring: str, *args: Any, **kwargs: Any) -> str:
    """An Interpolate in the build."""
    return Interpolate(fmtstring, *args, **kwargs).render(BUILD)


class InterpolateTests(unittest.SynchronousTestCase):
    """The places."""

    def test_places(self) -> None:
        """Properties, the source, keywords; a percent sign; a property that is not set is empty."""
        self.assertEqual(text("%(prop:a)s-%(src::branch)s-%(kw:k)s 100%%", k=Property("a")), "x-main-x 100%")
        self.assertEqual(text("<%(prop:lost)s%(prop:none)s>"), "<>")
        self.assertEqual(text("%s/%s", Property("a"), "b"), "x/b")

    def test_encoded(self) -> None:
        """An encoded value, as of a function or a step of Python 2, is inserted as its text."""
        build = Properties({"e": "\xe9".encode()})
        self.assertEqual(Interpolate("%(prop:e)s %(kw:k)s", k=b"k").render(build), "\xe9 k")
        self.assertEqual(Interpolate("%s", Property("e")).render(build), "\xe9")
        self.assertEqual(WithProperties("%(e)s %(f)s", f=lambda build: b"f").render(build), "\xe9 f")
        self.assertEqual(WithProperties("%s", "e").render(build), "\xe9")

    def test_rules(self) -> None:
        """The rules behind a name choose other texts."""
        for fmtstring, expected in (
            ("%(prop:lost:-d)s", "d"),
            ("%(prop:empty:-d)s", ""),
            ("%(prop:empty:~d)s", "d"),
            ("%(prop:a:+d)s", "d"),
            ("%(prop:lost:+d)s", ""),
            ("%(prop:a:?|yes|no)s", "yes"),
            ("%(prop:lost:?|yes|no)s", "no"),
            ("%(prop:empty:#?|yes|no)s", "no"),
            ("%(prop:lost:-%(prop:a)s)s", "x"),
        ):
            self.assertEqual(text(fmtstring), expected, fmtstring)

    def test_wrong(self) -> None:
        """Places that no build can fill are errors."""
        for fmtstring in ("%(a)s", "%(env:a)s", "%(kw:lost)s", "%d", "100 %"):
            self.assertRaises(TypeError, Interpolate, fmtstring)


class OtherTests(unittest.SynchronousTestCase):
    """The other renderables."""

    def test_property(self) -> None:
        """A Property has the type of its value; the default is used if it is not set or empty."""
        self.assertEqual(
            render([Property("list"), Property("lost", "d"), Property("empty", "d")], BUILD),
            [["1"], "d", "d"],
        )
        self.assertEqual(Property("empty", "d", defaultWhenFalse=False).render(BUILD), "")

    def test_renderer(self) -> None:
        """A function gets the properties; those that are not set are None."""
        made = renderer(lambda props: [props.getProperty("a"), props["a"], props.getProperty("lost")])
        self.assertEqual(render({"k": made}, BUILD), {"k": ["x", "x", None]})

    def test_functions(self) -> None:
        """WithProperties takes functions as keywords."""
        made = WithProperties("%(now)s-%(a)s", now=lambda props: props.getProperty("branch"))
        self.assertEqual(made.render(BUILD), "main-x")
        self.assertRaises(TypeError, WithProperties, "%(now)s", now=7)

    def test_ownClass(self) -> None:
        """An object with getRenderingFor, as IRenderable of 0.8 has it, is rendered."""

        class Own:
            def getRenderingFor(self, props: Any) -> Any:
                return props.getProperty("a")

        self.assertEqual(render(["b", Own()], BUILD), ["b", "x"])

    def test_deferred(self) -> None:
        """0.8: C{props.render} returns a Deferred; a function may return one that has its result."""
        text = Interpolate("%(prop:a)s", Property("a"))

        def called(props: Any) -> Any:
            return props.render({"k": [text]}).addCallback(lambda said: said["k"] * 2)

        def gathered(props: Any) -> Any:
            return gatherResults([props.render(each) for each in ("b", text)]).addCallback("/".join)

        async def awaited(props: Any) -> Any:
            return [await props.render(text), Property("a")]

        @inlineCallbacks
        def yielded(props: Any) -> Any:
            said = yield text.getRenderingFor(props)
            return f"{said}!"

        for function, said in (
            (called, ["x", "x"]),
            (gathered, "b/x"),
            (awaited, ["x", "x"]),
            (yielded, "x!"),
        ):
            self.assertEqual(render([renderer(function)], BUILD), [said])
            self.assertEqual(Interpolate("%(kw:k)s", k=renderer(function)).render(BUILD), str(said))
            self.assertEqual(WithProperties("%(k)s", k=function).render(BUILD)[:1], str(said)[:1])

    def test_inSteps(self) -> None:
        """0.8.3: C{self.build.getProperties().render(value)} of a step is the value itself."""
        self.assertEqual(Told(BUILD).render([Interpolate("%(prop:a)s")]), ["x"])

    def test_failed(self) -> None:
        """An error is that of the function; one that waits has no result, which is an error, too."""
        lost = WithProperties("%(lost)s")
        self.assertRaises(NoProperty, renderer(lambda props: props.render(lost)).render, BUILD)
        waiting: Deferred[None] = Deferred()
        error = self.assertRaises(NotSettled, renderer(lambda props: waiting).render, BUILD)
        self.assertIn("cannot wait", str(error))

    def test_ownSubclass(self) -> None:
        """0.8: a class may derive from ours and override getRenderingFor."""

        class Loud(Interpolate):
            def getRenderingFor(self, props: Any) -> Any:
                return super().getRenderingFor(props).addCallback(str.upper)

        class Short(WithProperties):
            def getRenderingFor(self, props: Any) -> Any:
                said: str = super().getRenderingFor(props)
                return said[:1]

        self.assertEqual(render([Loud("%(prop:a)s"), Short("%(branch)s")], BUILD), ["X", "m"])

    def test_equal(self) -> None:
        """Equal ones of two loads are equal."""
        self.assertTrue(sameValue(Interpolate("%(prop:a)s"), Interpolate("%(prop:a)s")))
        self.assertFalse(sameValue(Property("a"), Property("b")))

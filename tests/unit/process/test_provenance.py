"""The origin of each part of a text."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.model.interpolate import Interpolate, Property, renderer
from buildbot.model.properties import NoProperty, Properties, WithProperties
from buildbot.process.provenance import Origin, Piece, originOf, piecesOf


class Build:
    """I have properties of all origins."""

    def __init__(self) -> None:
        self.given = Properties({"color": "red"}, "Change")
        self.given.update({"wanted": "w"}, "request")
        self.given.update({"forced": "f"}, "Force Build Form")
        self.given.update({"site": "north"}, "Global")
        self.given.update({"kind": "quick"}, "builder")
        self.given.update({"os": "linux"}, "slave")
        self.given.update({"slavename": "bot1", "buildnumber": 7, "branch": "b", "revision": None}, "build")
        self.properties = Properties()
        self.properties.updateFrom(self.given)
        self.properties.setProperty("version", "1.0", "step")

    def getProperty(self, name: str, *default: Any) -> Any:
        return self.properties.getProperty(name, *default)


class ProvenanceTests(unittest.SynchronousTestCase):
    """H5: values from slaves are recognized."""

    def setUp(self) -> None:
        self.build = Build()

    def test_ownClass(self) -> None:
        """H5: a text that a class of one's own renders counts as from the least trusted property in it."""

        class Loud(Interpolate):
            def getRenderingFor(self, props: Any) -> Any:
                return super().getRenderingFor(props).addCallback(str.upper)

        value = Loud("a/%(prop:slavename)s-%(prop:version)s")
        self.assertEqual(piecesOf(value, self.build), [Piece("A/BOT1-1.0", Origin.SLAVE, "version")])

    def test_tellers(self) -> None:
        """H5: properties of the configuration, of senders and of steps are distinguished."""
        origins = {name: originOf(name, self.build) for name in self.build.properties}
        others, slave = Origin.OTHERS, Origin.SLAVE
        said = dict.fromkeys(("color", "wanted", "forced", "branch"), others)
        found = {"revision": slave, "version": slave}
        ours = dict.fromkeys(("site", "kind", "os", "slavename", "buildnumber"), Origin.CONFIGURATION)
        self.assertEqual(origins, {**said, **found, **ours})

    def test_overwritten(self) -> None:
        """H5: a property that a step overwrites counts as the slave's, whatever name and source the step
        gives it.
        """
        for name, source in (("slavename", "build"), ("os", "slave"), ("new", "slave")):
            self.build.properties.setProperty(name, "evil", source)
            self.assertEqual(originOf(name, self.build), Origin.SLAVE)

    def test_interpolate(self) -> None:
        """H5: so is an Interpolate; a Property or the result of a function is one piece."""
        named = Interpolate("a/%(prop:slavename)s-%(prop:version)s%%%(kw:k)s", k=Property("branch"))
        begin = [Piece("a/"), Piece("bot1", name="slavename"), Piece("-")]
        end = [Piece("1.0", Origin.SLAVE, "version"), Piece("%"), Piece("b", Origin.OTHERS, "branch")]
        self.assertEqual(piecesOf(named, self.build), [*begin, *end])
        inOrder = Interpolate("%s/x", Property("color"))
        self.assertEqual(piecesOf(inOrder, self.build), [Piece("red", Origin.OTHERS, "color"), Piece("/x")])
        self.assertEqual(
            piecesOf(renderer(lambda told: f"x/{told['version']}"), self.build),
            [Piece("x/1.0", Origin.SLAVE, "version")],
        )
        self.assertEqual(piecesOf(Property("no", default="d"), self.build), [Piece("d", Origin.SLAVE, "no")])

    def test_pieces(self) -> None:
        """H5: a text is split at its placeholders, for both ways to name the properties."""
        named = WithProperties("a/%(slavename)s-%(version)5s%%/%(branch)s%(revision)s")
        version, branch = Piece("  1.0", Origin.SLAVE, "version"), Piece("b", Origin.OTHERS, "branch")
        begin = [Piece("a/"), Piece("bot1", name="slavename"), Piece("-"), version, Piece("%"), Piece("/")]
        end = [branch, branch]  # the property revision may be the latest one found
        self.assertEqual(piecesOf(named, self.build), [*begin, *end])
        inOrder = WithProperties("%s/%d", "version", "buildnumber")
        self.assertEqual(
            piecesOf(inOrder, self.build),
            [Piece("1.0", Origin.SLAVE, "version"), Piece("/"), Piece("7", name="buildnumber")],
        )
        self.assertEqual(piecesOf("plain", self.build), [Piece("plain")])

    def test_alternatives(self) -> None:
        """H5: the alternative text for a missing property is the configuration's."""
        self.assertEqual(piecesOf(WithProperties("%(none:-x)s"), self.build), [Piece("x", name="none")])
        self.assertEqual(
            piecesOf(WithProperties("%(version:-x)s"), self.build), [Piece("1.0", Origin.SLAVE, "version")]
        )
        self.assertRaises(NoProperty, piecesOf, WithProperties("%(none)s"), self.build)

    def test_unknownWays(self) -> None:
        """H5: a text of a user's class has the least trusted origin of the properties that it reads."""

        class Own(WithProperties):
            def render(self, build: Any) -> str:
                return f"{build.getProperty('slavename')}/{build.getProperty('version')}"

        self.assertEqual(piecesOf(Own("x"), self.build), [Piece("bot1/1.0", Origin.SLAVE, "version")])

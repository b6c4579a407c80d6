"""Tests of buildbot.web.feeds.cctray."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from xml.dom import minidom
from xml.etree import ElementTree

from twisted.trial import unittest

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.web.feeds.cctray import cctray
from buildbot.web.feeds.views import BuilderView, BuildView

BASE = "http://ci.example.org/"


def builder(results: int | None, state: str = "idle", name: str = "linux", **more: float) -> BuilderView:
    """A builder whose last build has these results."""
    last = None if results is None else BuildView(name, 7, results, finished=1795957200.0)
    return BuilderView(name, state, "core", last, last, more.get("next"))


def ccmenu(document: bytes) -> list[dict[str, object]]:
    """The projects as CCMenu reads them: attributes of each element Project, with a strict date."""
    found = []
    for node in minidom.parseString(document).getElementsByTagName("Project"):
        found.append(
            {
                "name": node.getAttribute("name"),
                "activity": node.getAttribute("activity"),
                "status": node.getAttribute("lastBuildStatus"),
                "label": node.getAttribute("lastBuildLabel"),
                "time": datetime.strptime(node.getAttribute("lastBuildTime"), "%Y-%m-%dT%H:%M:%S%z"),
            }
        )
    return found


def buildNotify(document: bytes) -> list[str]:
    """The states as BuildNotify makes them: "status.activity"."""
    projects = ElementTree.fromstring(document).findall("Project")
    for each in projects:
        assert each.attrib["lastBuildTime"] and each.attrib["webUrl"]
    return [f"{each.attrib['lastBuildStatus']}.{each.attrib['activity']}" for each in projects]


def nodeBuildMonitor(document: bytes) -> list[tuple[str, str, bool]]:
    """The builds as node-build-monitor makes them, with a text search: name, colour, running."""
    colors = {"Success": "Green", "Failure": "Red", "Exception": "Red"}
    return [
        (
            str(re.findall(r' name="([^"]*)"', each)[0]),
            colors.get(str(re.findall(r'lastBuildStatus="(\w+)"', each)[0]), "Gray"),
            'activity="Building"' in each,
        )
        for each in re.findall(r"<Project .*?/>", document.decode())
    ]


class CctrayTests(unittest.TestCase):
    """Monitors on a desk understand the document (table G, row 61)."""

    def test_clients(self) -> None:
        """Three clients read the status of the last finished build while another one runs."""
        document = cctray(BASE, [builder(FAILURE, "building"), builder(SUCCESS, name="mac")])
        time = datetime(2026, 11, 29, 13, tzinfo=timezone.utc)
        self.assertEqual(
            ccmenu(document)[0],
            {"name": "linux", "activity": "Building", "status": "Failure", "label": "7", "time": time},
        )
        self.assertEqual(buildNotify(document), ["Failure.Building", "Success.Sleeping"])
        self.assertEqual(nodeBuildMonitor(document), [("linux", "Red", True), ("mac", "Green", False)])

    def test_statuses(self) -> None:
        """Warnings are a success. A builder without a build is unknown."""
        results = (SUCCESS, WARNINGS, FAILURE, EXCEPTION, None)
        self.assertEqual(
            [each["status"] for each in ccmenu(cctray(BASE, map(builder, results)))],
            ["Success", "Success", "Failure", "Exception", "Unknown"],
        )

    def test_activities(self) -> None:
        """An offline builder sleeps; one that waits for a quiet tree checks for modifications."""
        states = ("idle", "offline", "building", "waiting")
        document = cctray(BASE, [builder(SUCCESS, state) for state in states])
        self.assertEqual(
            [each["activity"] for each in ccmenu(document)],
            ["Sleeping", "Sleeping", "Building", "CheckingModifications"],
        )

    def test_more(self) -> None:
        """A project has its page, its category and the time of its next build, if anybody knows it."""
        project = ElementTree.fromstring(cctray(BASE, [builder(SUCCESS, name="a/b", next=1795957260.0)]))[0]
        self.assertEqual(project.get("webUrl"), "http://ci.example.org/builders/a%2Fb")
        self.assertEqual(project.get("category"), "core")
        self.assertEqual(project.get("nextBuildTime"), "2026-11-29T13:01:00Z")
        self.assertNotIn(b"nextBuildTime", cctray(BASE, [builder(SUCCESS)]))

    def test_hostile(self) -> None:
        """A hostile name stays a name."""
        document = cctray(BASE, [builder(SUCCESS, name='"/><x a="\x01')])
        self.assertEqual([each["name"] for each in ccmenu(document)], ['"/><x a="\ufffd'])

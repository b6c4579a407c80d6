"""Tests of buildbot.web.feeds.xmlrpc."""

from __future__ import annotations

import xmlrpc.client

from twisted.trial import unittest

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.web.feeds import xmlrpc as ours
from buildbot.web.feeds.xmlrpc import BuildRow, Refused, StepRow, question

BUILD = BuildRow(
    "linux", 7, 1.0, 20.0, None, "abc", FAILURE, ("failed", "compile"), "forced", "bot1", "http://x/"
)
#: A request whose entities would make it grow.
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<methodCall><methodName>&b;</methodName></methodCall>"
)


def asked(method: str, *arguments: object) -> bytes:
    """The request of a client."""
    return xmlrpc.client.dumps(arguments, method).encode()  # type: ignore[arg-type]


def read(response: bytes) -> object:
    """What a client reads in a response."""
    return xmlrpc.client.loads(response)[0][0]


class QuestionTests(unittest.TestCase):
    """Only good questions are answered."""

    def refused(self, body: bytes) -> tuple[int, str]:
        error = self.assertRaises(Refused, question, body)
        return error.code, str(error)

    def test_good(self) -> None:
        """A client of the standard library asks. A time may have a fraction."""
        self.assertEqual(question(asked("getBuild", "linux", 7)), ("getBuild", ("linux", 7)))
        self.assertEqual(
            question(asked("getAllBuildsInInterval", 1.5, 2)), ("getAllBuildsInInterval", (1, 2))
        )

    def test_doctype(self) -> None:
        """A DOCTYPE is refused in every encoding, so no entity grows."""
        for body in (BOMB, BOMB.decode().encode("utf-16")):
            self.assertEqual(self.refused(body)[1], "the request has a DOCTYPE: send it without one")

    def test_bad(self) -> None:
        """What is no XML-RPC is refused, and so are wrong methods and arguments."""
        for body, code in (
            (b"", ours.NOT_WELL_FORMED),
            (b"x" * 70000, ours.NOT_WELL_FORMED),
            (b"<a/>", ours.NOT_WELL_FORMED),
            (b'<?xml version="1.0" encoding="bogus"?><a/>', ours.NOT_WELL_FORMED),
            (asked("getBuild", "x", 1).replace(b"<int>1<", b"<int>y<"), ours.NOT_WELL_FORMED),
            (asked("stop"), ours.NO_METHOD),
            (asked("getBuild", "x"), ours.WRONG_ARGUMENTS),
            (asked("getBuild", "x", True), ours.WRONG_ARGUMENTS),
            (asked("getAllBuildsInInterval", float("inf"), 1), ours.WRONG_ARGUMENTS),
        ):
            self.assertEqual(self.refused(body)[0], code, body[:80])

    def test_fault(self) -> None:
        """A client reads the reason of a refusal."""
        error = self.assertRaises(Refused, question, asked("stop"))
        fault = self.assertRaises(xmlrpc.client.Fault, read, ours.fault(error))
        self.assertIn("no method stop", fault.faultString)


class AnswerTests(unittest.TestCase):
    """Old clients read the answers."""

    ROW = ["linux", 7, 1.0, 20.0, "", "abc", "failure", ["failed", "compile"], []]

    def test_lists(self) -> None:
        """A client reads rows of builds; None is an empty text."""
        running = BuildRow("linux", 8, 30.0, None, None, None, None)
        older = BuildRow("linux", 6, 0.0, 0.5, None, None, SUCCESS)
        builds = [older, BUILD, running]
        self.assertEqual(read(ours.answer(ours.getLastBuilds(builds, 1))), [self.ROW])
        self.assertEqual(len(ours.getLastBuilds(builds, 9)), 2)
        self.assertEqual(ours.getLastBuilds(builds, 0), [])
        self.assertEqual(read(ours.answer(ours.getLastBuildsAllBuilders([builds, []], 1))), [self.ROW])
        self.assertEqual(read(ours.answer(ours.getAllBuilders(["a\x00"]))), ["a\ufffd"])
        self.assertEqual((ours.getLastBuildResults(BUILD), ours.getLastBuildResults(None)), ("failure", ""))

    def test_interval(self) -> None:
        """The builds that ended in an interval are sorted by their end; the newest 1,000 are told."""
        many = [BuildRow("b", number, 0, float(number), None, None, SUCCESS) for number in range(2000)]
        rows = ours.getAllBuildsInInterval(reversed(many), 10, 1500)
        self.assertEqual([row[1] for row in rows], list(range(501, 1501)))
        self.assertEqual(rows[0], ["b", 501, 501.0, None, None, "success", []])

    def test_build(self) -> None:
        """A client reads one build with its steps and logs, in the shapes of 0.7.12."""
        steps = [
            StepRow("compile", 1.0, 2.0, FAILURE, ("compile", "failed")),
            StepRow("test", 2.0, None, None),
        ]
        build = BuildRow(
            "linux", 7, 1.0, None, None, None, None, steps=steps, logs=["stdio"], errors={"compile": "boom"}
        )
        self.assertEqual(
            read(ours.answer(ours.getBuild(build))),
            {
                "builder_name": "linux",
                "url": "",
                "reason": "",
                "slavename": "",
                "results": "",
                "text": [],
                "reasons": [["compile", "failed"]],
                "number": 7,
                "branch": "",
                "revision": "",
                "start": 1.0,
                "end": "",
                "steps": [
                    {
                        "name": "compile",
                        "start": 1.0,
                        "end": 2.0,
                        "results": [2, ["compile"]],
                        "text": ["compile", "failed"],
                    },
                    {"name": "test", "start": 2.0, "end": "", "results": ["", []], "text": []},
                ],
                "logs": [{"name": "stdio", "text": "HUGE"}],
                "full_error": {"compile": "boom"},
            },
        )

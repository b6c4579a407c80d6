"""Try jobs: the arguments of calls, and job files."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial import unittest

from buildbot.model import tryjob
from buildbot.model.tryjob import BadJobfile, TryJob, jobOfCall, ns, readJob, writeJob

DIFF = "--- a\n+++ b\n"


def file(*parts: str | bytes) -> bytes:
    """A file of netstrings."""
    return b"".join(map(ns, parts))


class JobfileTests(unittest.SynchronousTestCase):
    """Files of all formats."""

    def refused(self, data: bytes) -> str:
        return str(self.assertRaises(BadJobfile, readJob, data))

    def test_formats(self) -> None:
        """The files of 0.7 and 0.8 are read."""
        base = ("17-4", "br", "r1", "1", DIFF)
        job = TryJob("17-4", "br", "r1", 1, DIFF)
        two = TryJob("17-4", "br", "r1", 1, DIFF, "git://x", "p")
        for parts, expected in (
            (("1", *base), job),
            (
                ("1", *base, "full", "quick"),
                TryJob("17-4", "br", "r1", 1, DIFF, builderNames=("full", "quick")),
            ),
            (("1", "17-4", "", "", "0", DIFF), TryJob("17-4", diff=DIFF)),
            (("1", "17-4", "", "None", "0", DIFF), TryJob("17-4", diff=DIFF)),
            (("2", *base, "git://x", "p"), two),
            (
                ("3", *base, "git://x", "p", "ann", "full"),
                TryJob("17-4", "br", "r1", 1, DIFF, "git://x", "p", "ann", builderNames=("full",)),
            ),
            (
                ("4", *base, "", "", "ann", "why", "full"),
                TryJob("17-4", "br", "r1", 1, DIFF, "", "", "ann", "why", ("full",)),
            ),
        ):
            self.assertEqual(readJob(file(*parts)), expected, parts)

    def test_json(self) -> None:
        """The format 5 has properties, and 6 has a patch of any bytes."""
        said: dict[str, Any] = {
            **{"jobid": "17-4", "branch": "", "baserev": "12", "patch_level": 0, "patch_body": DIFF},
            **{"repository": "", "project": "", "who": None, "comment": None, "builderNames": ["full"]},
            "properties": {"a": "b", "n": 1},
        }
        job = readJob(file("5", json.dumps(said)))
        self.assertEqual((job.baserev, job.builderNames, job.who), ("12", ("full",), ""))
        self.assertEqual(job.properties, {"a": "b", "n": 1})
        del said["patch_body"]
        self.assertIn("base 64", self.refused(file("6", json.dumps(said))))
        self.assertEqual(readJob(file("6", json.dumps({**said, "patch_body_base64": "4Q=="}))).diff, "\udce1")

    def test_there(self) -> None:
        """A written job is read again, in the oldest format that holds it."""
        job = TryJob("1-2", "br", "r1", 1, "\udce1\u00e4\n")
        for more, version in (
            ({}, b"1"),
            ({"builderNames": ("full", "quick")}, b"1"),
            ({"project": "p"}, b"2"),
            ({"who": "ann"}, b"3"),
            ({"comment": "because"}, b"4"),
            ({"properties": {"a": "b"}}, b"6"),
            ({"properties": {"a": "b"}, "diff": DIFF, "builderNames": ("full",)}, b"5"),
        ):
            wanted = TryJob(**{**vars(job), **more})
            data = writeJob(wanted)
            self.assertTrue(data.startswith(b"1:" + version + b","), more)
            self.assertEqual(readJob(data), wanted)

    def test_malformed(self) -> None:
        """A malformed file is refused with the reason."""
        base = ("1", "17-4", "br", "r1", "1", DIFF)
        for data, why in (
            (b"", "it is empty"),
            (b"hello", "byte 0 does not begin a netstring"),
            (b"1:1,x", "byte 4 does not begin a netstring"),
            (b":1,", "byte 0 does not begin a netstring"),
            (b"99999999999:1,", "byte 0 does not begin a netstring"),
            (b"-1:1,", "byte 0 does not begin a netstring"),
            (b"5:1,", "it is cut off"),
            (file(*base)[:-1], "it is cut off"),
            (b"1:12", "does not end in a comma"),
            (file("7"), "the unknown version '7'"),
            (file("x" * 100), "the unknown version"),
            (file(*base[:4]), "it has only 3 of the 5 texts"),
            (file(*base[:4], "x", DIFF), "its patch level is not a number from 0 to 100"),
            (file(*base[:4], "101", DIFF), "its patch level"),
            (file(*base, "b" * 70_000), "its builder has more than 65536 characters"),
            (file(*base, *map(str, range(2000))), "it has more than 1000 builders"),
            (file("5"), "it has 0 netstrings after the version"),
            (file("5", "{"), "it holds no JSON"),
            (file("5", "[" * 100_000), "it holds no JSON"),
            (file("5", "[]"), "its JSON is not an object"),
            (file("5", '{"properties": []}'), "its properties are not a dictionary"),
            (file("5", '{"properties": {"a": []}}'), "its property 'a' is neither text nor a number"),
            (file("5", '{"builderNames": "full"}'), "its list of builders is not a list"),
            (file("5", '{"who": 7}'), "its author is not text"),
            (file("5", '{"who": "\\ud800"}'), "its author has characters that UTF-8 does not know"),
        ):
            self.assertIn(why, self.refused(data), data[:80])

    def test_size(self) -> None:
        """A file has a limit."""
        self.patch(tryjob, "LONGEST_JOB", 100)
        self.assertIn("more than 100 bytes", self.refused(file("1", "x" * 100)))


class CallTests(unittest.SynchronousTestCase):
    """The arguments of the call C{try}."""

    def test_generations(self) -> None:
        """The calls of 0.7.5, of 0.7.12 and of 0.8 are understood, also with the bytes of Python 2."""
        job = TryJob(None, "br", 7, 1, DIFF, builderNames=("full",))
        self.assertEqual(jobOfCall(["br", 7, (1, DIFF), ["full"]]), job)
        self.assertEqual(jobOfCall([b"br", 7, (1, DIFF.encode()), [b"full"], {}]), job)
        self.assertEqual(jobOfCall([b"br", 7, (1, DIFF), [b"full"], {b"a": b"b"}]).properties, {"a": "b"})
        late = jobOfCall([None, b"r1", (0, None), b"git://x", b"p", [], b"ann", b"why", {b"n": 1}])
        self.assertEqual(late, TryJob(None, None, "r1", 0, "", "git://x", "p", "ann", "why", (), {"n": 1}))
        short = jobOfCall([None, None, None, None, None, []])
        self.assertEqual(short, TryJob())

    def test_malformed(self) -> None:
        """Other calls are refused."""
        for arguments, why in (
            ([], "with 0 arguments"),
            ([None, None, (0, "")], "with 3 arguments"),
            ([None, None, (0, ""), [], {}, None], "with 6 arguments"),
            ([None, None, (0, ""), "", "", [], "", "", {}, ""], "with 10 arguments"),
            ([None, None, "diff", []], "is not a pair"),
            ([None, None, (0, "", ""), []], "is not a pair"),
            ([None, None, (True, ""), []], "patch level"),
            ([None, -1, (0, ""), []], "its base revision is not text"),
            ([None, [], (0, ""), []], "its base revision is not text"),
            ([7, None, (0, ""), []], "its branch is not text"),
            ([None, None, (0, ""), [7]], "its builder is not text"),
            ([None, None, (0, ""), [], {None: "x"}], "the name of a property is not text"),
        ):
            self.assertIn(why, str(self.assertRaises(BadJobfile, jobOfCall, arguments)))

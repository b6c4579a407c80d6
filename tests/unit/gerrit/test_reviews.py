"""What a review on Gerrit says, and the command that adds it."""

from __future__ import annotations

import shlex
from typing import Any

from twisted.trial import unittest

from buildbot.gerrit.reviews import (
    LONGEST,
    Place,
    Review,
    commandOf,
    placeOf,
    placeOfSeveral,
    reviewOf,
    usualReview,
    usualSummary,
    versionOf,
)

MESSAGE: dict[str, Any] = {
    "project": "acme/ship",
    "patchSet": "12,3",
    "message": 'it\'s "broken"\n$HOME',
    "labels": {"Verified": -1, "Code-Review": 0},
    "notify": "OWNER",
}


class ReviewTests(unittest.SynchronousTestCase):
    """What a function of the configuration may return."""

    def test_encoded(self) -> None:
        """A function of a file of Python 2 may encode its message."""
        self.assertEqual(reviewOf(("na\xefve".encode(), 1, 0)), reviewOf(("na\xefve", 1, 0)))

    def test_shapes(self) -> None:
        """A dict of 0.8.11, a tuple of earlier releases, and only a text."""
        for answer, review in (
            ({"message": "good", "labels": {"Verified": True}}, Review("good", {"Verified": 1})),
            ({"message": "good"}, Review("good", {})),
            (("bad", -1, 0), Review("bad", {"Verified": -1, "Code-Review": 0})),
            ("begun", Review("begun", {})),
        ):
            self.assertEqual(reviewOf(answer), review)

    def test_none(self) -> None:
        """Without a message, there is no review."""
        for answer in (None, "", {}, {"message": None, "labels": {"Verified": 1}}, (None, 1, 0)):
            self.assertIsNone(reviewOf(answer))

    def test_wrong(self) -> None:
        """Another value is an error that says what to return."""
        for answer in (7, {"message": 7}, {"message": "m", "labels": ["Verified"]}):
            self.assertIn(
                "return a dict with 'message'", str(self.assertRaises(ValueError, reviewOf, answer))
            )

    def test_message(self) -> None:
        """A message has no password, no control characters but line ends, and is not too long."""
        found = reviewOf("a\x00b\nhttps://me:canary@x/" + "y" * LONGEST)
        assert found is not None
        self.assertTrue(found.message.startswith("a b\nhttps://me:XXXX@x/"))
        self.assertEqual(len(found.message), LONGEST)

    def test_usual(self) -> None:
        """Without a function, a review names builder and result, and only a success is verified."""
        self.assertEqual(
            usualReview("full", "failure", False, "http://ci.example/b"),
            {"message": "full: failure - http://ci.example/b", "labels": {"Verified": -1}},
        )
        builds: list[dict[str, Any]] = [
            {"name": "full", "resultText": "success", "text": "build successful", "url": None},
            {"name": "docs", "resultText": "success", "text": "success", "url": "http://ci.example/d"},
        ]
        self.assertEqual(
            usualSummary(builds, True),
            {
                "message": "full: success (build successful)\n\ndocs: success - http://ci.example/d",
                "labels": {"Verified": 1},
            },
        )


class PlaceTests(unittest.SynchronousTestCase):
    """Which patch set was built."""

    def test_event(self) -> None:
        """An event of Gerrit names project, commit and numbers; the commit is taken first."""
        event = {
            "event.change.id": "I7",
            "event.change.project": "acme/ship",
            "event.change.number": "12",
            "event.patchSet.number": 3,
        }
        self.assertEqual(placeOf(event, ""), Place("acme/ship", "12,3"))
        event["event.patchSet.revision"] = "a" * 40
        self.assertEqual(placeOf(event, ""), Place("acme/ship", "a" * 40))

    def test_checkedOut(self) -> None:
        """As in 0.8, a change without a patch set is the revision that was checked out."""
        event = {"event.change.id": "I7", "project": "ship", "got_revision": "b" * 40}
        self.assertEqual(placeOf(event, ""), Place("ship", "b" * 40))
        self.assertIsNone(placeOf({**event, "got_revision": {"lib": "b"}}, ""))

    def test_codebases(self) -> None:
        """Of several codebases, that of the project of the event was checked out, else the first one."""
        event = {"event.change.id": "I7", "got_revision": {"app": "a" * 40, "lib": "b" * 40}}
        built = [("ship", "a" * 40), ("lib", "b" * 40)]
        for project, found in (("lib", built[1]), ("ship", built[0])):
            self.assertEqual(placeOfSeveral({**event, "event.change.project": project}, built), Place(*found))
        self.assertEqual(placeOfSeveral(event, built), Place("ship", "a" * 40))
        alone = {"event.change.id": "I7", "got_revision": "b" * 40}
        self.assertEqual(placeOfSeveral(alone, [("ship", "a" * 40)]), Place("ship", "b" * 40))

    def test_forced(self) -> None:
        """The property of a forced build names change and patch set."""
        self.assertEqual(placeOf({"gerrit_change": " 12/3 "}, "ship"), Place("ship", "12,3"))

    def test_options(self) -> None:
        """Who forces a build with properties of an event cannot give Gerrit's command an option of it."""
        for number, revision in (
            ("--submit", None),
            ("12", "--submit"),
            ("12", "12,3 --submit"),
            ("١٢", None),
        ):
            event = {"event.change.number": number, "event.patchSet.number": 3}
            self.assertIsNone(placeOf({**event, "event.patchSet.revision": revision}, "ship"))

    def test_others(self) -> None:
        """Other builds are about no change on Gerrit."""
        for properties in ({}, {"got_revision": "b" * 40}, {"gerrit_change": "master"}):
            self.assertIsNone(placeOf(properties, "ship"))


class CommandTests(unittest.SynchronousTestCase):
    """The command of Gerrit."""

    def test_labels(self) -> None:
        """Since 2.6, votes are labels of any name; Gerrit splits the command into the right words."""
        for version in ((2, 6), (3, 9), None):
            words = shlex.split(" ".join(commandOf(MESSAGE, version)))
            self.assertEqual(words[:6], ["gerrit", "review", "--project", "acme/ship", "--notify", "OWNER"])
            self.assertEqual(words[6:8], ["--message", MESSAGE["message"]])
            self.assertEqual(words[8:], ["--label", "Verified=-1", "--label", "Code-Review=0", "12,3"])

    def test_old(self) -> None:
        """Before 2.6, each vote has an option of its own. What is not given is left out."""
        words = commandOf({**MESSAGE, "project": "", "notify": None, "message": "x"}, (2, 5))
        self.assertEqual(
            words, ["gerrit", "review", "--message", "x", "--verified=-1", "--code-review=0", "12,3"]
        )

    def test_version(self) -> None:
        """The version is read from the answer of the server."""
        for output, version in (
            (b"gerrit version 2.13.5-rc1\n", (2, 13)),
            (b"gerrit version 3.9.1", (3, 9)),
            (b"gerrit version dev\xff", None),
        ):
            self.assertEqual(versionOf(output), version)

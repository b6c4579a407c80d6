"""The content of a client's change."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.changes import changedict
from buildbot.changes.changedict import BadChange, changeFrom
from buildbot.model.change import LONGEST_COMMENTS


def said(**kw: Any) -> dict[str, Any]:
    """The smallest valid dictionary of a client, with more keys."""
    return {"who": "ann", "files": ["a.c"], "comments": "fix", **kw}


class ChangeDictTests(unittest.SynchronousTestCase):
    """The content of a change."""

    def bad(self, what: object, words: str) -> None:
        error = self.assertRaises(BadChange, changeFrom, what)
        self.assertIn(words, str(error))
        self.assertLess(len(str(error)), 200)

    def test_least(self) -> None:
        """Contrib scripts send three keys; the others have their defaults."""
        change = changeFrom(said())
        assert change is not None
        self.assertEqual((change.who, change.files, change.comments), ("ann", ["a.c"], "fix"))
        self.assertEqual((change.branch, change.revision, change.category, change.links), (None,) * 3 + ([],))

    def test_bytes(self) -> None:
        """Changes of Python 2 clients, in bytes and with files as a tuple, are the same; slaves get names
        that are not UTF-8 unchanged.
        """
        files = ("dir/ä.c".encode(), b"caf\xe9.c")
        told = {b"who": "änn".encode(), b"files": files, b"comments": b"caf\xe9", b"branch": b"caf\xe9"}
        change = changeFrom({**told, b"revision": b"r7"})
        assert change is not None
        self.assertEqual(change.files[0], "dir/ä.c")
        self.assertEqual([change.files[1], change.branch], ["caf\udce9.c", "caf\udce9"])
        self.assertEqual([change.who, change.comments, change.revision], ["änn", "caf\ufffd", "r7"])

    def test_places(self) -> None:
        """F2: a change has its repository, project and codebase; clients of 0.7.5 do not send them."""
        said = {"who": "me", "files": ["a"], "comments": ""}
        names = ("repository", "project", "codebase")
        for places, wanted in (
            ({}, ["", "", ""]),
            ({"repository": b"git://h/x", "project": "x", "codebase": None}, ["git://h/x", "x", ""]),
        ):
            change = changeFrom({**said, **places})
            assert change is not None
            self.assertEqual([getattr(change, name) for name in names], wanted)
        self.assertRaises(BadChange, changeFrom, {**said, "repository": 5})

    def test_later(self) -> None:
        """Keys of later clients are used; unknown keys are ignored."""
        change = changeFrom(
            said(
                **{"category": "web", "revlink": "http://x/7", "when": 1234, "isdir": 1, "revision": 7},
                properties={b"a": b"b", "n": [1, (2.5, None, True)], "d": {b"x": 1}},
                **{"repository": "git://x", "project": "p", "codebase": "", "src": b"git", "links": ["u"]},
            )
        )
        assert change is not None
        self.assertEqual((change.category, change.revlink, change.when), ("web", "http://x/7", 1234.0))
        self.assertEqual((change.revision, change.isdir, change.links), (7, 1, ["u"]))
        self.assertEqual(dict(change.properties), {"a": "b", "n": [1, [2.5, None, True]], "d": {"x": 1}})

    def test_nothing(self) -> None:
        """None and an empty text mean no branch, revision or category."""
        for nothing in (None, "", b""):
            keys = ("branch", "revision", "category", "revlink", "when")
            change = changeFrom(said(**{key: nothing for key in keys if key != "when" or nothing is None}))
            assert change is not None
            self.assertEqual((change.branch, change.revision, change.category), (None, None, None))

    def test_prefix(self) -> None:
        """With a prefix, only the files below it count, without the prefix; a change elsewhere is ignored."""
        files = [b"trunk/a.c", "trunk/b.c", "branches/c.c", "trunk"]
        change = changeFrom(said(files=files, links=["1", "2", "3", "4"]), "trunk/")
        assert change is not None
        self.assertEqual((change.files, change.links), (["a.c", "b.c"], []))
        self.assertIsNone(changeFrom(said(files=["branches/c.c"]), "trunk/"))
        self.assertIsNone(changeFrom(said(files=[]), "trunk/"))
        self.assertIsNotNone(changeFrom(said(files=[])))

    def test_wrong(self) -> None:
        """An invalid change is refused, with the reason for the client."""
        self.bad(None, "a change must be a dictionary, not NoneType")
        self.bad([("who", "ann")], "a change must be a dictionary, not list")
        self.bad({"who": "ann"}, "the change has no files and no comments")
        self.bad(said(who=None), "who must be text, not NoneType")
        self.bad(said(files="a.c"), "files must be a list, not str")
        self.bad(said(files=[["a.c"]]), "the name of a file must be text, not list")
        self.bad(said(files=["\ud800"]), "the name of a file is not valid text")
        self.bad(said(comments=7), "comments must be text, not int")
        self.bad(said(branch=["trunk"]), "branch must be text, not list")
        self.bad(said(revision=1.5), "revision must be text, not float")
        self.bad(said(revision=1 << 64), "revision must be text, not int")
        self.bad(said(links="u"), "links must be a list")
        self.bad(said(properties=["a"]), "properties must be a dictionary")
        self.bad(said(properties={"a": float("nan")}), "the value of a property cannot be a float")
        self.bad(said(properties={7: "a"}), "a property must be text, not int")
        for when in ("today", float("nan"), -1, 1e300):
            self.bad(said(when=when), "when must be a number of seconds")

    def test_size(self) -> None:
        """A change that is too large is refused; long comments are shortened."""
        long = "x" * (changedict.LONGEST_NAME + 1)
        for key in ("who", "branch", "revision", "category"):
            self.bad(said(**{key: long}), f"{key} has more than {changedict.LONGEST_NAME} characters")
        self.bad(said(files=[long]), "the name of a file has more than")
        self.bad(said(files=["x"] * (changedict.MOST_FILES + 1)), "files has more than 30000 entries")
        many = changedict.LARGEST_FILES // 4000 + 1
        self.bad(said(files=["x" * 4001] * many), "files has more than 2097152 characters")
        self.bad(said(properties={"a": "x" * changedict.LARGEST_PROPERTIES}), "properties has more than")
        change = changeFrom(said(comments="é" * 1_000_000))
        assert change is not None
        self.assertLess(len(change.comments), LONGEST_COMMENTS + 50)
        self.assertTrue(change.comments.endswith("too long)"))

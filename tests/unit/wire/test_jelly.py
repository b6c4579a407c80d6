"""The values that may cross the slave port: all that slaves need, and nothing else."""

from __future__ import annotations

import datetime
import decimal
import gc
import sys
import time
from collections.abc import Callable
from enum import IntEnum
from io import StringIO
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import jelly as twisteds
from twisted.spread import pb
from twisted.spread.flavors import NoSuchMethod
from twisted.trial import unittest

from buildbot.wire.banana import AFTER_LOGIN, SIZE_LIMIT, Decoder, Limits
from buildbot.wire.encoding import encode, encodeValue
from buildbot.wire.failure import RaisedRemotely
from buildbot.wire.jelly import OBJECTS_LIMIT, InsecureJelly, RemoteFailure, unjelly
from tests.examples import examples
from tests.garbage import setOthersAside
from tests.pumped import Pump

fuzz = settings(max_examples=examples(70), deadline=None, derandomize=True, database=None)

FAILURE = b"twisted.spread.pb.CopyableFailure"
COLLIDING = 2**61 - 1

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(min_value=-(2**70), max_value=2**70),
    st.floats(allow_nan=False),
    st.binary(max_size=8),
    st.text(max_size=8),
    st.sampled_from(["dictionary", b"unicode", b"reference", "", b""]),
)
keys = st.one_of(st.text(max_size=8), st.binary(max_size=8), st.none())


def values(keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # No empty tuple or frozenset: Python has only one of each, and Twisted sends the second as a reference.
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=5),
            st.lists(inner, min_size=1, max_size=5).map(tuple),
            st.dictionaries(keys, inner, max_size=5),
            st.sets(keys, max_size=5),
            st.sets(keys, min_size=1, max_size=5).map(frozenset),
        ),
        max_leaves=20,
    )


atoms = st.sampled_from(
    [
        *b"None boolean unicode list tuple dictionary set frozenset reference dereference".split(),
        *b"remote local true false module type parents value".split(),
        FAILURE,
    ]
)
anyExpressions = st.recursive(
    st.one_of(atoms, st.integers(-1, 5), st.binary(max_size=3), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.builds(lambda atom, rest: [atom, *rest], atoms, st.lists(inner, max_size=4)),
    ),
    max_leaves=25,
)


class Owner(pb.Referenceable):
    """An object of the master that the peer can call."""

    def remote_fail(self, error: Exception) -> None:
        raise error

    def remote_echo(self, value: Any) -> Any:
        return value

    def view_echo(self, perspective: object, value: Any) -> Any:
        return value


class Silent(pb.Broker):
    """One end of a connection without a transport."""

    serializingPerspective = None

    def __init__(self) -> None:
        super().__init__(isClient=False)
        self.sent: list[Any] = []

    def sendEncoded(self, obj: Any) -> None:
        self.sent.append(obj)


def overTheWire(expression: Any) -> Any:
    """C{expression} encoded and decoded."""
    limits = Limits(expressionBytes=1 << 30, depth=1000, items=SIZE_LIMIT)
    return next(iter(Decoder(limits, vocabulary=True).decode(encode(expression))))


def jelly(value: Any, broker: pb.Broker) -> Any:
    """The expression that is sent for C{value}."""
    return overTheWire(encodeValue(value, broker))


class JellyTests(unittest.TestCase):
    """Sending values."""

    def setUp(self) -> None:
        self.broker = Silent()

    def same(self, value: Any) -> None:
        """Check that C{value} is sent like by Twisted, each on a new connection."""
        ours = jelly(value, Silent())
        twistedBroker = Silent()
        self.assertEqual(
            overTheWire(ours), overTheWire(twisteds.jelly(value, twistedBroker.security, None, twistedBroker))
        )

    @fuzz
    @given(values(scalars))
    def test_sameAsTwisted(self, value: Any) -> None:
        """Values are sent exactly like Twisted's, so peers of every Twisted understand them."""
        self.same(value)

    def test_objects(self) -> None:
        """The master's objects are sent as Twisted's references."""
        owner = Owner()
        self.same([owner, {"a": owner, "b": Owner()}, pb.AsReferenceable(owner), pb.ViewPoint("p", owner)])

        class Seen(pb.Viewable):
            pass

        self.same([Seen(), Seen()])

    def test_ownWay(self) -> None:
        """An object with its own C{jellyFor} is sent by that."""

        class Named(Owner):
            def jellyFor(self, jellier: Any) -> Any:
                return [b"remote", jellier.invoker.registerReference(self) + 1000]

        self.same([Named(), Owner()])

    def test_errors(self) -> None:
        """Errors are sent like Twisted's."""
        self.same(pb.CopyableFailure(ValueError("no\nsuch \u2603 thing")))
        self.same([pb.failure2Copyable(Failure(NoSuchMethod("x")))])

    def test_counted(self) -> None:
        """An object sent twice is freed when the peer has released it twice."""
        owner = Owner()
        jelly([owner, owner], self.broker)
        [(luid, local)] = self.broker.localObjects.items()
        self.assertEqual(local.refcount, 2)
        self.broker.proto_decref(luid)
        self.assertIs(self.broker.localObjectForID(luid), owner)
        self.broker.proto_decref(luid)
        self.assertIsNone(self.broker.localObjectForID(luid))

    def test_goingHome(self) -> None:
        """A peer's reference is sent back to it as its own object, and to no other peer."""
        reference = unjelly([b"remote", 7], self.broker)
        self.assertEqual(jelly([reference], self.broker), [b"list", [b"local", 7]])
        self.assertRaises(InsecureJelly, jelly, [reference], Silent())

    def test_repeated(self) -> None:
        """A part that occurs twice is sent twice, so that peers need no numbers for parts."""
        part = ["x"]
        self.assertEqual(
            jelly((part, part), self.broker),
            [b"tuple", [b"list", [b"unicode", b"x"]], [b"list", [b"unicode", b"x"]]],
        )

    def test_nothingElse(self) -> None:
        """Other types are refused by the name of the type; nothing is sent in part (S4)."""

        class Name(str):
            pass

        class Rows(list[Any]):
            pass

        class Level(IntEnum):
            HIGH = 1

        class Plain:
            password = "secret"

        for value in (
            Name("secret"),
            Rows(["secret"]),
            Level.HIGH,
            Plain(),
            Plain,
            len,
            self.setUp,
            sys,
            object(),
            bytearray(b"secret"),
            datetime.datetime(2006, 12, 1),
            decimal.Decimal(1),
            1j,
            ValueError("secret"),
            range(3),
        ):
            for holder in (value, [value], (1, value), {"k": value}, {"k": [value]}):
                error = self.assertRaises(InsecureJelly, jelly, holder, self.broker)
                self.assertIn(type(value).__name__, str(error))
                self.assertNotIn("secret", str(error))
        self.assertRaises(InsecureJelly, jelly, {Name("k"): 1}, self.broker)

    def test_halfCharacters(self) -> None:
        """Text with lone surrogates is refused, as a value and as a key."""
        for value in ("\udcff", ["\udcff"], {"\udcff": 1}, {"k": "\ud800"}):
            self.assertRaises(InsecureJelly, jelly, value, self.broker)

    def test_endless(self) -> None:
        """A value that contains itself is refused."""
        row: list[Any] = []
        row.append(row)
        table: dict[str, Any] = {}
        table["k"] = (table,)

        class Copied(pb.Copyable):
            def __init__(self) -> None:
                self.me = self

        class Nested(pb.Jellyable):
            def jellyFor(self, jellier: Any) -> Any:
                return [b"list", jellier.jelly(self)]

        for value in (row, table, Copied(), Nested()):
            self.assertRaises(InsecureJelly, jelly, value, self.broker)


class UnjellyTests(unittest.TestCase):
    """Receiving values."""

    def setUp(self) -> None:
        self.broker = Silent()

    def refused(self, *expressions: Any) -> None:
        """Check that each expression is refused, alone and inside others."""
        for expression in expressions:
            for holder in (
                expression,
                [b"list", expression],
                [b"tuple", 1, expression],
                [b"dictionary", [b"k", expression]],
                [b"reference", 1, expression],
            ):
                self.assertRaises(InsecureJelly, unjelly, holder, self.broker)

    @fuzz
    @given(values(keys))
    def test_sameAsTwisted(self, value: Any) -> None:
        """Values sent with Twisted's jelly are received unchanged."""
        expression = overTheWire(twisteds.jelly(value))
        self.assertEqual(alike(unjelly(expression, self.broker)), alike(value))
        self.assertEqual(alike(twisteds.unjelly(expression)), alike(value))

    def test_brokenText(self) -> None:
        """Invalid UTF-8 in text of Python 2 is replaced; the message is accepted (A6)."""
        self.assertEqual(
            unjelly([b"unicode", b"a\xed\xa0\x80\xff"], self.broker), "a\ufffd\ufffd\ufffd\ufffd"
        )
        self.assertEqual(unjelly([b"list", [b"unicode", b"\xff"]], self.broker), ["\ufffd"])

    def test_nothingElse(self) -> None:
        """A peer cannot make the master import, find, call or create anything that slaves do not need (row
        5).
        """
        before = set(sys.modules)
        self.refused(
            [b"module", b"antigravity"],
            [b"class", b"antigravity.fly"],
            [b"function", b"antigravity.fly"],
            [b"method", b"fly", [b"None"], [b"class", b"antigravity.Fly"]],
            [b"instance", [b"class", b"antigravity.Fly"], [b"dictionary"]],
            [b"antigravity.Fly", [b"dictionary"]],
            [b"this.s", [b"dictionary"]],
            [b"os.system", [b"tuple", b"true"]],
            [b"buildbot.master.BuildMaster", [b"dictionary"]],
            [b"twisted.spread.pb.Broker", [b"dictionary"]],
            [b"twisted.spread.pb.CopiedFailure", [b"dictionary"]],
            [b"persistent", b"x"],
            [b"unpersistable", b"x"],
            [b"copy", b"x"],
            [b"cache", b"x", 1, [b"dictionary"]],
            [b"cached", 1],
            [b"lcache", 1],
            [b"datetime", b"2006 12 1 0 0 0 0"],
            [b"decimal", 1, 2],
            [b"_unjelly_None"],
            [b"__class__"],
        )
        self.assertEqual(set(sys.modules) - before, set())
        self.assertNotIn("antigravity", sys.modules)

    def test_malformed(self) -> None:
        """Malformed expressions raise InsecureJelly, not other errors."""
        self.refused(
            [],
            [1],
            [[b"list"]],
            [1.5, b"x"],
            [b"None", 1],
            [b"boolean"],
            [b"boolean", b"maybe"],
            [b"boolean", 1],
            [b"boolean", b"true", b"true"],
            [b"unicode"],
            [b"unicode", 1],
            [b"unicode", [b"list"]],
            [b"unicode", b"a", b"b"],
            [b"dictionary", b"ab"],
            [b"dictionary", 5],
            [b"dictionary", [b"k"]],
            [b"dictionary", [b"k", 1, 2]],
            [b"dictionary", [b"unicode", b"k"], []],
            [b"dictionary", [[b"unicode", 1], 1]],
            [b"reference"],
            [b"reference", 5],
            [b"reference", 5, b"x", b"y"],
            [b"reference", b"n", [b"list"]],
            [b"reference", -1, [b"list"]],
            [b"reference", 2**70, [b"list"]],
            [b"reference", 5.0, [b"list"]],
            [b"dereference"],
            [b"dereference", [b"list"]],
            [b"dereference", 9],
            [b"remote"],
            [b"remote", b"root"],
            [b"remote", -1],
            [b"remote", 2**53],
            [b"remote", [b"list"]],
            [b"remote", 1, 2],
            [b"local"],
            [b"local", [b"list"]],
            [b"local", 1.5],
            [b"local", 99],
            [FAILURE],
            [FAILURE, b"x"],
            [FAILURE, []],
            [FAILURE, [b"list"]],
            [FAILURE, [b"dictionary"], 1],
            [FAILURE, [b"reference", 7]],
        )

    @fuzz
    @given(anyExpressions)
    def test_anything(self, expression: Any) -> None:
        """Any expression yields a value or InsecureJelly."""
        try:
            unjelly(expression, self.broker)
        except InsecureJelly:
            pass

    def test_keys(self) -> None:
        """Keys with predictable hashes are refused before they can collide (row 4)."""
        self.refused(
            [b"dictionary", [1, 1]],
            [b"dictionary", [1.5, 1]],
            [b"dictionary", [[b"boolean", b"true"], 1]],
            [b"dictionary", [[b"tuple", b"k"], 1]],
            [b"dictionary", [[b"list"], 1]],
            [b"dictionary", [[b"remote", 1], 1]],
            [b"set", 1],
            [b"frozenset", [b"frozenset"]],
            [b"set", [b"list"]],
        )
        attack = [b"dictionary", *([k * COLLIDING, 1] for k in range(1, 200_000))]
        started = time.process_time()
        self.assertRaises(InsecureJelly, unjelly, attack, self.broker)
        self.assertLess(time.process_time() - started, 2)  # minutes, if they collided

    def test_deep(self) -> None:
        """Nesting beyond the limit is refused, for every container."""
        for wrap in (
            lambda inner: [b"list", inner],
            lambda inner: [b"tuple", inner],
            lambda inner: [b"set", inner],
            lambda inner: [b"dictionary", [b"k", inner]],
        ):
            inner: Any = [b"None"]
            for _ in range(101):
                inner = wrap(inner)
            self.assertRaises(InsecureJelly, unjelly, inner, self.broker)
        numbered: Any = [b"None"]
        for number in range(101):
            numbered = [b"reference", number, numbered]
        self.assertRaises(InsecureJelly, unjelly, numbered, self.broker)
        fine: Any = b"x"
        for _ in range(100):
            fine = [b"list", fine]
        self.assertIsInstance(unjelly(fine, self.broker), list)


def alike(value: Any) -> Any:
    """Convert C{value} so that equality includes the types."""
    if isinstance(value, (list, tuple)):
        return (type(value), [alike(each) for each in value])
    if isinstance(value, dict):
        return (dict, [(alike(k), alike(v)) for k, v in value.items()])
    return (type(value), value)


class RepeatedPartTests(unittest.TestCase):
    """Repeated parts in received values."""

    def setUp(self) -> None:
        self.broker = Silent()

    def test_shared(self) -> None:
        """A part that a peer sends as repeated is received as one object."""
        part, text = ["x"], {"k": b"v"}
        value = [part, part, (text, [text])]
        expression = overTheWire(twisteds.jelly(value))
        self.assertIn(b"dereference", repr(expression).encode())
        got = unjelly(expression, self.broker)
        self.assertEqual(got, value)
        self.assertIs(got[0], got[1])

    def test_endless(self) -> None:
        """A value that contains itself is refused (row 5)."""
        row: list[Any] = []
        row.append(row)
        table: dict[str, Any] = {}
        table["k"] = (table,)
        for value in (row, table):
            self.assertRaises(InsecureJelly, unjelly, overTheWire(twisteds.jelly(value)), self.broker)

    def test_numbers(self) -> None:
        """Numbers of parts that are duplicate or undefined are refused (row 5)."""
        for expression in (
            [b"list", [b"reference", 1, [b"list"]], [b"reference", 1, [b"list"]]],
            [b"list", [b"dereference", 1], [b"reference", 1, [b"list"]]],
            [b"list", [b"reference", 1, [b"tuple", [b"reference", 1, [b"list"]]]]],
        ):
            self.assertRaises(InsecureJelly, unjelly, expression, self.broker)

    def test_multiplied(self) -> None:
        """A few bytes cannot become a value of gigabytes, in items or in text."""
        doubling = [[b"reference", 0, [b"list", 1, 2]]]
        for number in range(1, 60):
            doubling.append(
                [b"reference", number, [b"list", [b"dereference", number - 1], [b"dereference", number - 1]]]
            )
        for part in (
            None,
            [b"list", b"x" * 300_000],
            [b"list", [b"unicode", b"x" * 300_000]],
            [b"set", b"x" * 300_000],
            [b"dictionary", [b"x" * 300_000, 1]],
            [b"dictionary", [b"k", b"x" * 300_000]],
            [b"list", *range(300_000)],
        ):
            parts = [[b"reference", 0, part], *([b"dereference", 0] for _ in range(10))] if part else doubling
            started = time.process_time()
            self.assertRaises(InsecureJelly, unjelly, [b"list", *parts], self.broker)
            self.assertLess(time.process_time() - started, 2)

    def test_many(self) -> None:
        """H3: a value of 400 bytes with many nested repetitions is refused."""
        parts: list[Any] = [[b"reference", 1, [b"list", *([b"list"] for _ in range(10))]]]
        for number in range(2, 6):
            parts.append(
                [b"reference", number, [b"list", *([b"dereference", number - 1] for _ in range(10))]]
            )
        refused = self.assertRaises(InsecureJelly, unjelly, [b"list", *parts], self.broker)
        self.assertIn("too many repeated parts", str(refused))
        self.assertEqual(len(unjelly([b"list", *parts[:3]], self.broker)), 3)

    def test_wideText(self) -> None:
        """H3: text is counted by its memory: one wide character makes all characters need four bytes."""
        wide = [b"unicode", b"x" * 600_000 + "\U0001f600".encode()]
        self.assertEqual(len(unjelly([b"list", *[wide] * 10], self.broker)), 10)
        self.assertRaises(InsecureJelly, unjelly, [b"list", *[wide] * 11], self.broker)

    def test_ownObjects(self) -> None:
        """H3: a value with thousands of references to the peer's objects is refused."""
        self.assertEqual(
            len(unjelly([b"list", *[[b"remote", 1]] * OBJECTS_LIMIT], self.broker)), OBJECTS_LIMIT
        )
        self.assertRaises(
            InsecureJelly, unjelly, [b"list", *[[b"remote", 1]] * (OBJECTS_LIMIT + 1)], self.broker
        )

    def test_stacked(self) -> None:
        """Repetition cannot exceed the limit of nesting."""
        parts = []
        for number in range(50):
            part: Any = [b"dereference", number - 1] if number else b"x"
            for _ in range(10):
                part = [b"list", part]
            parts.append([b"reference", number, part])
        self.assertRaises(InsecureJelly, unjelly, [b"list", *parts], self.broker)
        self.assertEqual(len(unjelly([b"list", *parts[:9]], self.broker)), 9)


class ReferenceTests(unittest.TestCase):
    """Objects of the peer and of the master."""

    def setUp(self) -> None:
        self.broker = Silent()

    def test_remote(self) -> None:
        """A peer's object is received as a reference on this connection, with the broker's perspective."""
        self.broker.unserializingPerspective = perspective = object()
        reference = unjelly([b"list", [b"remote", 12]], self.broker)[0]
        self.assertIs(type(reference), pb.RemoteReference)
        self.assertIs(reference.broker, self.broker)
        self.assertIs(reference.perspective, perspective)
        self.assertEqual(reference.luid, 12)

    def test_givenBack(self) -> None:
        """The peer is told when the master does not need a reference any more."""
        setOthersAside(self)
        reference = unjelly([b"remote", 12], self.broker)
        self.assertEqual(self.broker.sent, [])
        del reference
        gc.collect()
        self.assertEqual(self.broker.sent, [(b"decref", 12)])

    def test_ours(self) -> None:
        """The master's object is received as itself; one that was never sent is refused."""
        owner = Owner()
        _, luid = jelly(owner, self.broker)
        self.broker.setNameForLocal("root", owner)
        self.assertIs(unjelly([b"local", luid], self.broker), owner)
        self.assertIs(unjelly([b"local", b"root"], self.broker), owner)
        self.assertRaises(InsecureJelly, unjelly, [b"local", luid + 1], self.broker)
        self.assertRaises(InsecureJelly, unjelly, [b"local", b"other"], self.broker)


class RemoteFailureTests(unittest.TestCase):
    """Errors from peers of all generations."""

    def received(self, state: Any) -> RemoteFailure:
        """The error with the s-expression C{state}."""
        failure = unjelly(overTheWire([FAILURE, state]), Silent())
        assert isinstance(failure, RemoteFailure)
        return failure

    OLD = [
        b"dictionary",
        [b"type", b"exceptions.AttributeError"],
        [b"value", b"no \xff thing"],
        [b"traceback", b"Traceback (most recent call last):\n  ...\n"],
    ]

    def test_old(self) -> None:
        """An error of Python 2 with only type, value and traceback is complete (A5)."""
        failure = self.received(self.OLD)
        self.assertEqual(failure.type, "builtins.AttributeError")
        self.assertEqual(failure.getErrorMessage(), "no \ufffd thing")
        self.assertEqual(failure.traceback, "Traceback (most recent call last):\n  ...\n")
        self.assertEqual(failure.parents, ["builtins.AttributeError"])
        self.assertIs(failure.check(ValueError, AttributeError), AttributeError)
        self.assertTrue(failure.fromPython2)

    def test_parents(self) -> None:
        """Classes of Python 2 get their present names (A10)."""
        failure = self.received(
            [
                b"dictionary",
                [b"type", b"exceptions.IOError"],
                [
                    b"parents",
                    [b"list", b"exceptions.IOError", b"exceptions.EnvironmentError", [b"unicode", b"x.Y"], 7],
                ],
            ]
        )
        self.assertEqual(failure.parents, ["builtins.OSError", "x.Y"])
        self.assertIs(failure.check(IOError), OSError)

    def test_today(self) -> None:
        """An error of a peer on Python 3 has all its attributes."""
        sent = pb.CopyableFailure(NoSuchMethod("No such method: remote_x"))
        failure = unjelly(overTheWire(jelly(sent, Silent())), Silent())
        self.assertEqual(failure.type, "twisted.spread.flavors.NoSuchMethod")
        self.assertIs(failure.check(AttributeError), AttributeError)
        self.assertEqual(failure.getErrorMessage(), "No such method: remote_x")
        self.assertFalse(failure.fromPython2)

    def test_oddAttributes(self) -> None:
        """Unknown attributes of an error are dropped; the error and the connection stay (row 5)."""
        failure = self.received(
            [
                *self.OLD,
                [b"postUnjelly", [b"class", b"os.system"]],
                [b"check", [b"function", b"os.system"]],
                [b"__class__", b"x"],
                [b"stack", [b"unpersistable", b"reason"]],
                [[b"None"], 1],
                [[b"tuple"], 1],
                [b"frames"],
                b"tb",
            ]
        )
        self.assertEqual(failure.getErrorMessage(), "no \ufffd thing")
        self.assertIs(type(failure), RemoteFailure)
        self.assertIs(failure.check(AttributeError), AttributeError)
        self.assertFalse(hasattr(failure, "postUnjelly"))

    def test_chained(self) -> None:
        """An error about another error has the other's message; both may have numbers."""
        state = [b"dictionary", [b"type", b"a.B"], [b"value", [FAILURE, self.OLD]]]
        failure = unjelly([b"reference", 1, [FAILURE, [b"reference", 2, state]]], Silent())
        self.assertEqual(failure.getErrorMessage(), "no \ufffd thing")

    @fuzz
    @given(
        st.one_of(
            st.dictionaries(
                st.sampled_from(
                    ["type", b"type", b"value", "value", "traceback", b"parents", b"\xff", None, 5]
                ),
                values(keys),
            ),
            values(keys),
        )
    )
    def test_total(self, state: Any) -> None:
        """Any error state can be shown, compared and raised (row 16)."""
        failure = RemoteFailure.__new__(RemoteFailure)
        failure.setCopyableState(state)
        for said in (failure.type, failure.traceback, failure.getErrorMessage(), repr(failure), str(failure)):
            self.assertIsInstance(said, str)
        self.assertIsNone(failure.check(ZeroDivisionError))
        parents = failure.parents
        failure.cleanFailure()
        self.assertEqual(failure.parents, parents)
        self.assertIsNone(failure.getTracebackObject())
        self.assertRaises(pb.RemoteError, failure.raiseException)
        self.assertRaises(pb.RemoteError, failure.trap, ZeroDivisionError)

    def test_nothingKnown(self) -> None:
        """An error without attributes is shown as unknown."""
        failure = self.received([b"dictionary"])
        self.assertEqual(failure.type, "unknown")
        self.assertEqual(failure.getErrorMessage(), "")
        self.assertEqual(failure.traceback, "Traceback unavailable\n")

    def test_capped(self) -> None:
        """The attributes of an error are shortened to their limits."""
        long = b"x" * 600_000
        failure = self.received(
            [
                b"dictionary",
                [b"type", long],
                [b"value", long],
                [b"traceback", long],
                [b"parents", [b"list", *(b"%d" % n for n in range(1000)), long]],
            ]
        )
        self.assertEqual(len(failure.type), 256)
        self.assertEqual(len(failure.getErrorMessage()), 4096)
        self.assertEqual(len(failure.traceback), 65536)
        self.assertEqual(len(failure.parents), 65)
        self.assertLess(len(repr(failure)), 600)

    def test_logged(self) -> None:
        """A peer's error takes one log line, which the peer cannot split or colour (A7)."""
        failure = self.received([b"dictionary", [b"type", b"a.B\n\x1b[31m"], [b"value", b"one\ntwo\x1b[31m"]])
        for write in (failure.printTraceback, failure.printBriefTraceback, failure.printDetailedTraceback):
            written = StringIO()
            write(written)
            self.assertEqual(
                written.getvalue(), "Traceback from remote host -- a.B \\x1b[31m: one\\ntwo\\x1b[31m\n"
            )
        self.assertNotIn("\n", repr(failure))
        self.assertNotIn("\x1b", str(failure.value) + failure.traceback + repr(failure))
        Logger().failure("a step failed", failure)
        [logged] = self.flushLoggedErrors("a.B \\x1b[31m")
        self.assertIs(logged, failure)

    def test_awaited(self) -> None:
        """Awaiting an answer raises the peer's error, before or after it arrives."""

        async def ask(answer: Deferred[None]) -> str:
            try:
                await answer
            except RaisedRemotely as error:
                return f"{error.remoteType}: {error}"
            return "nothing"

        async def pass_(answer: Deferred[None]) -> None:
            await answer

        for make in (lambda: self.received(self.OLD), lambda: self.received([b"dictionary"])):
            failure = make()
            expected = f"{failure.type}: {failure.value}"
            self.assertEqual(self.successResultOf(Deferred.fromCoroutine(ask(fail(failure)))), expected)
            later: Deferred[None] = Deferred()
            asked = Deferred.fromCoroutine(ask(later))
            later.errback(failure)
            self.assertEqual(self.successResultOf(asked), expected)
            passed = self.failureResultOf(Deferred.fromCoroutine(pass_(fail(failure))), pb.RemoteError)
            self.assertIn("RaisedRemotely", repr(passed))
            self.assertIn(str(failure.value), passed.getTraceback())


class OldPeer(Protocol):
    """A slave of 2006: it answers each call as configured."""

    def __init__(self, answers: Callable[[int, bytes], Any]) -> None:
        self.answers = answers
        self.decoder = Decoder(AFTER_LOGIN, vocabulary=True)

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        for expression in self.decoder.decode(data):
            if expression == [b"pb", b"none"]:
                self.transport.write(encode(b"pb", vocabulary=False) + encode([b"version", 6]))
            elif expression[0] == b"message":
                self.transport.write(encode(self.answers(expression[1], expression[3])))


class TwistedsBrokerTests(unittest.TestCase):
    """Twisted's own broker, used by our clients, with our error class registered."""

    def test_oldError(self) -> None:
        """An old peer's error reaches the caller, and the next call works (A5)."""

        def answer(requestID: int, method: bytes) -> Any:
            if method == b"fail":
                return [b"error", requestID, [FAILURE, RemoteFailureTests.OLD]]
            return [b"answer", requestID, b"fine"]

        broker = pb.PBServerFactory(pb.Root()).buildProtocol(None)
        pump = Pump(broker, OldPeer(answer), Clock())
        pump.pump()
        reference = broker.remoteForName("root")
        failed = reference.callRemote("fail")
        worked = reference.callRemote("work")
        pump.pump()
        failure = self.failureResultOf(failed)
        self.assertIsInstance(failure, RemoteFailure)
        self.assertIs(failure.check(AttributeError), AttributeError)
        self.assertEqual(self.successResultOf(worked), b"fine")
        self.assertFalse(pump.server.lost)

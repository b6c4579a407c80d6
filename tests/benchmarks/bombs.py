# -*- test-case-name: tests.integration.test_hostile -*-
"""Hostile data as plain bytes: bombs, forgeries, garbage, and random structure.

This module opens no connection; L{tests.hostile} sends the data.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from hypothesis import strategies

from tests.benchmarks import rawpb
from tests.benchmarks.rawpb import CHOICE, LIST, LONGINT, STRING, VERSION, Expression, encode, prefix

#: PB's own limit for one string or list.
SIZE_LIMIT = 640 * 1024
#: Multiples of this have the same hash as an int: CPython's modulus for hashing numbers.
HASH_MODULUS = (1 << 61) - 1
#: A module that must never be imported; see L{tests.hostile.tripwire}.
TRIPWIRE = "hostile_tripwire"

READY = CHOICE + VERSION
"""What brings a connection to the point where messages are understood."""


def _open(kind: int, number: int) -> bytes:
    return prefix(number) + bytes((kind,))


def colliding(keys: int) -> Expression:
    """A dict of C{keys} different ints with the same hash: it takes quadratic time to fill."""
    return rawpb.dictionary(*((HASH_MODULUS * number, 0) for number in range(1, keys + 1)))


def nested(depth: int) -> bytes:
    """A jellied list, nested C{depth} times. It is encoded here, because the encoder is recursive."""
    return (_open(LIST, 2) + encode(b"list")) * depth + encode([b"list"])


def _deep(depth: int) -> bytes:
    return _open(LIST, 1) * depth


def login(name: Expression, request: int = 1, *more: Expression) -> bytes:
    """The call of login with any C{name}."""
    return rawpb.message(request, b"root", b"login", name, *more)


#: Values that need a class, a module or an object; slaves never send any of them.
FORBIDDEN: dict[str, Expression] = {
    "module": [b"module", TRIPWIRE.encode()],
    "class": [b"class", TRIPWIRE.encode() + b".Thing"],
    "class of os": [b"class", b"os.system"],
    "function": [b"function", b"os.system"],
    "method": [b"method", b"system", rawpb.NONE, [b"class", TRIPWIRE.encode() + b".Thing"]],
    "instance": [b"instance", [b"class", TRIPWIRE.encode() + b".Thing"], rawpb.dictionary((b"a", 1))],
    "dotted name": [TRIPWIRE.encode() + b".Thing", rawpb.dictionary((b"a", 1))],
    "dotted name of os": [b"os.system", b"id"],
    "cache": [b"cache", 1, TRIPWIRE.encode() + b".Thing", rawpb.dictionary()],
    "copy": [b"copy", TRIPWIRE.encode() + b".Thing", rawpb.dictionary()],
    "cycle": [b"reference", 1, [b"list", [b"dereference", 1]]],
    "dangling reference": [b"dereference", 77],
    "persistent": [b"persistent", b"x"],
    "unpersistable": [b"unpersistable", b"x"],
    "failure": rawpb.copyable(rawpb.dictionary((b"postUnjelly", 1), (b"__class__", 1), (b"parents", 7))),
    "someone's object": [b"local", 4242],
    "cached": [b"cached", 4242],
    "lcache": [b"lcache", 4242],
    "date": [b"datetime", b"9 9 9 9 9 9 9 9 9"],
    "decimal": [b"decimal", 10, -1_000_000_000],
    "unhashable key": rawpb.dictionary(([b"list"], 1)),
    "unhashable member": [b"set", [b"list"]],
    "empty tag": [b""],
    "no tag": [],
}


def beforeLogin() -> Iterator[tuple[str, bytes]]:
    """Named bombs for a fresh connection, each at most 2 MB."""
    empty = _open(LIST, 0)
    yield "nested lists before the dialect", _deep(1_000_000)
    yield "nested lists", READY + _deep(1_000_000)
    yield "list of empty lists", READY + _open(LIST, SIZE_LIMIT) + empty * (SIZE_LIMIT - 1)
    yield "list of small ints", READY + _open(LIST, SIZE_LIMIT) + b"\x01\x81" * (SIZE_LIMIT - 1)
    yield "list of 600 KB strings", READY + _open(LIST, 9) + (_open(STRING, 600_000) + bytes(600_000)) * 3
    yield "one long string", READY + _open(STRING, SIZE_LIMIT) + bytes(SIZE_LIMIT - 1)
    yield "string beyond PB's limit", READY + _open(STRING, 1 << 40) + bytes(100_000)
    yield "list beyond PB's limit", READY + _open(LIST, 1 << 40) + empty * 100_000
    yield "endless prefix", READY + b"\x01" * 1_000_000
    yield "ints of 448 bits", READY + _open(LIST, 4000) + (b"\x7f" * 64 + bytes((LONGINT,))) * 3999
    yield "unknown word numbers", READY + b"\x02\x80\x7f\x87\x7f\x7f\x87"
    yield "unknown type byte", READY + b"\x01\xff" * 1000
    yield "a word before the dialect", b"\x14\x87" * 100
    yield "unknown dialect", encode(b"none") + encode([b"version", 6])
    yield "dialect in a list", encode([[b"pb"], b"pb"])
    yield "other version", CHOICE + encode([b"version", 7]) + login(b"x")
    yield "version without a number", CHOICE + encode([b"version"]) + login(b"x")
    yield "a number for a message", READY + encode(5) + encode(2.5)
    yield "an empty message", READY + encode([]) + encode([[]])
    yield "unknown kinds of message", READY + b"".join(encode([b"x%d" % n, n]) for n in range(1000))
    yield (
        "cache messages",
        READY + encode([b"cachemessage", 1, 1, b"x", 1, [b"tuple"], [b"dictionary"]]) * 100,
    )
    yield "login without arguments", READY + rawpb.message(1, b"root", b"login")
    yield "login with a dict of colliding keys", READY + login(colliding(12_000))
    yield "login with a few colliding keys", READY + login(colliding(180))
    yield "login with nesting 500", READY + callWith(1, b"root", b"login", nested(500))
    yield "login with a surplus of 3 KB", READY + login(b"bot00000", 1, b"surplus" * 430)
    yield "login as a name of 3 KB", READY + login(b"\x1b[31m\nname" * 300)
    yield "a thousand logins", READY + b"".join(login(b"bot00000", n) for n in range(1, 1001))
    yield (
        "a thousand unknown methods",
        READY + b"".join(rawpb.message(n, b"root", b"nothing%d" % n) for n in range(1, 1001)),
    )
    yield "unknown objects", READY + b"".join(rawpb.message(n, n + 50, b"respond") for n in range(1, 1001))
    yield "answers to nothing", READY + b"".join(rawpb.answer(n, rawpb.NONE) for n in range(1000))
    yield "errors to nothing", READY + b"".join(rawpb.error(n, rawpb.NONE) for n in range(1000))
    yield "decref of everything", READY + b"".join(encode([b"decref", n]) for n in range(1000))
    yield "decref of the root", READY + encode([b"decref", b"root"]) * 5
    yield (
        "method names that are none",
        READY
        + b"".join(
            rawpb.message(n, b"root", name)
            for n, name in enumerate((b"", b"\xff\xfe", b"__class__", b"a" * 3000))
        ),
    )
    yield "a target that is a list", READY + rawpb.message(1, [b"root"], b"login", b"x")
    yield (
        "a request that is a string",
        READY + encode([b"message", b"one", b"root", b"login", 1, [b"tuple", b"x"], [b"dictionary"]]),
    )
    yield (
        "keywords that are no dict",
        READY + encode([b"message", 1, b"root", b"login", 1, [b"tuple", b"x"], 5]),
    )
    yield "an HTTP request", b"GET / HTTP/1.1\r\nHost: master\r\nUser-Agent: a browser\r\n\r\n" * 3
    yield "a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2
    yield "an SSH client", b"SSH-2.0-OpenSSH_9.2\r\n" + bytes(range(128, 256))
    for name, value in FORBIDDEN.items():
        yield f"login as {name}", READY + login(value)


def arguments() -> Iterator[tuple[str, bytes]]:
    """Values that are too large for one message after login, each as the encoded argument of a call."""
    text = _open(STRING, 600_000) + bytes(600_000)
    yield "string beyond PB's limit", _open(STRING, SIZE_LIMIT + 1) + bytes(SIZE_LIMIT + 1)
    yield "expression of 18 MB", _open(LIST, 31) + encode(b"list") + text * 30
    yield "nesting 100", nested(100)
    yield "nesting 100,000", _deep(100_000) + encode(1)
    yield "300,000 items", _open(LIST, 300_001) + encode(b"list") + b"\x01\x81" * 300_000
    yield "a dict of colliding keys", encode(colliding(48_000))
    yield "a set of colliding members", encode([b"set", *(HASH_MODULUS * n for n in range(1, 48_001))])
    for name, value in FORBIDDEN.items():
        yield name, encode(value)


def callWith(request: int, target: Expression, method: bytes, encodedArgument: bytes) -> bytes:
    """A call with one argument that is already encoded. It may be one that L{rawpb.encode} cannot encode."""
    head = b"".join(encode(part) for part in (b"message", request, target, method, 1))
    return (
        _open(LIST, 7) + head + _open(LIST, 2) + encode(b"tuple") + encodedArgument + encode([b"dictionary"])
    )


def answerWith(request: int, encodedValue: bytes) -> bytes:
    """An answer with a value that is already encoded."""
    return _open(LIST, 3) + encode(b"answer") + encode(request) + encodedValue


# random structure

_WORDS = (
    b"root pb login respond keepalive message answer error decref version None tuple list dictionary unicode "
    b"boolean remote local reference dereference set instance class module copy cache os.system"
).split()
_NUMBERS = (0, 1, 2, 3, 6, -1, 2**31, -(2**31) - 1, 2**400, 0.0, float("nan"), float("inf"))
_ATOMS: tuple[Expression, ...] = (*_WORDS, *_NUMBERS, b"", b"\xff\xfe", b"x" * 300)


def randomExpression(chance: random.Random, depth: int = 6) -> Expression:
    """Valid banana of any structure, mostly similar to PB's."""
    if depth == 0 or chance.random() < 0.35:
        return chance.choice(_ATOMS)
    if chance.random() < 0.3:
        kind = chance.choice(
            (b"message", b"answer", b"error", b"decref", b"version", b"tuple", b"dictionary")
        )
        return [kind, *(randomExpression(chance, depth - 1) for _ in range(chance.randrange(7)))]
    return [randomExpression(chance, depth - 1) for _ in range(chance.randrange(6))]


def randomBytes(chance: random.Random) -> bytes:
    """Random bytes: noise, or banana with changes or cuts."""
    if chance.random() < 0.4:
        return chance.randbytes(chance.randrange(1, 600))
    data = bytearray(READY + login(b"bot00000") + encode(randomExpression(chance)))
    for _ in range(chance.randrange(1, 6)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.randrange(1, len(data) + 1)])


def expressions() -> strategies.SearchStrategy[Expression]:
    """A strategy of Hypothesis for the same expressions, with shrinking."""
    atoms: strategies.SearchStrategy[Expression] = strategies.one_of(
        strategies.sampled_from(_ATOMS),
        strategies.integers(-(2**447), 2**447),
        strategies.binary(max_size=40),
    )
    return strategies.recursive(atoms, lambda inner: strategies.lists(inner, max_size=7), max_leaves=30)


def messages() -> strategies.SearchStrategy[Expression]:
    """Lists that begin like a PB message and continue at random."""
    kinds = strategies.sampled_from(
        (b"message", b"answer", b"error", b"decref", b"version", b"didNotUnderstand")
    )
    loose = strategies.builds(
        lambda kind, rest: [kind, *rest], kinds, strategies.lists(expressions(), max_size=7)
    )
    call = strategies.tuples(
        strategies.just(b"message"),
        strategies.integers(0, 9),
        strategies.sampled_from((b"root", 1, 2, 3, b"1")),
        strategies.sampled_from((b"login", b"respond", b"keepalive", b"__init__", b"loginAnonymous")),
        strategies.integers(0, 1),
        strategies.lists(expressions(), max_size=3).map(lambda values: [b"tuple", *values]),
        expressions() | strategies.just([b"dictionary"]),
    )
    return loose | call.map(list)


def conversations() -> strategies.SearchStrategy[list[Expression]]:
    """Sequences of such messages."""
    return strategies.lists(messages() | expressions(), min_size=1, max_size=4)

# -*- test-case-name: tests.integration.test_hostile -*-
"""Forbidden answers and calls of a slave that knows its password.

This module makes such slaves. L{tests.benchmarks.hostile} measures their effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.benchmarks import bombs, rawpb
from tests.benchmarks.servers import PASSWORD
from tests.hostile import Slave


def forgeries() -> Iterator[tuple[str, Callable[[str], Slave]]]:
    """
    All forged messages of a logged-in slave: a description, and a function from the slave's name to the
    slave.
    """
    for what, encoded in bombs.arguments():
        for method in (b"print", b"getWorkerInfo", b"getCommands", b"getVersion", b"setBuilderList"):
            yield f"{what}, as the answer to {method.decode()}", _answering(method, encoded)
        yield f"{what}, in a call", calling(encoded)
    for what, value in _wrongAnswers():
        for method in (
            b"print",
            b"getWorkerInfo",
            b"getCommands",
            b"getVersion",
            b"setBuilderList",
            b"setMaster",
        ):
            yield f"{what}, as the answer to {method.decode()}", _answering(method, rawpb.encode(value))
    yield "a forged failure", _erring(rawpb.copyable(_FORGED))
    yield "a failure that is text", _erring(rawpb.text("it went wrong"))
    yield "the same answer twice", lambda name: Slave(name, PASSWORD, answers={b"print": _twice})
    yield (
        "an answer to another call",
        lambda name: Slave(
            name, PASSWORD, answers={b"print": lambda number: rawpb.answer(number + 1000, rawpb.NONE)}
        ),
    )
    yield "unknown methods", lambda name: Slave(name, PASSWORD, then=_unknownMethods)
    yield "decref of everything", lambda name: Slave(name, PASSWORD, then=_decrefs)
    yield "five thousand references", lambda name: Slave(name, PASSWORD, then=_references)


#: A failure that pretends to be a lost connection, with attributes that are code elsewhere.
_FORGED = rawpb.dictionary(
    (b"type", b"twisted.spread.pb.PBConnectionLost"),
    (b"value", [b"list", b"no text"]),
    (b"parents", [b"list", b"twisted.spread.pb.PBConnectionLost", 7]),
    (b"traceback", b"x" * 100_000),
    (b"getErrorMessage", 1),
    (b"check", 1),
    (b"__class__", b"os.system"),
    (b"frames", 5),
    (b"\xff", b"\xff"),
)


def _wrongAnswers() -> Iterator[tuple[str, rawpb.Expression]]:
    yield "a list", [b"list", 1, 2]
    yield "an int", 5
    yield "bytes", b"\xff\xfe" * 1000
    yield "a huge text", rawpb.text("x" * 600_000)
    yield "a dict of ints", rawpb.dictionary((1, 2), (3, 4))
    yield "a dict of lists", rawpb.dictionary((b"admin", [b"list"]), (b"shell", [b"list"]))
    yield "ghost builders", rawpb.dictionary(*((b"ghost %d" % n, rawpb.remote(n + 9)) for n in range(3000)))
    yield "one reference for all", rawpb.dictionary((b"a", rawpb.remote(1)), (b"b", rawpb.remote(1)))


def _answering(method: bytes, encoded: bytes) -> Callable[[str], Slave]:
    return lambda name: Slave(
        name, PASSWORD, answers={method: lambda number: bombs.answerWith(number, encoded)}
    )


def calling(encoded: bytes) -> Callable[[str], Slave]:
    """Return a function from a name to a slave that makes the call with that argument."""
    return lambda name: Slave(
        name, PASSWORD, then=lambda avatar, _: bombs.callWith(3, avatar, b"keepalive", encoded)
    )


def _erring(failure: rawpb.Expression) -> Callable[[str], Slave]:
    return lambda name: Slave(
        name, PASSWORD, answers={b"getCommands": lambda number: rawpb.error(number, failure)}
    )


def _twice(number: int) -> bytes:
    return rawpb.answer(number, rawpb.NONE) * 2


def _unknownMethods(avatar: int, last: int) -> bytes:
    names = (b"nothing", b"__init__", b"\xff\xfe", b"", b"attached", b"detached", b"x" * 5000)
    return b"".join(rawpb.message(3 + n, avatar, name) for n, name in enumerate(names * 20))


def _decrefs(avatar: int, last: int) -> bytes:
    return b"".join(rawpb.encode([b"decref", n]) for n in [avatar] * 3 + list(range(-2, 50)))


def _references(avatar: int, last: int) -> bytes:
    return b"".join(
        rawpb.message(
            3 + n, avatar, b"keepalive", [b"list", *(rawpb.remote(100 * n + m) for m in range(100))]
        )
        for n in range(50)
    )

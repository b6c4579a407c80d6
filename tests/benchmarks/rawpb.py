# -*- test-case-name: tests.integration.test_hostile -*-
"""Perspective Broker as plain bytes, for clients that are cheaper than Twisted's, or break the rules.

It does not use sockets, know the order of a conversation, or keep references. It shares no code with the
codecs of the product and of Twisted, so a bug in one of them cannot hide itself.
"""

from __future__ import annotations

import struct
from hashlib import md5
from typing import TypeAlias

Expression: TypeAlias = "bytes | int | float | list[Expression]"

LIST, INT, STRING, NEG, FLOAT, LONGINT, LONGNEG, VOCAB = range(0x80, 0x88)

#: The words with a number in the "pb" dialect, from number 1 on.
WORDS = (
    b"None class dereference reference dictionary function instance list module persistent tuple "
    b"unpersistable copy cache cached remote local lcache version login password challenge logged_in "
    b"not_logged_in cachemessage message answer error decref decache uncache"
).split()

GREETING = b"\x02\x80\x02\x82pb\x04\x82none"
"""What a server says first: the dialects it offers."""


class Malformed(Exception):
    """The peer sent invalid banana; only clients of genuine servers raise this."""


def prefix(number: int) -> bytes:
    """C{number} (not negative) in base 128, lowest digit first, as it stands before a type byte."""
    digits = bytearray((number & 0x7F,))
    number >>= 7
    while number:
        digits.append(number & 0x7F)
        number >>= 7
    return bytes(digits)


_encodedWord = {word: prefix(number) + b"\x87" for number, word in enumerate(WORDS, 1)}


def encode(value: Expression) -> bytes:
    """The banana of C{value}, in the "pb" dialect."""
    if isinstance(value, bytes):
        return _encodedWord.get(value) or prefix(len(value)) + b"\x82" + value
    if isinstance(value, int):
        small = abs(value) < 1 << 31
        if value < 0:
            return prefix(-value) + (b"\x83" if small else b"\x86")
        return prefix(value) + (b"\x81" if small else b"\x85")
    if isinstance(value, float):
        return b"\x84" + struct.pack("!d", value)
    return prefix(len(value)) + b"\x80" + b"".join(map(encode, value))


def decodeAt(data: bytes, at: int) -> tuple[Expression, int] | None:
    """
    The expression that begins at C{at}, and the position after its end. None if C{data} is incomplete. Raises
    L{Malformed}.
    """
    open_: list[tuple[int, list[Expression]]] = []
    size = len(data)
    while at < size:
        number = shift = 0
        kind = data[at]
        while kind < 0x80:
            number |= kind << shift
            shift += 7
            at += 1
            if at == size:
                return None
            kind = data[at]
        at += 1
        item: Expression
        if kind == STRING:
            if size - at < number:
                return None
            item = data[at : at + number]
            at += number
        elif kind == VOCAB:
            item = WORDS[number - 1]
        elif kind == INT or kind == LONGINT:
            item = number
        elif kind == LIST:
            if number:
                open_.append((number, []))
                continue
            item = []
        elif kind == NEG or kind == LONGNEG:
            item = -number
        elif kind == FLOAT:
            if size - at < 8:
                return None
            item = struct.unpack_from("!d", data, at)[0]
            at += 8
        else:
            raise Malformed(f"type byte {kind:#x}")
        while open_:
            wanted, items = open_[-1]
            items.append(item)
            if len(items) < wanted:
                break
            item = items
            open_.pop()
        else:
            return item, at
    return None


# jelly: values inside a message

NONE: Expression = [b"None"]


def text(value: str) -> Expression:
    """A str as a Python 3 peer sends it (and a unicode as a Python 2 peer does)."""
    return [b"unicode", value.encode()]


def dictionary(*pairs: tuple[Expression, Expression]) -> Expression:
    """A dict of jellied keys and values."""
    return [b"dictionary", *([key, value] for key, value in pairs)]


def remote(number: int) -> Expression:
    """A reference to the sender's own object of that number."""
    return [b"remote", number]


def copyable(state: Expression) -> Expression:
    """A failure on the wire; C{state} is a jellied dict with its attributes."""
    return [b"twisted.spread.pb.CopyableFailure", state]


# messages


def message(request: int, target: Expression, method: bytes, *arguments: Expression) -> bytes:
    """A call of C{method} that needs an answer; C{arguments} are jellied already."""
    return encode([b"message", request, target, method, 1, [b"tuple", *arguments], [b"dictionary"]])


def answer(request: int, value: Expression) -> bytes:
    """The answer to call number C{request}."""
    return encode([b"answer", request, value])


def error(request: int, failure: Expression) -> bytes:
    """The error answer to call number C{request}."""
    return encode([b"error", request, failure])


VERSION = encode([b"version", 6])
CHOICE = encode(b"pb")


def opening(name: str | bytes) -> bytes:
    """The bytes of a client after the greeting: the dialect, the version, the call of login."""
    return CHOICE + VERSION + message(1, b"root", b"login", name if isinstance(name, bytes) else text(name))


def response(challenge: bytes, challenger: int, password: bytes, mind: Expression) -> bytes:
    """The second and last call of a login, which proves C{password} and hands over C{mind}."""
    proof = md5(md5(password).digest() + challenge).digest()
    return message(2, challenger, b"respond", proof, mind)


def numberIn(value: Expression) -> int:
    """The number of the sender's object that C{value} refers to. Raises L{Malformed}."""
    if isinstance(value, list) and len(value) == 2 and value[0] == b"remote" and isinstance(value[1], int):
        return value[1]
    raise Malformed(f"no reference: {value!r:.80}")


def challengeIn(value: Expression) -> tuple[bytes, int]:
    """The challenge and the number of its challenger, from the answer to login. Raises L{Malformed}."""
    if isinstance(value, list) and len(value) == 3 and value[0] == b"tuple" and isinstance(value[1], bytes):
        return value[1], numberIn(value[2])
    raise Malformed(f"no challenge: {value!r:.80}")

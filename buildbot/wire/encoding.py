# -*- test-case-name: tests.unit.wire.test_banana,tests.unit.wire.test_jelly -*-
"""Turn values and expressions into the bytes that Perspective Broker sends.

An expression is bytes, an int, a float, or a list or tuple of expressions. L{encode} writes the same bytes as
Twisted's Banana. L{encodeValue} writes the same bytes as Twisted's Jelly and Banana together, in one pass.
L{buildbot.wire.banana} and L{buildbot.wire.jelly} decode. Bytes and text are not converted (see
L{buildbot.wire.dialect}).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.spread.flavors import NoSuchMethod
from twisted.spread.jelly import InsecureJelly, Jellyable

from buildbot.wire.banana import (
    FLOAT,
    INT,
    LIST,
    PREFIX_LIMIT,
    SIZE_LIMIT,
    STRING,
    VOCAB,
    VOCABULARY,
    BananaError,
    LimitExceeded,
)
from buildbot.wire.dialect import NotAWord
from buildbot.wire.jelly import DEPTH_LIMIT
from buildbot.wire.seams import References


class Encoded(bytes):
    """I am a value or expression in the bytes of the wire. A larger expression may contain me."""

    __slots__ = ()


def _prefix(number: int) -> bytes:
    """Encode C{number} (>= 0) in seven-bit digits, lowest first."""
    if number < 128:
        return bytes((number,))
    digits = bytearray()
    while number:
        digits.append(number & 127)
        number >>= 7
    return bytes(digits)


# Most tokens are short strings, short lists and small numbers: their headers are made once.
_READY = 1024
_PREFIXES = [_prefix(number) for number in range(_READY)]
_LISTS, _STRINGS, _INTS = (
    [prefix + kind for prefix in _PREFIXES] for kind in (bytes((LIST,)), bytes((STRING,)), bytes((INT,)))
)
_WORDS = {word: _prefix(number) + bytes((VOCAB,)) for word, number in VOCABULARY.items()}
_NO_WORDS: dict[bytes, bytes] = {}
_packFloat = struct.Struct("!Bd").pack
_pack3, _pack4, _pack5, _pack6 = (struct.Struct(f"{count}B").pack for count in (3, 4, 5, 6))
_LARGEST_SHORT = 2**31 - 1
_LARGEST = 2 ** (7 * PREFIX_LIMIT) - 1


# ---- expressions


def encode(expression: object, vocabulary: bool = True) -> bytes:
    """The bytes that Twisted's Banana would write for C{expression}.

    @param vocabulary: False until the dialect "pb" is negotiated.
    @raise BananaError: a part of it cannot be sent: a wrong type, a string or list of more than
        L{SIZE_LIMIT}, an integer of more than 448 bits, or a list that contains itself.
    """
    parts: list[bytes] = []
    try:
        _addExpressions((expression,), parts, _WORDS if vocabulary else _NO_WORDS)
    except RecursionError:
        raise BananaError("lists nested this deep cannot be sent") from None
    return b"".join(parts)


def _addExpressions(items: Iterable[Any], parts: list[bytes], words: dict[bytes, bytes]) -> None:
    """Append the encoded C{items} to C{parts}. The most frequent types come first."""
    for item in items:
        kind = type(item)
        if kind is bytes:
            size = len(item)
            if size < _READY:
                if item in words:
                    parts.append(words[item])
                else:
                    parts.append(_STRINGS[size])
                    parts.append(item)
            else:
                parts.append(_stringHeader(size))
                parts.append(item)
        elif kind is list or kind is tuple:
            size = len(item)
            parts.append(_LISTS[size] if size < _READY else _listHeader(size))
            _addExpressions(item, parts, words)
        elif kind is int:
            parts.append(_INTS[item] if 0 <= item < _READY else _encodeInt(item))
        elif kind is float:
            parts.append(_packFloat(FLOAT, item))
        elif kind is Encoded:
            parts.append(item)
        else:
            _addExpressions((_plain(item),), parts, words)


def _listHeader(size: int) -> bytes:
    """The beginning of a list of any size."""
    if size > SIZE_LIMIT:
        raise LimitExceeded("list", SIZE_LIMIT)
    return _prefix(size) + b"\x80"


def _stringHeader(size: int) -> bytes:
    """The beginning of a string of any size."""
    if size > SIZE_LIMIT:
        raise LimitExceeded("string", SIZE_LIMIT)
    return _prefix(size) + b"\x82"


def _encodeInt(number: int) -> bytes:
    """Encode any int.

    @raise LimitExceeded: it has more than 448 bits.
    """
    if number < _READY:
        return _INTS[number] if number >= 0 else _encodeLong(number)
    if number < 1 << 14:
        return _pack3(number & 127, number >> 7, INT)
    low, high = number & 127, number >> 7 & 127
    if number < 1 << 21:
        return _pack4(low, high, number >> 14, INT)
    if number < 1 << 28:
        return _pack5(low, high, number >> 14 & 127, number >> 21, INT)
    if number <= _LARGEST_SHORT:
        return _pack6(low, high, number >> 14 & 127, number >> 21 & 127, number >> 28, INT)
    return _encodeLong(number)


def _encodeLong(number: int) -> bytes:
    """The token of a number that is negative or large."""
    if not -_LARGEST <= number <= _LARGEST:
        raise LimitExceeded("prefix", PREFIX_LIMIT)
    if number >= 0:
        return _prefix(number) + (b"\x81" if number <= _LARGEST_SHORT else b"\x85")
    return _prefix(-number) + (b"\x83" if number >= -_LARGEST_SHORT - 1 else b"\x86")


def _plain(item: object) -> object:
    """Convert an instance of a subclass to its base type, such as a bool to 0 or 1."""
    if isinstance(item, int):
        return int(item)
    if isinstance(item, bytes):
        return bytes(item)
    if isinstance(item, (list, tuple)):
        return list(item)
    if isinstance(item, float):
        return float(item)
    raise BananaError(f"a {type(item).__module__}.{type(item).__qualname__} cannot be sent as banana")


# ---- values


def encodeValue(value: object, broker: References) -> Encoded:
    """The bytes for C{value}, to be sent over the connection of C{broker}.

    Allowed values: None, bool, int, float, bytes, str; lists, tuples, dicts and sets of allowed values;
    L{pb.Referenceable}s, which are sent as references and counted by C{broker}; references from this peer;
    other L{Jellyable} objects, such as a L{pb.CopyableFailure}. A part that occurs several times is sent
    several times.

    @raise InsecureJelly: a part has another type (subclasses included), is text with lone surrogates, or is
        nested more than L{DEPTH_LIMIT} deep, such as a list that contains itself.
    @raise BananaError: a part is too large; see L{encode}.
    """
    if value is None:
        return _ENCODED_NONE
    parts: list[bytes] = []
    _addValues((value,), parts, broker, 0)
    return Encoded(b"".join(parts))


def serialize(
    broker: References,
    object: object,
    perspective: object = None,
    method: object = None,
    args: object = None,
    kw: object = None,
) -> Encoded | Deferred[Any]:
    """Encode a value for the peer of C{broker}. A Deferred stays one, of a value: see L{encodeLate}.

    This is a method of the broker.
    """
    return object if isinstance(object, Deferred) else encodeValue(object, broker)


def _addValues(values: Iterable[Any], parts: list[bytes], broker: References, depth: int) -> None:
    """Append the encoded C{values} to C{parts}. The most frequent types come first.

    @param depth: the number of collections round them.
    """
    for value in values:
        kind = type(value)
        if kind is str or kind is bytes:
            if kind is str:
                parts.append(_UNICODE)
                try:
                    value = value.encode()
                except UnicodeEncodeError:
                    raise InsecureJelly("text with lone surrogates cannot be sent") from None
            size = len(value)
            if size >= _READY:
                parts.append(_stringHeader(size))
                parts.append(value)
            elif value in _WORDS:
                parts.append(_WORDS[value])
            else:
                parts.append(_STRINGS[size])
                parts.append(value)
        elif kind is int:
            parts.append(_INTS[value] if 0 <= value < _READY else _encodeInt(value))
        elif kind is dict:
            if depth >= DEPTH_LIMIT:
                raise _tooDeep()
            size = len(value) + 1
            parts.append(_LISTS[size] if size < _READY else _listHeader(size))
            parts.append(_DICTIONARY)
            for pair in value.items():
                parts.append(_PAIR)
                _addValues(pair, parts, broker, depth + 1)
        elif kind in _COLLECTIONS:
            if depth >= DEPTH_LIMIT:
                raise _tooDeep()
            size = len(value) + 1
            parts.append(_LISTS[size] if size < _READY else _listHeader(size))
            parts.append(_COLLECTIONS[kind])
            _addValues(value, parts, broker, depth + 1)
        elif value is None:
            parts.append(_ENCODED_NONE)
        elif kind is bool:
            parts.append(_TRUE if value else _FALSE)
        elif kind is float:
            parts.append(_packFloat(FLOAT, value))
        elif isinstance(value, Jellyable):
            parts.append(encode(_expressionFor(value, broker, depth)))
        else:
            raise InsecureJelly(f"a {kind.__module__}.{kind.__qualname__} cannot be sent")


_ENCODED_NONE = Encoded(encode([b"None"]))
_TRUE, _FALSE = encode([b"boolean", b"true"]), encode([b"boolean", b"false"])
_DICTIONARY = encode(b"dictionary")
_COLLECTIONS: dict[type[Any], bytes] = {
    list: encode(b"list"),
    tuple: encode(b"tuple"),
    set: encode(b"set"),
    frozenset: encode(b"frozenset"),
}
_PAIR = _LISTS[2]
#: The beginning of a text; its UTF-8 follows as a string.
_UNICODE = _PAIR + encode(b"unicode")


def _tooDeep() -> InsecureJelly:
    return InsecureJelly(f"more than {DEPTH_LIMIT} levels of nested values")


def _expressionFor(value: Any, broker: References, depth: int) -> Any:
    """The expression for a L{Jellyable} object."""
    if type(value).jellyFor is pb.Referenceable.jellyFor:
        return [b"remote", broker.registerReference(value)]
    if isinstance(value, pb.RemoteReference):
        if value.broker is not broker:
            raise InsecureJelly("a reference to one peer's object cannot be sent to another peer")
        return [b"local", value.luid]
    if depth >= DEPTH_LIMIT:
        raise _tooDeep()
    return value.jellyFor(_Jellier(broker, depth + 1))


class _Jellier:
    """I give the objects' C{jellyFor} methods access to L{encodeValue}: see
    L{twisted.spread.interfaces.IJellyable}.
    """

    def __init__(self, broker: References, depth: int) -> None:
        self.invoker = broker
        self._depth = depth

    def jelly(self, value: object) -> Encoded:
        parts: list[bytes] = []
        _addValues((value,), parts, self.invoker, self._depth)
        return Encoded(b"".join(parts))

    def prepare(self, value: object) -> list[Any]:
        return []

    def preserve(self, value: object, expression: list[Any]) -> list[Any]:
        return expression


# ---- messages


def encodeCall(
    kind: bytes,
    number: int,
    target: int | bytes,
    method: bytes,
    wanted: int,
    args: tuple[object, ...],
    kw: dict[str, object],
    broker: References,
) -> bytes:
    """The message that calls a method of the peer's object C{target}.

    @param kind: the kind of the message, nearly always C{b"message"}.
    @param number: the number of the call.
    @param wanted: 1 if the peer shall answer, else 0.
    @raise InsecureJelly: an argument cannot be sent; see L{encodeValue}.
    @raise BananaError: an argument is too large.
    """
    parts = [_CALL]
    _addExpressions((kind, number, target, method, wanted), parts, _WORDS)
    _addValues((args, kw) if kw else (args,), parts, broker, 0)
    if not kw:
        parts.append(_NO_KEYWORDS)
    return b"".join(parts)


def encodeAnswer(number: int, result: object) -> bytes:
    """The message that answers a call of the peer.

    @param number: the number of the call.
    @param result: an expression, or L{Encoded}.
    """
    token = _INTS[number] if 0 <= number < _READY else _encodeInt(number)
    if type(result) is int and result == 0:  # the answer to an update of a command, as nearly all calls are
        return _ANSWER + token + _ZERO
    return _ANSWER + token + (result if type(result) is Encoded else encode(result))


def encodeLate(number: int, value: object, broker: References) -> bytes:
    """The message that answers a call of the peer with the result of a Deferred.

    @raise InsecureJelly, BananaError: see L{encodeValue}.
    """
    return encodeAnswer(number, value if type(value) is Encoded else encodeValue(value, broker))


def encodeError(number: int, error: BaseException, broker: References) -> bytes:
    """The message that answers a call of the peer with an error, without internal details (S4).

    @param number: the number of the call.
    """
    names = [f"{base.__module__}.{base.__qualname__}" for base in type(error).__mro__ if base is not object]
    told = str(error)[:500] if isinstance(error, _TOLD) else "internal error: see the master's log"
    state = {"type": names[0], "value": told, "parents": names, "traceback": "Traceback unavailable\n"}
    return encode([b"error", number, [b"twisted.spread.pb.CopyableFailure", encodeValue(state, broker)]])


#: Errors whose messages are sent to the peer unchanged.
_TOLD = (pb.Error, NoSuchMethod, UnauthorizedLogin, NotAWord)
_CALL = _LISTS[7]
_NO_KEYWORDS = encode([b"dictionary"])
_ZERO = encode(0)
_ANSWER = _LISTS[3] + encode(b"answer")

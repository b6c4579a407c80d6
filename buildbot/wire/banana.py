# -*- test-case-name: tests.unit.wire.test_banana -*-
"""Turn s-expressions into the bytes that Perspective Broker sends, and back, within limits.

An expression is bytes, an int, a float, or a list or tuple of expressions. L{encode} writes the same
bytes as Twisted's Banana. L{Decoder} accepts the same bytes as Twisted's, within the limits. This module does
not know the meaning of expressions, and it has no connection and no negotiation of dialects.

A token is a prefix (a number, seven bits a byte, lowest first), a type byte (0x80 and up) and, for strings
and floats, a body. A list token says how many expressions follow it.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from twisted.spread import banana

LIST, INT, STRING, NEG, FLOAT, LONGINT, LONGNEG, VOCAB = range(0x80, 0x88)

#: The most bytes in a string, and the most items in a list, that any PB peer sends or accepts.
SIZE_LIMIT = 640 * 1024
#: The most bytes in the prefix of a token: integers have at most 448 bits.
PREFIX_LIMIT = 64

#: The words that have a number in the dialect "pb".
VOCABULARY: dict[bytes, int] = {
    word: number
    for number, word in enumerate(
        b"None class dereference reference dictionary function instance list module persistent tuple "
        b"unpersistable copy cache cached remote local lcache version login password challenge logged_in "
        b"not_logged_in cachemessage message answer error decref decache uncache".split(),
        start=1,
    )
}


class BananaError(banana.BananaError):
    """Received bytes, or an object to send, are not valid banana. A receiver must then disconnect."""


_EXCEEDED = {
    "expressionBytes": "bytes in one expression",
    "depth": "lists inside each other",
    "items": "items in the lists of one expression",
    "string": "bytes in one string",
    "list": "items in one list",
    "prefix": "bytes in one number",
}


class LimitExceeded(BananaError):
    """An expression exceeds a limit.

    @ivar limit: which limit: a field of L{Limits}, or C{"string"}, C{"list"} or C{"prefix"}, the limits that
        hold for every PB peer.
    @ivar value: the most that is allowed.
    """

    def __init__(self, limit: str, value: int) -> None:
        super().__init__(f"more than {value} {_EXCEEDED[limit]}")
        self.limit = limit
        self.value = value


@dataclass(frozen=True)
class Limits:
    """The limits of one received expression.

    @ivar expressionBytes: the most bytes on the wire.
    @ivar depth: the most levels of nested lists, the outermost included.
    @ivar items: the most items in all its lists together. Values above L{SIZE_LIMIT} have no effect.
    """

    expressionBytes: int
    depth: int
    items: int


#: For peers before login: a login needs 57 bytes, depth 3 and 13 items.
BEFORE_LOGIN = Limits(expressionBytes=4 * 1024, depth=8, items=64)
#: For logged-in peers.
AFTER_LOGIN = Limits(expressionBytes=16 * 1024 * 1024, depth=64, items=100_000)


# ---- encoding


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


def encode(expression: object, vocabulary: bool = True) -> bytes:
    """The bytes that Twisted's Banana would write for C{expression}.

    @param vocabulary: False until the dialect "pb" is negotiated.
    @raise BananaError: a part of it cannot be sent: a wrong type, a string or list of more than
        L{SIZE_LIMIT}, an integer of more than 448 bits, or a list that contains itself.
    """
    parts: list[bytes] = []
    try:
        _encodeItems((expression,), parts, _WORDS if vocabulary else _NO_WORDS)
    except RecursionError:
        raise BananaError("lists nested this deep cannot be sent") from None
    return b"".join(parts)


def _encodeItems(items: Sequence[Any], parts: list[bytes], words: dict[bytes, bytes]) -> None:
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
                parts.append(_header(size, "string", b"\x82"))
                parts.append(item)
        elif kind is list or kind is tuple:
            size = len(item)
            parts.append(_LISTS[size] if size < _READY else _header(size, "list", b"\x80"))
            _encodeItems(item, parts, words)
        elif kind is int:
            parts.append(_INTS[item] if 0 <= item < _READY else encodeInt(item))
        elif kind is float:
            parts.append(_packFloat(FLOAT, item))
        else:
            _encodeItems((_plain(item),), parts, words)


def _header(size: int, limit: str, kind: bytes) -> bytes:
    """The beginning of a long string or list."""
    if size > SIZE_LIMIT:
        raise LimitExceeded(limit, SIZE_LIMIT)
    return _prefix(size) + kind


def encodeInt(number: int) -> bytes:
    """Encode an int, alone or as part of a larger expression, such as the number of a call.

    @raise LimitExceeded: it has more than 448 bits.
    """
    if number < _READY:
        return _INTS[number] if number >= 0 else _encodeInt(number)
    if number < 1 << 14:
        return _pack3(number & 127, number >> 7, INT)
    low, high = number & 127, number >> 7 & 127
    if number < 1 << 21:
        return _pack4(low, high, number >> 14, INT)
    if number < 1 << 28:
        return _pack5(low, high, number >> 14 & 127, number >> 21, INT)
    if number <= _LARGEST_SHORT:
        return _pack6(low, high, number >> 14 & 127, number >> 21 & 127, number >> 28, INT)
    return _encodeInt(number)


def _encodeInt(number: int) -> bytes:
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


# ---- decoding


_BY_NUMBER = {number: word for word, number in VOCABULARY.items()}
_NONE_BY_NUMBER: dict[int, bytes] = {}
_unpackFloat = struct.Struct("!d").unpack_from


class _Unfinished(NamedTuple):
    """The state of the decoding of one expression.

    @ivar stack: the open lists round the current one, outermost first, each with the number of its missing
        items. Below them is a list with the expression itself as its one item.
    @ivar current: the list being filled.
    @ivar missing: the number of its missing items.
    @ivar items: the announced items of all lists so far.
    @ivar size: the bytes of the expression so far, without the tail.
    @ivar tail: the beginning of an incomplete token.
    """

    stack: list[tuple[int, list[Any]]]
    current: list[Any]
    missing: int
    items: int
    size: int
    tail: bytes


#: The memory in bytes of the smallest item, which takes two bytes on the wire.
_ITEM = 56


class Decoder:
    """I decode the bytes of one connection into expressions, however the bytes are split.

    Strings become bytes, lists become lists, numbers become int or float. I store only the incomplete
    expression. I check the size in each token against the limits before I allocate memory for it.

    @ivar limits: the limits of an expression.
    @ivar vocabulary: False until the dialect "pb" is negotiated. Until then, words by number are refused.

    @ivar isEmpty: True if I hold no incomplete expression.

    C{limits} and C{vocabulary} may be changed at any time, also between two expressions of one L{decode}.
    They apply to the expressions that follow.
    """

    def __init__(self, limits: Limits = BEFORE_LOGIN, vocabulary: bool = False) -> None:
        self.limits = limits
        self.vocabulary = vocabulary
        self._error: BananaError | None = None
        self._decoding = False
        self._unfinished: _Unfinished | None = None
        self.isEmpty = True
        # The received part of a string, and the number of its missing bytes.
        self._string: bytearray | None = None
        self._awaited = 0

    @property
    def unfinished(self) -> int:
        """The approximate memory in bytes of the incomplete expression."""
        size = 0 if self._string is None else len(self._string)
        if self._unfinished is not None:
            _stack, _current, _missing, items, taken, tail = self._unfinished
            size += taken + len(tail) + _ITEM * min(items, taken // 2)
        return size

    def forget(self) -> None:
        """Free the incomplete expression: the connection has ended. Do not use me afterwards."""
        self._unfinished = self._string = None
        self.isEmpty = True

    def decode(self, data: bytes) -> Iterable[Any]:
        """Yield the expressions that C{data} completes, each decoded when it is asked for.

        The caller must take all of them before the next call, or drop the connection.

        @raise BananaError: the bytes are not banana, or (L{LimitExceeded}) exceed a limit. Raised here or at
            the next expression, and again in all later calls.
        @raise RuntimeError: expressions of an earlier call were not taken.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self._decoding:
            raise RuntimeError("the expressions decoded before were not all taken")
        if self._string is not None and len(data) < self._awaited:
            self._string += data
            self._awaited -= len(data)
            return ()
        self._decoding = True
        if len(data) <= SIZE_LIMIT:
            return self._decode(data, False)
        # No piece can hold a string over the limit, so one comparison checks both limits of strings.
        return chain.from_iterable(
            self._decode(data[start : start + SIZE_LIMIT], start + SIZE_LIMIT < len(data))
            for start in range(0, len(data), SIZE_LIMIT)
        )

    def _decode(self, data: bytes, more: bool) -> Iterator[Any]:
        """Yield the expressions completed by at most L{SIZE_LIMIT} bytes.

        This loop decides the speed of all slave connections. So it keeps the parts of a token in local
        variables, never copies the rest of the data, and detects the end of the data by the IndexError.

        @param more: True if more data of the same call follows.
        """
        limits = self.limits
        words = _BY_NUMBER if self.vocabulary else _NONE_BY_NUMBER
        if self._unfinished is None:
            stack: list[tuple[int, list[Any]]] = []
            current: list[Any] = []
            missing, items, begin = 1, 0, 0
        else:
            stack, current, missing, items, size, tail = self._unfinished
            self._unfinished = None
            data = tail + data
            begin = -size  # where the expression would begin in data if all of it were there
        self.isEmpty = True
        token = pos = 0
        if self._string is not None:
            # The string ends in this piece: decode() has checked that.
            pos = self._awaited
            begin += pos
            current.append(bytes(self._string + data[:pos]))
            missing -= 1
            self._string = None
        size = len(data)
        stop = min(size, begin + limits.expressionBytes)
        try:
            while True:
                while not missing:
                    if stack:
                        missing, current = stack.pop()
                        continue
                    if pos - begin > limits.expressionBytes:
                        raise LimitExceeded("expressionBytes", limits.expressionBytes)
                    if pos == size:
                        self._decoding = more
                        yield current[0]
                        return
                    yield current[0]
                    limits = self.limits
                    words = _BY_NUMBER if self.vocabulary else _NONE_BY_NUMBER
                    current, missing, items, begin = [], 1, 0, pos
                    stop = min(size, begin + limits.expressionBytes)
                token = pos
                number = data[pos]
                if number < 128:
                    kind = data[pos + 1]
                    pos += 2
                    if kind < 128:
                        number += kind << 7
                        kind = data[pos]
                        pos += 1
                        shift = 14
                        while kind < 128:
                            if shift == 7 * PREFIX_LIMIT:
                                raise LimitExceeded("prefix", PREFIX_LIMIT)
                            number += kind << shift
                            shift += 7
                            kind = data[pos]
                            pos += 1
                else:
                    kind = number
                    number = 0
                    pos += 1
                if kind == STRING:
                    end = pos + number
                    if end > stop:
                        self._checkString(number, end - begin)
                        self._string = bytearray(data[pos:])
                        self._awaited = end - size
                        token = size
                        begin = size - (end - begin)
                        break
                    current.append(data[pos:end])
                    pos = end
                elif kind == VOCAB:
                    current.append(words[number])
                elif kind == LIST:
                    items += number
                    if items > limits.items:
                        raise LimitExceeded("items", limits.items)
                    if len(stack) >= limits.depth:
                        raise LimitExceeded("depth", limits.depth)
                    inner: list[Any] = []
                    current.append(inner)
                    if number:
                        stack.append((missing - 1, current))
                        current = inner
                        missing = number
                        continue
                elif kind == INT or kind == LONGINT:
                    current.append(number)
                elif kind == NEG or kind == LONGNEG:
                    current.append(-number)
                elif kind == FLOAT:
                    current.append(_unpackFloat(data, pos)[0])
                    pos += 8
                else:
                    raise BananaError(f"no token has the type byte 0x{kind:02x}")
                missing -= 1
        except (IndexError, struct.error):
            # The rest of the token is still missing.
            if size - begin > limits.expressionBytes:
                raise self._end(LimitExceeded("expressionBytes", limits.expressionBytes)) from None
        except KeyError:
            raise self._end(BananaError("an unknown vocabulary number")) from None
        except BananaError as error:
            raise self._end(error) from None
        self._unfinished = _Unfinished(stack, current, missing, items, token - begin, data[token:])
        self.isEmpty = False
        self._decoding = more

    def _checkString(self, length: int, sizeWithIt: int) -> None:
        """Raise L{LimitExceeded} if a string, or the expression with it, exceeds its limit."""
        if length > SIZE_LIMIT:
            raise LimitExceeded("string", SIZE_LIMIT)
        if sizeWithIt > self.limits.expressionBytes:
            raise LimitExceeded("expressionBytes", self.limits.expressionBytes)

    def _end(self, error: BananaError) -> BananaError:
        """Make every later call raise C{error}."""
        # Store a copy: the traceback of the raised error would keep decoded data in memory.
        twin = self._error = type(error).__new__(type(error), *error.args)
        twin.__dict__.update(error.__dict__)
        self._unfinished = self._string = None
        return error

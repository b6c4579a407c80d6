# -*- test-case-name: tests.unit.wire.test_banana -*-
"""Turn the bytes that Perspective Broker sends into expressions, within limits.

An expression is bytes, an int, a float, or a list of expressions. L{Decoder} accepts the same bytes as
Twisted's Banana, within the limits. L{buildbot.wire.encoding} has the other direction. This module does not
know the meaning of expressions, and it has no connection and no negotiation of dialects.

A token is a prefix (a number, seven bits a byte, lowest first), a type byte (0x80 and up) and, for strings
and floats, a body. A list token says how many expressions follow it.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from twisted.spread import banana

#: The values that a decoder makes of received bytes.
Expression: TypeAlias = "bytes | int | float | list[Expression]"

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

    stack: list[tuple[int, list[Expression]]]
    current: list[Expression]
    missing: int
    items: int
    size: int
    tail: bytes


#: The memory in bytes of the smallest item, which takes two bytes on the wire.
_ITEM = 56


class Decoder:
    """I decode the bytes of one connection into expressions, however the bytes are split.

    Strings become bytes, lists become lists, numbers become int or float. I store only the incomplete
    expression, and the bytes that follow the expressions taken so far. I check the size in each token against
    the limits before I allocate memory for it.

    @ivar limits: the limits of an expression.
    @ivar vocabulary: False until the dialect "pb" is negotiated. Until then, words by number are refused.
    @ivar isEmpty: True if I hold no incomplete expression.
    @ivar hasMore: True if bytes of the last L{decode} are not decoded yet.

    C{limits} and C{vocabulary} may be changed at any time, also between two expressions of one L{decode}.
    They apply to the expressions that follow.
    """

    __slots__ = (
        "_awaited",
        "_data",
        "_error",
        "_pos",
        "_string",
        "_unfinished",
        "hasMore",
        "isEmpty",
        "limits",
        "vocabulary",
    )

    def __init__(self, limits: Limits = BEFORE_LOGIN, vocabulary: bool = False) -> None:
        self.limits = limits
        self.vocabulary = vocabulary
        self.isEmpty = True
        self.hasMore = False
        self._data = b""
        self._pos = 0  # where in the data the next expression begins
        self._error: BananaError | None = None
        self._unfinished: _Unfinished | None = None
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
        """Free all received bytes: the connection has ended. Do not use me afterwards."""
        self._unfinished = self._string = None
        self._data = b""
        self.isEmpty = True
        self.hasMore = False

    def decode(self, data: bytes) -> Iterable[Any]:
        """Return the expressions that C{data} completes, each decoded when it is asked for.

        The caller must take all of them before the next call, or drop the connection. When C{hasMore} is
        False, they are taken.

        @raise BananaError: the bytes are not banana, or (L{LimitExceeded}) exceed a limit. Raised here or at
            the next expression, and again in all later calls.
        @raise RuntimeError: expressions of an earlier call were not taken.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self.hasMore:
            raise RuntimeError("the expressions decoded before were not all taken")
        if self._string is not None and len(data) < self._awaited:
            self._string += data
            self._awaited -= len(data)
            return ()
        if data:
            self._data = data
            self._pos = 0
            self.hasMore = True
        return self

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        """Decode the next expression.

        This loop decides the speed of all slave connections. So it keeps the parts of a token in local
        variables, never copies the rest of the data, and detects the end of the data by the IndexError.
        """
        if not self.hasMore:
            raise StopIteration
        data = self._data
        pos = self._pos
        limits = self.limits
        words = _BY_NUMBER if self.vocabulary else _NONE_BY_NUMBER
        if self._unfinished is None:
            stack: list[tuple[int, list[Expression]]] = []
            current: list[Expression] = []
            missing, items, begin = 1, 0, pos
        else:
            stack, current, missing, items, size, tail = self._unfinished
            self._unfinished = None
            data = tail + data
            begin = -size  # where the expression would begin in data if all of it were there
        self.isEmpty = True
        token = pos
        if self._string is not None:
            # The string ends in this data: decode() has checked that.
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
                        self.hasMore = False
                        self._data = b""
                    else:
                        self._data = data
                        self._pos = pos
                    return current[0]
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
                    if end > stop or number > SIZE_LIMIT:
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
        self.isEmpty = self.hasMore = False
        self._data = b""
        raise StopIteration

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
        self.forget()
        return error

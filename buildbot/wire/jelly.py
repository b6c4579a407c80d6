# -*- test-case-name: tests.unit.wire.test_jelly -*-
"""Convert received expressions on the slave port to values, references and errors.

The expressions are those of L{twisted.spread.jelly}, for the few types that slaves need. A name from a peer
never causes an import, a lookup or a call here. Bytes and text are not converted (see
L{buildbot.wire.dialect}). L{buildbot.wire.banana} decodes bytes to expressions. L{buildbot.wire.encoding} has
the other direction. L{buildbot.wire.failure} completes the errors of old peers.
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getsizeof
from typing import Any, TypeGuard

from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly

from buildbot.wire.banana import Expression
from buildbot.wire.dialect import text
from buildbot.wire.failure import RemoteFailure
from buildbot.wire.seams import References

__all__ = ["DEPTH_LIMIT", "REFERENCE_LIMIT", "InsecureJelly", "RemoteFailure", "unjelly"]

#: The deepest nesting of values, in both directions.
DEPTH_LIMIT = 100
#: Repeated parts of a received value have numbers below this. It also limits the characters and bytes in all
#: repeated parts.
REFERENCE_LIMIT = 1 << 20
#: The most values in all repeated parts. Peers repeat small values; each repetition is counted value by
#: value.
REPEATED_LIMIT = 10_000
#: The most bytes of memory for the long texts of one received value. One character above U+FFFF makes Python
#: use four bytes for every character of a text.
TEXT_LIMIT = 24 << 20
#: The most references to the peer's objects in one value. The master sends one message to release each.
OBJECTS_LIMIT = 2048
#: Shorter texts are not counted: the limits of an expression hold them down.
_SHORT_TEXT = 4096
#: The limit of the numbers of remote objects. No connection reaches it.
_OBJECT_LIMIT = 1 << 53


def unjelly(expression: object, broker: References) -> Any:
    """The value of an C{expression} from L{buildbot.wire.banana.Decoder}.

    Possible values: None, bool, int, float, bytes, str; lists, tuples, dicts and sets of possible values;
    references to objects of the peer (L{pb.RemoteReference}); the master's objects to which C{broker} gave it
    references; errors (L{RemoteFailure}). Keys and members of sets can only be str, bytes or None: a peer
    cannot predict their hashes. Invalid UTF-8 in text becomes U+FFFD.

    @raise InsecureJelly: the expression is malformed, has another type, contains itself, or is nested more
        than L{DEPTH_LIMIT} deep.
    """
    return unserialize(broker, expression)


def unserialize(broker: References, sexp: object, perspective: object = None) -> Any:
    """The value of an expression from the peer of C{broker}. This is a method of the broker."""
    if type(sexp) is not list:
        return sexp
    return _unjelly(sexp, _Receiving(broker), 0)


class _Receiving:
    """I am the state of one L{unjelly}.

    @ivar references: number -> part; L{_UNFINISHED} for a part that is not complete yet.
    @ivar repeated: the number of values in all repetitions of parts.
    @ivar repeatedText: the number of characters and bytes in them.
    @ivar text: the bytes of memory of the long texts.
    @ivar objects: the number of references to the peer's objects.
    """

    __slots__ = ("broker", "objects", "references", "repeated", "repeatedText", "text")

    def __init__(self, broker: References) -> None:
        self.broker = broker
        self.references: dict[int, Any] = {}
        self.repeated = self.repeatedText = self.text = self.objects = 0


_UNFINISHED = object()


def _unjelly(expression: list[Expression], receiving: _Receiving, depth: int) -> Any:
    """Convert a list expression to its value. Other expressions are values already."""
    if not expression or type(expression[0]) is not bytes:
        raise InsecureJelly("an expression without a type")
    unjellier = _UNJELLIERS.get(expression[0])
    if unjellier is None:
        raise InsecureJelly(f"a {text(expression[0], 64)} is not accepted")
    return unjellier(expression, receiving, depth)


def _deeper(depth: int) -> int:
    if depth >= DEPTH_LIMIT:
        raise InsecureJelly(f"more than {DEPTH_LIMIT} levels of nested values")
    return depth + 1


def _malformed(expression: list[Expression]) -> InsecureJelly:
    return InsecureJelly(f"a malformed {text(expression[0], 64)}")


def _unjellyNone(expression: list[Expression], receiving: _Receiving, depth: int) -> None:
    if len(expression) != 1:
        raise _malformed(expression)


def _unjellyBoolean(expression: list[Expression], receiving: _Receiving, depth: int) -> bool:
    if expression == [b"boolean", b"true"]:
        return True
    if expression == [b"boolean", b"false"]:
        return False
    raise _malformed(expression)


def _unjellyUnicode(expression: list[Expression], receiving: _Receiving, depth: int) -> str:
    if len(expression) != 2:
        raise _malformed(expression)
    return _text(expression[1], receiving)


def _text(encoded: Expression, receiving: _Receiving) -> str:
    if type(encoded) is not bytes:
        raise InsecureJelly("a malformed unicode")
    try:
        decoded = encoded.decode()
    except UnicodeDecodeError:
        # Python 2 encodes lone surrogates; replace them.
        decoded = encoded.decode("utf-8", "replace")
    if len(encoded) > _SHORT_TEXT:
        receiving.text += getsizeof(decoded)
        if receiving.text > TEXT_LIMIT:
            raise InsecureJelly(f"text that takes more than {TEXT_LIMIT} bytes of memory")
    return decoded


def _unjellyItems(expression: list[Expression], receiving: _Receiving, depth: int) -> list[Any]:
    depth = _deeper(depth)
    values: list[Any] = []
    for each in expression:
        if type(each) is not list:
            values.append(each)
        elif len(each) == 2 and each[0] == b"unicode":
            values.append(_text(each[1], receiving))
        else:
            values.append(_unjelly(each, receiving, depth))
    del values[0]
    return values


def _unjellyTuple(expression: list[Expression], receiving: _Receiving, depth: int) -> tuple[Any, ...]:
    return tuple(_unjellyItems(expression, receiving, depth))


def _unjellySet(expression: list[Expression], receiving: _Receiving, depth: int) -> set[Any]:
    return set(map(_hashable, _unjellyItems(expression, receiving, depth)))


def _unjellyFrozenset(expression: list[Expression], receiving: _Receiving, depth: int) -> frozenset[Any]:
    return frozenset(map(_hashable, _unjellyItems(expression, receiving, depth)))


def _unjellyDictionary(expression: list[Expression], receiving: _Receiving, depth: int) -> dict[Any, Any]:
    depth = _deeper(depth)
    values = {}
    pairs = iter(expression)
    next(pairs)
    for pair in pairs:
        if type(pair) is not list or len(pair) != 2:
            raise _malformed(expression)
        key: Any
        value: Any
        key, value = pair
        if type(key) is list and len(key) == 2 and key[0] == b"unicode":
            key = _text(key[1], receiving)
        elif type(key) is not bytes:
            key = _hashable(_unjelly(key, receiving, depth) if type(key) is list else key)
        if type(value) is list:
            if len(value) == 2 and value[0] == b"unicode":
                value = _text(value[1], receiving)
            else:
                value = _unjelly(value, receiving, depth)
        values[key] = value
    return values


def _hashable(value: Any) -> Any:
    if type(value) not in _HASHABLE:
        raise InsecureJelly(f"a {type(value).__name__} as a key")
    return value


_HASHABLE = frozenset({str, bytes, type(None)})
_COLLECTIONS = frozenset({list, tuple, set, frozenset})


def _unjellyReference(expression: list[Expression], receiving: _Receiving, depth: int) -> Any:
    if len(expression) != 3 or not _isNumber(expression[1], REFERENCE_LIMIT):
        raise _malformed(expression)
    number, part = expression[1], expression[2]
    references = receiving.references
    if number in references:
        raise InsecureJelly("two parts with the same number")
    references[number] = _UNFINISHED
    value = _unjelly(part, receiving, _deeper(depth)) if type(part) is list else part
    references[number] = value
    return value


def _unjellyDereference(expression: list[Expression], receiving: _Receiving, depth: int) -> Any:
    if len(expression) != 2 or not _isNumber(expression[1], REFERENCE_LIMIT):
        raise _malformed(expression)
    value = receiving.references.get(expression[1], _UNFINISHED)
    if value is _UNFINISHED:
        raise InsecureJelly("a part that contains itself, or does not exist")
    _repeat(value, receiving, depth)
    return value


def _repeat(value: object, receiving: _Receiving, depth: int) -> None:
    """Count the contents of a repeated part.

    Without a limit, a few levels of parts that each contain the next one twice would make an enormous value.

    @param depth: the depth of the repetition.
    @raise InsecureJelly: all repetitions have too many values or too much text, or this one is nested too
        deep.
    """
    level: list[Any] = [value]
    while level:
        receiving.repeated += len(level)
        inner: list[Any] = []
        for each in level:
            kind = type(each)
            if kind in (str, bytes):
                receiving.repeatedText += len(each)
            elif kind in _COLLECTIONS:
                inner += each
            elif kind is dict:
                inner += each
                inner += each.values()
            if receiving.repeated + len(inner) > REPEATED_LIMIT or receiving.repeatedText > REFERENCE_LIMIT:
                raise InsecureJelly("too many repeated parts")
        if inner:
            depth = _deeper(depth)
        level = inner


def _isNumber(value: object, limit: int) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < limit


def _unjellyRemote(expression: list[Expression], receiving: _Receiving, depth: int) -> pb.RemoteReference:
    if len(expression) != 2 or not _isNumber(expression[1], _OBJECT_LIMIT):
        raise _malformed(expression)
    broker = receiving.broker
    receiving.objects += 1
    if receiving.objects > OBJECTS_LIMIT:
        raise InsecureJelly(f"more than {OBJECTS_LIMIT} references to objects of its own")
    return pb.RemoteReference(broker.unserializingPerspective, broker, expression[1], 1)


def _unjellyLocal(expression: list[Expression], receiving: _Receiving, depth: int) -> Any:
    luid: Any = expression[-1]
    if len(expression) != 2 or type(luid) not in (int, bytes):
        raise _malformed(expression)
    value = receiving.broker.localObjectForID(luid)
    if value is None:
        raise InsecureJelly("a reference to an object that does not exist")
    return value


def _unjellyFailure(expression: list[Expression], receiving: _Receiving, depth: int) -> RemoteFailure:
    if len(expression) != 2 or type(expression[1]) is not list:
        raise _malformed(expression)
    state = expression[1]
    if state[:1] == [b"reference"] and len(state) == 3 and type(state[2]) is list:
        state = state[2]
    if state[:1] != [b"dictionary"]:
        raise _malformed(expression)
    attributes: dict[Any, Any] = {}
    for pair in state[1:]:
        try:
            attributes.update(_unjellyDictionary([b"dictionary", pair], receiving, depth))
        except InsecureJelly:
            pass  # An error may carry invalid attributes. They are no reason to disconnect.
    failure = RemoteFailure.__new__(RemoteFailure)
    failure.setCopyableState(attributes)
    return failure


_Unjellier = Callable[[list[Expression], _Receiving, int], Any]
_UNJELLIERS: dict[bytes, _Unjellier] = {
    b"None": _unjellyNone,
    b"boolean": _unjellyBoolean,
    b"unicode": _unjellyUnicode,
    b"list": _unjellyItems,
    b"tuple": _unjellyTuple,
    b"dictionary": _unjellyDictionary,
    b"set": _unjellySet,
    b"frozenset": _unjellyFrozenset,
    b"reference": _unjellyReference,
    b"dereference": _unjellyDereference,
    b"remote": _unjellyRemote,
    b"local": _unjellyLocal,
    b"twisted.spread.pb.CopyableFailure": _unjellyFailure,
}

# -*- test-case-name: tests.unit.config.test_compare -*-
"""Compare values from two loads of one master.cfg.

Each load creates new class and function objects. Their identity always differs, and an equal name does not
mean equal code. This module compares the code. A value's own C{==} uses this module only through
L{ComparableMixin} or a similar method. Nothing is ordered or hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from buildbot.config.pluginerrors import pluginErrors

_SCALARS = (str, bytes, int, float, complex, bool, type(None), range)
_MAPPINGS = (dict, Mapping)  # dict first: isinstance with an abstract class is slow
#: Class attributes that Python or zope.interface adds to the author's own.
_NOISE = frozenset(
    "__dict__ __weakref__ __doc__ __module__ __qualname__ __firstlineno__ __static_attributes__"
    " __annotations__ __annotate__ __annotate_func__ __annotations_cache__ __abstractmethods__ _abc_impl"
    " __implemented__ __provides__ __providedBy__".split()
)
_Seen = set[tuple[int, int]]


def sameValue(one: object, other: object) -> bool:
    """True if two values are equal. Classes and functions are equal if their name and code are equal.

    Lists, tuples and dictionaries are compared by item. A C{==} that raises means unequal.
    """
    return _same(one, other, set(), strict=True)


def sameClass(one: type, other: type) -> bool:
    """True for one class, or one class loaded twice: module, name, bases and code are equal."""
    return one is other or _sameClass(one, other, set())


def _same(one: object, other: object, seen: _Seen, strict: bool) -> bool:
    """Do the work of L{sameValue}. Without C{strict}, objects without a comparison count as equal."""
    if one is other:
        return True
    kind = type(one)
    if kind is type(other) and kind in _SCALARS:
        return bool(one == other)
    if (id(one), id(other)) in seen:
        return True
    if isinstance(one, type) and isinstance(other, type):
        seen.add((id(one), id(other)))
        return _sameClass(one, other, seen)
    if kind is not type(other):
        if isinstance(one, _SCALARS) or isinstance(other, _SCALARS):
            return isinstance(one, _SCALARS) and isinstance(other, _SCALARS) and one == other
        if not _sameClass(type(one), type(other), seen):
            return False
    if isinstance(one, _SCALARS):
        return one == other
    seen.add((id(one), id(other)))
    mine = _parts(one)
    others = None if mine is None else _parts(other)
    if mine is not None and others is not None:
        return _sameEach(mine, others, seen, strict)
    if isinstance(one, _MAPPINGS) and isinstance(other, _MAPPINGS):
        return one.keys() == other.keys() and all(_same(one[key], other[key], seen, strict) for key in one)
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        return _sameFunction(one, other, seen)
    if isinstance(one, ModuleType) and isinstance(other, ModuleType):
        return one.__name__ == other.__name__  # _sameUsed compares the members that code uses
    if not strict and type(one).__eq__ is object.__eq__:
        return True
    try:
        return bool(one == other)
    except pluginErrors():  # a plug-in's comparison is broken: "different" is the safe answer
        return False


def _parts(value: object) -> list[object] | None:
    """The parts that completely determine a value, or None if it may have others."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (classmethod, staticmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    return None


def _sameEach(some: Iterable[object], others: Iterable[object], seen: _Seen, strict: bool) -> bool:
    """True if both sides have equal values in the same order."""
    left, right = list(some), list(others)
    return len(left) == len(right) and all(map(lambda a, b: _same(a, b, seen, strict), left, right))


def _sameClass(one: type, other: type, seen: _Seen) -> bool:
    if (one.__module__, one.__qualname__) != (other.__module__, other.__qualname__):
        return False
    mine, others = _ownAttributes(one), _ownAttributes(other)
    return (
        mine.keys() == others.keys()
        and _sameEach(one.__bases__, other.__bases__, seen, strict=False)
        and all(_same(mine[name], others[name], seen, strict=False) for name in mine)
    )


def _ownAttributes(cls: type) -> dict[str, object]:
    """The attributes of a class without those that Python adds."""
    return {name: value for name, value in vars(cls).items() if name not in _NOISE}


def _sameFunction(one: FunctionType, other: FunctionType, seen: _Seen) -> bool:
    """True if two functions have equal code and use equal values. Line numbers do not count."""
    return (
        _text(one.__code__) == _text(other.__code__)
        and _same(one.__defaults__, other.__defaults__, seen, strict=False)
        and _same(one.__kwdefaults__, other.__kwdefaults__, seen, strict=False)
        and _sameEach(_enclosed(one), _enclosed(other), seen, strict=False)
        and _sameUsed(one, other, seen)
    )


def _text(code: CodeType) -> tuple[object, ...]:
    """The comparable parts of a code object: all except file name and line numbers."""
    constants = [_text(each) if isinstance(each, CodeType) else (type(each), each) for each in code.co_consts]
    return (
        code.co_name,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_argcount,
        code.co_kwonlyargcount,
        code.co_flags,
        tuple(constants),
        getattr(code, "co_exceptiontable", b""),
    )


def _enclosed(function: FunctionType) -> list[object]:
    """The values in a function's closure."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # an empty cell: the variable has no value yet
            found.append(None)
    return found


def _sameUsed(one: FunctionType, other: FunctionType, seen: _Seen) -> bool:
    """True if the global names that two functions use have equal values in both.

    Functions, classes and plain values are compared, also as members of a module. Other objects are not:
    each load creates its own logger or cache, and every function would look changed.
    """
    names = sorted(_names(one.__code__))
    for name in names:
        mine, others = one.__globals__.get(name), other.__globals__.get(name)
        pairs = [(mine, others)]
        if isinstance(mine, ModuleType) and isinstance(others, ModuleType) and mine is not others:
            pairs += [(vars(mine).get(attr), vars(others).get(attr)) for attr in names]
        for left, right in pairs:
            if _isComparable(left) or _isComparable(right):
                if not _same(left, right, seen, strict=False):
                    return False
    return True


def _names(code: CodeType) -> set[str]:
    """The global and attribute names that code and its inner functions use."""
    inner = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)


def _isComparable(value: object) -> bool:
    """True for a value that changes the behaviour of its users and is not changed at run time."""
    return isinstance(value, (FunctionType, type, ModuleType, tuple, frozenset, *_SCALARS))


_ABSENT = object()


class Names(tuple[str, ...]):
    """The names of attributes. Others may be added as a list, as in 0.7 and 0.8, or as a tuple.

    The sum with a list is a list, because files of 0.8 then remove names from it.
    """

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return [*self, *other] if isinstance(other, list) else Names((*self, *other))

    def __radd__(self, other: Any) -> Any:
        return [*other, *self] if isinstance(other, list) else NotImplemented


class ComparableMixin:
    """I make objects of one class equal if the attributes named in C{compare_attrs} are equal.

    An attribute that both objects lack counts as equal. Classes count as one class if module, name and code
    are equal: each load of master.cfg creates them again. A reconfig finds real changes this way.
    """

    compare_attrs: Sequence[str] = Names()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if type(cls.compare_attrs) is tuple:
            cls.compare_attrs = Names(cls.compare_attrs)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ComparableMixin) or not sameClass(type(self), type(other)):
            return NotImplemented
        return sameValue(self._compared(), other._compared())

    def _compared(self) -> dict[str, object]:
        return {name: getattr(self, name, _ABSENT) for name in self.compare_attrs}

    def __hash__(self) -> int:
        """Equal objects have equal hashes. Lists, classes and other complex values do not count."""
        values = self._compared().values()
        plain = tuple(value for value in values if isinstance(value, (str, bytes, int, float)))
        return hash((type(self).__module__, type(self).__qualname__, plain))

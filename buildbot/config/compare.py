# -*- test-case-name: tests.unit.config.test_compare -*-
"""Comparison by value: whether values from two loads of one master.cfg say the same.

Loading a file again makes new class and function objects of the same text. So identity says too much, and a
name too little, for the text may have changed. Here values are compared with what they would do. Nothing
here is called by the values' own C{==} unless they ask for it, as L{ComparableMixin} does; nothing is
ordered or hashed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType

_SCALARS = (str, bytes, int, float, complex, bool, type(None), range)
_MAPPINGS = (dict, Mapping)  # a plain dictionary is known at once, which an abstract class is slow to say
#: What Python, or zope.interface, keeps in a class beside what its author wrote there.
_NOISE = frozenset(
    "__dict__ __weakref__ __doc__ __module__ __qualname__ __firstlineno__ __static_attributes__"
    " __annotations__ __annotate__ __annotate_func__ __annotations_cache__ __abstractmethods__ _abc_impl"
    " __implemented__ __provides__ __providedBy__".split()
)
_Seen = set[tuple[int, int]]


def sameValue(one: object, other: object) -> bool:
    """True if the two are equal, where a class or a function equals another one with the same name and text.

    Lists, tuples and dictionaries are looked into. A C{==} that raises counts as unequal.
    """
    return _same(one, other, set(), strict=True)


def sameClass(one: type, other: type) -> bool:
    """True if the two are one class, or one class loaded twice: module, name, bases and text agree."""
    return one is other or _sameClass(one, other, set())


def _same(one: object, other: object, seen: _Seen, strict: bool) -> bool:
    """What L{sameValue} promises; without C{strict}, objects that cannot be compared count as equal."""
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
        return one.__name__ == other.__name__  # what is used of it is compared where it is used
    if not strict and type(one).__eq__ is object.__eq__:
        return True
    try:
        return bool(one == other)
    except Exception:  # a plug-in's own comparison is broken: to call the values different is the safe answer
        return False


def _parts(value: object) -> list[object] | None:
    """What a value is made of, if that is all there is to it."""
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
    """True if the values are as many on both sides, and the same in their order."""
    left, right = list(some), list(others)
    return len(left) == len(right) and all(map(lambda a, b: _same(a, b, seen, strict), left, right))


def _sameClass(one: type, other: type, seen: _Seen) -> bool:
    if (one.__module__, one.__qualname__) != (other.__module__, other.__qualname__):
        return False
    mine, others = _written(one), _written(other)
    return (
        mine.keys() == others.keys()
        and _sameEach(one.__bases__, other.__bases__, seen, strict=False)
        and all(_same(mine[name], others[name], seen, strict=False) for name in mine)
    )


def _written(cls: type) -> dict[str, object]:
    """What the author of a class wrote into it."""
    return {name: value for name, value in vars(cls).items() if name not in _NOISE}


def _sameFunction(one: FunctionType, other: FunctionType, seen: _Seen) -> bool:
    """True if the functions do the same, with what they take from around them; line numbers do not count."""
    return (
        _text(one.__code__) == _text(other.__code__)
        and _same(one.__defaults__, other.__defaults__, seen, strict=False)
        and _same(one.__kwdefaults__, other.__kwdefaults__, seen, strict=False)
        and _sameEach(_enclosed(one), _enclosed(other), seen, strict=False)
        and _sameUsed(one, other, seen)
    )


def _text(code: CodeType) -> tuple[object, ...]:
    """What a piece of code does: all of it but where it stands."""
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
    """The values that a function keeps of the functions around it."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # an empty cell: the name has not been given a value
            found.append(None)
    return found


def _sameUsed(one: FunctionType, other: FunctionType, seen: _Seen) -> bool:
    """True if the global names that the functions use mean the same to both.

    Functions, classes and plain values count, also those that are reached through a module. Other objects
    do not: a log or a cache that each load makes anew would make every function look changed.
    """
    names = sorted(_names(one.__code__))
    for name in names:
        mine, others = one.__globals__.get(name), other.__globals__.get(name)
        pairs = [(mine, others)]
        if isinstance(mine, ModuleType) and isinstance(others, ModuleType) and mine is not others:
            pairs += [(vars(mine).get(attr), vars(others).get(attr)) for attr in names]
        for left, right in pairs:
            if _telling(left) or _telling(right):
                if not _same(left, right, seen, strict=False):
                    return False
    return True


def _names(code: CodeType) -> set[str]:
    """The names that code, and what is defined in it, looks up outside of itself."""
    inner = [_names(each) for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*inner)


def _telling(value: object) -> bool:
    """True for a value whose change would change what its users do, and that no running code alters."""
    return isinstance(value, (FunctionType, type, ModuleType, tuple, frozenset, *_SCALARS))


_ABSENT = object()


class ComparableMixin:
    """I make objects of one class equal if they agree in the attributes that C{compare_attrs} names.

    An attribute that both lack agrees. Two classes of one module and name, and with the same text, are the
    same class: each load of master.cfg makes them anew. So a reconfig can tell what really changed.
    """

    compare_attrs: Sequence[str] = ()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, ComparableMixin) or not sameClass(type(self), type(other)):
            return NotImplemented
        return sameValue(self._compared(), other._compared())

    def _compared(self) -> dict[str, object]:
        return {name: getattr(self, name, _ABSENT) for name in self.compare_attrs}

    def __hash__(self) -> int:
        """Equal objects have equal hashes. What is no plain value (a list, a class) does not count in it."""
        values = self._compared().values()
        plain = tuple(value for value in values if isinstance(value, (str, bytes, int, float)))
        return hash((type(self).__module__, type(self).__qualname__, plain))

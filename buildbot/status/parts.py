# -*- test-case-name: tests.unit.status.test_parts -*-
"""Lists of parts that refer to their whole, such as the steps of a build, without cycles of references.

A cycle is freed only by the garbage collector. At the end of a build that took a tenth of its CPU.
"""

from __future__ import annotations

from typing import Any, Generic, TypeAlias, TypeVar
from weakref import ref

_T = TypeVar("_T")

#: The rest of a part: its class, its attributes, and the part itself while anybody else holds it. The
#: reference to the whole is in a slot of its class, so it is not among the attributes.
Remains: TypeAlias = "tuple[type[Any], dict[str, Any], ref[Any]]"


class Parts(Generic[_T]):
    """I am an attribute of a class of wholes: a list of parts.

    While the whole changes, it has a list of its own under my name. At its end it deletes that list, and sets
    C{remains} in its place. Then I make the list for each reader. A part that somebody holds stays the same
    object.
    """

    def __init__(self, up: str) -> None:
        """@param up: the attribute of a part that refers to the whole."""
        self._up = up

    def __get__(self, whole: Any, kind: type[object]) -> list[_T]:
        if whole is None:  # a tool looks at the class
            return []
        remains: list[Remains] = whole.remains
        found = []
        for place, (part, values, last) in enumerate(remains):
            made = last()
            if made is None:
                made = object.__new__(part)
                made.__dict__ = values
                remains[place] = part, values, ref(made)
            setattr(made, self._up, whole)
            found.append(made)
        return found

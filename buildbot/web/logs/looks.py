# -*- test-case-name: tests.unit.web.logs.test_looks -*-
"""The looks of text on a terminal: its colours and its style, and the CSS classes for them.

This module knows the parameters of SGR (C{CSI ... m}). It does not search a text for them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

#: The flags of L{Looks}, and their CSS classes.
BOLD, FAINT, ITALIC, UNDERLINE, INVERSE, STRIKE = (1 << bit for bit in range(6))
_CLASSES = ((BOLD, "b"), (FAINT, "d"), (ITALIC, "i"), (UNDERLINE, "u"), (STRIKE, "s"))
#: The flags that a parameter sets, and the flags that it clears.
_SET = {1: BOLD, 2: FAINT, 3: ITALIC, 4: UNDERLINE, 7: INVERSE, 9: STRIKE, 21: UNDERLINE}
_CLEAR = {22: BOLD | FAINT, 23: ITALIC, 24: UNDERLINE, 27: INVERSE, 29: STRIKE}
#: The levels of red, green and blue in the cube of the colours 16 to 231.
_LEVELS = (0, 95, 135, 175, 215, 255)
_GREYS = tuple(8 + 10 * step for step in range(24))
_PARAMETERS = re.compile(r"[0-9:;]*\Z")


class Looks(NamedTuple):
    """I am how the next character looks.

    A colour is its number in the palette of 256, or -1 for the colour of the page.
    """

    foreground: int = -1
    background: int = -1
    flags: int = 0

    def packed(self) -> int:
        """Me as a number below 2**24, for an index."""
        return (self.foreground + 1) << 15 | (self.background + 1) << 6 | self.flags


PLAIN = Looks()


def unpacked(number: int) -> Looks:
    """The reverse of L{Looks.packed}.

    @raise ValueError: no looks have this number.
    """
    looks = Looks((number >> 15) - 1, (number >> 6 & 511) - 1, number & 63)
    if number < 0 or max(looks.foreground, looks.background) > 255:
        raise ValueError(f"{number} is no number of looks")
    return looks


@lru_cache(4096)
def after(looks: Looks, parameters: str) -> Looks:
    """The looks after an SGR sequence with these parameters, such as "1;31"; unknown ones change nothing."""
    if not _PARAMETERS.match(parameters):
        return looks
    todo = parameters.split(";")[::-1]
    while todo:
        looks = _step(looks, todo.pop(), todo)
    return looks


def _step(looks: Looks, parameter: str, todo: list[str]) -> Looks:
    """The looks after one parameter, which may take more from the end of C{todo}."""
    code, *more = (min(int(each or 0), 999) for each in parameter.split(":"))
    if code == 0:
        return PLAIN
    if code in (38, 48, 58):
        colour = _ofSubparameters(more) if more else _ofParameters(todo)
        return looks if colour is None else _coloured(looks, code, colour)
    if code == 4 and more[:1] == [0]:
        return looks._replace(flags=looks.flags & ~UNDERLINE)
    if code in _SET:
        return looks._replace(flags=looks.flags | _SET[code])
    if code in _CLEAR:
        return looks._replace(flags=looks.flags & ~_CLEAR[code])
    if code in (39, 49):
        return _coloured(looks, code - 1, -1)
    tens, ones = divmod(code, 10)
    if tens in (3, 4, 9, 10) and ones < 8:
        return _coloured(looks, 38 if tens in (3, 9) else 48, ones if tens < 9 else ones + 8)
    return looks


def _coloured(looks: Looks, code: int, colour: int) -> Looks:
    """The looks with a new colour; that of underlines (58) is ignored."""
    if code == 38:
        return looks._replace(foreground=colour)
    return looks._replace(background=colour) if code == 48 else looks


def _ofParameters(todo: list[str]) -> int | None:
    """The colour of the parameters after 38 or 48: "5;N" or "2;R;G;B"."""
    space = todo.pop() if todo else ""
    wanted = {"5": 1, "2": 3}.get(space, 0)
    values = [todo.pop() for _ in range(min(wanted, len(todo)))]
    if not wanted or len(values) < wanted or any(":" in each for each in values):
        return None
    return _colour([min(int(each or 0), 999) for each in values])


def _ofSubparameters(values: list[int]) -> int | None:
    """The colour of "5:N", "2:R:G:B" or "2:SPACE:R:G:B"."""
    if values[0] == 5 and len(values) == 2:
        return _colour(values[1:])
    if values[0] == 2 and len(values) >= 4:
        return _colour(values[1:4] if len(values) == 4 else values[2:5])
    return None


def _colour(values: list[int]) -> int | None:
    """The number of a colour in the palette; None if a value is above 255."""
    if max(values) > 255:
        return None
    return values[0] if len(values) == 1 else nearest(*values)


@lru_cache(4096)
def nearest(red: int, green: int, blue: int) -> int:
    """The colour of the palette, 16 to 255, that is nearest to one of 0 to 255 each."""
    wanted = (red, green, blue)
    cube = [min(range(6), key=lambda step: abs(_LEVELS[step] - value)) for value in wanted]
    grey = min(range(24), key=lambda step: abs(3 * _GREYS[step] - sum(wanted)))
    numbers = (16 + 36 * cube[0] + 6 * cube[1] + cube[2], 232 + grey)
    return min(
        numbers, key=lambda number: sum((a - b) ** 2 for a, b in zip(rgb(number), wanted, strict=True))
    )


def rgb(colour: int) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255 each, of a colour from 16 to 255."""
    if colour >= 232:
        grey = _GREYS[colour - 232]
        return grey, grey, grey
    step = colour - 16
    return _LEVELS[step // 36], _LEVELS[step // 6 % 6], _LEVELS[step % 6]


@lru_cache(4096)
def classes(looks: Looks) -> str:
    """The CSS classes of looks, with blanks between; empty for plain looks.

    Foregrounds are C{a30} to C{a37}, C{a90} to C{a97} and C{f16} to C{f255}; backgrounds C{a40} to C{a47},
    C{a100} to C{a107} and C{g16} to C{g255}. Inverse text has its two colours exchanged here; C{v} exchanges
    the colours of the page, for those that the text leaves as they are.
    """
    front, back = looks.foreground, looks.background
    inverse = bool(looks.flags & INVERSE)
    if inverse:
        front, back = back, front
    names = ["v"] if inverse else []
    names += [name for flag, name in _CLASSES if looks.flags & flag]
    names += [] if front < 0 else [_named(front, "f", 30)]
    names += [] if back < 0 else [_named(back, "g", 40)]
    return " ".join(names)


def _named(colour: int, letter: str, basis: int) -> str:
    if colour > 15:
        return f"{letter}{colour}"
    return f"a{basis + colour if colour < 8 else basis + 60 + colour - 8}"


def rules() -> str:
    """The CSS rules of the classes C{f16} to C{f255} and C{g16} to C{g255}, for a style sheet."""
    colours = {number: "#{:02x}{:02x}{:02x}".format(*rgb(number)) for number in range(16, 256)}
    return "".join(
        f".f{number}{{color:{colour}}}.g{number}{{background-color:{colour}}}\n"
        for number, colour in colours.items()
    )

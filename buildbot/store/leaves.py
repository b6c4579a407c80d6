# -*- test-case-name: tests.unit.store.test_leaves -*-
"""Read rows from the leaf pages of a damaged SQLite file, without its index pages.

A leaf page holds whole rows but does not name the table. The caller recognizes its rows by the number and
types of their values. Pages in the file's list of free pages are skipped: they hold deleted rows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

#: The size of a page in bytes: SQLite's default, which the store uses.
PAGE = 4096
_LEAF = 0x0D
#: Upper limits for the values and the bytes of a row in the store.
_COLUMNS, _BYTES = 64, 1 << 26
_SIZES: Mapping[int, int] = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}


class _Nonsense(Exception):
    """The bytes are not a row."""


def rowsOnLeaves(image: bytes) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield each row of all table leaf pages: its rowid and its values, unchecked."""
    free = _freePages(image)
    for page in range(2, len(image) // PAGE + 1):
        start = (page - 1) * PAGE
        if image[start] != _LEAF or page in free:
            continue
        (count,) = struct.unpack_from(">H", image, start + 3)
        for number in range(min(count, PAGE // 4)):
            (offset,) = struct.unpack_from(">H", image, start + 8 + 2 * number)
            try:
                yield _cell(image, start, offset)
            except (_Nonsense, IndexError, struct.error, UnicodeDecodeError):
                continue


def _freePages(image: bytes) -> set[int]:
    """The numbers of the free pages, as far as the file's list is readable."""
    free: set[int] = set()
    if len(image) < PAGE:
        return free
    (trunk,) = struct.unpack_from(">I", image, 32)
    while 1 < trunk <= len(image) // PAGE and trunk not in free:
        free.add(trunk)
        following, count = struct.unpack_from(">II", image, (trunk - 1) * PAGE)
        if count > PAGE // 4 - 2:
            break
        free.update(struct.unpack_from(f">{count}I", image, (trunk - 1) * PAGE + 8))
        trunk = following
    return free


def _cell(image: bytes, start: int, offset: int) -> tuple[int, Sequence[Any]]:
    if not 8 <= offset < PAGE:
        raise _Nonsense
    size, at = _varint(image, start + offset)
    rowid, at = _varint(image, at)
    if size > _BYTES:
        raise _Nonsense
    return rowid - (1 << 64 if rowid >= 1 << 63 else 0), _values(_payload(image, start, at, size))


def _payload(image: bytes, start: int, at: int, size: int) -> bytes:
    """The bytes of a row, including its overflow pages."""
    local = size
    if size > PAGE - 35:
        least = (PAGE - 12) * 32 // 255 - 23
        local = least + (size - least) % (PAGE - 4)
        local = local if local <= PAGE - 35 else least
    if at + local > start + PAGE:
        raise _Nonsense
    parts = [image[at : at + local]]
    left = size - local
    if left:
        (page,) = struct.unpack_from(">I", image, at + local)
        while left > 0:
            if not 1 < page <= len(image) // PAGE:
                raise _Nonsense
            place = (page - 1) * PAGE
            parts.append(image[place + 4 : place + 4 + min(left, PAGE - 4)])
            left -= PAGE - 4
            (page,) = struct.unpack_from(">I", image, place)
    return b"".join(parts)


def _values(payload: bytes) -> Sequence[Any]:
    end, at = _varint(payload, 0)
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
        if len(kinds) > _COLUMNS:
            raise _Nonsense
    values = []
    at = end
    for kind in kinds:
        size = _SIZES[kind] if kind in _SIZES else (kind - 12) // 2
        data = payload[at : at + size]
        if kind in (10, 11) or len(data) != size:
            raise _Nonsense
        values.append(_value(kind, data))
        at += size
    if at != len(payload):
        raise _Nonsense
    return values


def _value(kind: int, data: bytes) -> Any:
    if kind == 0:
        return None
    if kind in (8, 9):
        return kind - 8
    if kind == 7:
        return struct.unpack(">d", data)[0]
    if kind < 7:
        return int.from_bytes(data, "big", signed=True)
    return data.decode("utf-8") if kind % 2 else data


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a variable-length integer (1 to 9 bytes). Returns it and the offset of its end."""
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + place + 1
    return value << 8 | data[at + 8], at + 9

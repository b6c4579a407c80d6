# -*- test-case-name: tests.unit.changes.test_p4log -*-
"""Read the output of C{p4 -G}: dictionaries in the format of Python's C{marshal}.

C{marshal} itself is not safe for data from a server. So this module reads the few types that p4 uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from buildbot.programs.output import BadOutput

#: The codes for characters in names of files, such as C{%40} for C{@}.
_ESCAPED = re.compile("%(40|23|2[Aa]|25)")


@dataclass(frozen=True)
class Submitted:
    """One submitted changelist.

    @ivar when: the time of the submit, in seconds since the epoch.
    @ivar files: the paths in the depot.
    """

    number: int
    user: str
    client: str
    when: float
    comments: str
    files: tuple[str, ...]


def records(output: bytes) -> list[dict[bytes, bytes]]:
    """The dictionaries in the output; numbers become text. @raise BadOutput: it cannot be read."""
    found: list[dict[bytes, bytes]] = []
    at = 0
    while at < len(output):
        if output[at : at + 1] != b"{":
            raise BadOutput("p4 printed something other than records")
        record: dict[bytes, bytes] = {}
        at += 1
        while output[at : at + 1] != b"0":
            key, at = _value(output, at)
            record[key], at = _value(output, at)
        found.append(record)
        at += 1
    return found


def _value(output: bytes, at: int) -> tuple[bytes, int]:
    number = output[at + 1 : at + 5]
    if len(number) == 4 and output[at : at + 1] in b"si":
        size = int.from_bytes(number, "little", signed=True)
        if output[at : at + 1] == b"i":
            return str(size).encode(), at + 5
        if 0 <= size <= len(output) - at - 5:
            return output[at + 5 : at + 5 + size], at + 5 + size
    raise BadOutput("p4 printed a record that ends in the middle")


def errors(found: list[dict[bytes, bytes]]) -> str:
    """The errors among the records, for people; empty if there is none."""
    told = [each.get(b"data", b"").decode("utf-8", "replace").strip() for each in found if _isError(each)]
    return "; ".join(" ".join(each.split()) for each in told)


def _isError(record: Mapping[bytes, bytes]) -> bool:
    """True for an error. A warning, such as that a depot has no such file, has severity 2."""
    return record.get(b"code") == b"error" and record.get(b"severity", b"3") not in (b"0", b"1", b"2")


def numbers(found: list[dict[bytes, bytes]]) -> list[int]:
    """The numbers of the changelists in the output of C{p4 changes}, the oldest first."""
    try:
        return sorted(int(each[b"change"]) for each in found if b"change" in each)
    except ValueError as error:
        raise BadOutput(f"p4 printed a changelist that cannot be read: {error}") from error


def submitted(found: list[dict[bytes, bytes]], encoding: str) -> Submitted:
    """The changelist in the output of C{p4 describe}.

    @param encoding: of its texts; bad bytes become U+FFFD in comments, and lone surrogates in names of files.
    @raise BadOutput: it cannot be read.
    """
    try:
        (record,) = (each for each in found if b"change" in each)
        texts = {key: record[key].decode(encoding, "replace") for key in (b"user", b"desc")}
        return Submitted(
            int(record[b"change"]),
            texts[b"user"],
            record.get(b"client", b"").decode(encoding, "replace"),
            float(record[b"time"]),
            texts[b"desc"],
            tuple(_files(record, encoding)),
        )
    except (KeyError, ValueError) as error:
        raise BadOutput(f"p4 describe printed a changelist that cannot be read: {error!r}") from error


def _files(record: Mapping[bytes, bytes], encoding: str) -> list[str]:
    files: list[str] = []
    while (path := record.get(b"depotFile%d" % len(files))) is not None:
        name = path.decode(encoding, "surrogateescape")
        files.append(_ESCAPED.sub(lambda code: chr(int(code[1], 16)), name))
    return files

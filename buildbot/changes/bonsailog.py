# -*- test-case-name: tests.unit.changes.test_bonsailog -*-
"""Read the XML in which a Bonsai server answers a query: the commits of a CVS repository."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree
from xml.parsers import expat


class InvalidResultError(Exception):
    """The answer cannot be read, or lacks something."""

    def __init__(self, value: str = "InvalidResultError") -> None:
        super().__init__(value)
        self.value = value


class EmptyResult(Exception):
    """The answer has no commit."""


@dataclass
class FileNode:
    """One file of a commit."""

    revision: str = ""
    filename: str = ""


@dataclass
class CiNode:
    """One commit; C{date} is in seconds since the epoch."""

    log: str = ""
    who: str = ""
    date: int = 0
    files: list[FileNode] = field(default_factory=list)


@dataclass
class BonsaiResult:
    """All commits of an answer, in its order."""

    nodes: list[CiNode] = field(default_factory=list)


class BonsaiParser:
    """I read an answer."""

    def __init__(self, bonsaiQuery: IO[bytes] | IO[str] | bytes | str) -> None:
        """@raise InvalidResultError: it is not a whole XML document, or it has a DOCTYPE."""
        said = bonsaiQuery if isinstance(bonsaiQuery, (bytes, str)) else bonsaiQuery.read()
        data = said.encode("utf-8", "replace") if isinstance(said, str) else _utf8(said)
        try:
            _refuseDoctype(data)
            self._root = ElementTree.fromstring(data)
        except (ElementTree.ParseError, expat.ExpatError, ValueError) as error:
            raise InvalidResultError(f"Bonsai answered XML that cannot be read: {error}") from error

    def getData(self) -> BonsaiResult:
        """The commits.

        @raise EmptyResult: there is none.
        @raise InvalidResultError: a commit lacks something.
        """
        nodes = list(self._nodes())
        if not nodes:
            raise EmptyResult()
        return BonsaiResult(nodes)

    def _nodes(self) -> Iterator[CiNode]:
        for ci in self._root.iter("ci"):
            who, date, log = ci.get("who"), ci.get("date"), ci.find("log")
            if not who or not date or log is None:
                raise InvalidResultError("Bonsai answered a commit without an author, a date or a log")
            if not date.isascii() or not date.isdigit() or len(date) > 12:
                raise InvalidResultError(f"Bonsai answered a commit with the date {date[:20]!r}")
            yield CiNode((log.text or "").strip(), who, int(date), [_file(each) for each in ci.iter("f")])


def _file(element: ElementTree.Element) -> FileNode:
    revision, name = element.get("rev"), (element.text or "").strip()
    if not revision or not name:
        raise InvalidResultError("Bonsai answered a file without a name or a revision")
    return FileNode(revision, name)


def _utf8(data: bytes) -> bytes:
    """The data, or, if it is neither UTF-8 nor names an encoding, its characters of Latin-1 in UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        if b"encoding=" not in data[:100]:
            return data.decode("latin-1").encode("utf-8")
    return data


def _refuseDoctype(data: bytes) -> None:
    """A DOCTYPE can define entities that fill the memory. No Bonsai sends one."""

    def refuse(*told: object) -> None:
        raise ValueError("it has a DOCTYPE")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(data, True)

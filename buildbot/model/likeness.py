# -*- test-case-name: tests.unit.model.test_likeness -*-
"""A number for requests that one build may serve, so that a store finds them by an index.

L{BuildRequest.canBeMergedWith<buildbot.process.request.BuildRequest.canBeMergedWith>} has the rule itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from buildbot.model.records import BuildsetRecord, RequestRecord


def likenessOf(record: BuildsetRecord | RequestRecord) -> int | None:
    """The number of a set and its requests: see L{likeness}. None if each needs a build of its own."""
    return likeness(record.sourcestamp, record.properties) if record.mergeable else None


def likeness(source: Mapping[str, Any], properties: Mapping[str, Any]) -> int | None:
    """A number from 0 to 2**31 - 1. Requests that one build may serve have the same; some others too.

    @param source: the source stamp, as a record. One with a patch, in any codebase, has no number.
    """
    parts: list[str] = []
    stamps = [source, *source.get("beside", ())]
    if len(stamps) > 1:  # in any order
        stamps.sort(key=lambda each: str(each.get("codebase", "")))
    for each in stamps:
        if each.get("patch"):
            return None
        parts += [
            _text(each.get("branch")),
            _text(each.get("revision")),
            _text(each.get("repository", "")),
            _text(each.get("project", "")),
            _text(each.get("codebase", "")),
            "changes" if each.get("changes") else "none",
        ]
    if properties:
        parts += [f"{name}={_text(properties[name])}" for name in sorted(properties)]
    return crc32("\n".join(parts).encode("utf-8", "surrogatepass")) >> 1


def _text(value: object) -> str:
    """Equal values have equal texts. 1, 1.0 and True are equal, too: only texts are told apart."""
    return f"'{value}" if isinstance(value, str) else "" if value is None else "?"

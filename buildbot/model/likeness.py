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
    """The number of a set and its requests, from 0 to 2**31 - 1. None if each needs a build of its own.

    Requests that one build may serve have the same number. Some others have it too.
    """
    source = record.sourcestamp
    if not record.mergeable or source.get("patch"):
        return None
    parts = [
        _text(source.get("branch")),
        _text(source.get("revision")),
        _text(source.get("repository", "")),
        _text(source.get("project", "")),
        _text(source.get("codebase", "")),
        "changes" if source.get("changes") else "none",
    ]
    if record.properties:
        parts += _ofProperties(record.properties)
    return crc32("\n".join(parts).encode("utf-8", "surrogatepass")) >> 1


def _ofProperties(properties: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_text(properties[name])}" for name in sorted(properties)]


def _text(value: object) -> str:
    """Equal values have equal texts. 1, 1.0 and True are equal, too: only texts are told apart."""
    return f"'{value}" if isinstance(value, str) else "" if value is None else "?"

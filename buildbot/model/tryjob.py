# -*- test-case-name: tests.unit.model.test_tryjob -*-
"""Try jobs: builds of a patch that a developer requests before the commit; and the files with such jobs.

A job file is a run of netstrings. The first is the version of the format:

 - 1: id, branch, base revision, patch level, patch, then one netstring for each builder (0.7)
 - 2: as 1, with repository and project after the patch (0.8)
 - 3: as 2, and then the author; 4: and then a comment
 - 5: one JSON object with all of these, and properties (0.8.10)
 - 6: as 5, with the patch in base 64, so that it may hold any bytes

This module reads and writes no file.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: The most bytes of a job file, and so of each netstring in it.
LONGEST_JOB = 16 << 20
#: The most digits of the length of a netstring.
_DIGITS = len(str(LONGEST_JOB))
#: The most characters of each text of a job but the patch and a context of darcs.
LONGEST_TEXT = 64 << 10
#: The most characters of the base revision: it may be a context of darcs.
LONGEST_REVISION = 4 << 20
#: The most builders and the most properties of a job.
MOST_NAMES = 1000
#: The highest number for C{patch -p}.
HIGHEST_LEVEL = 100


class BadJobfile(Exception):
    """A try job is malformed. The message says what is wrong."""


@dataclass(frozen=True)
class TryJob:
    """One try job.

    @ivar jobid: the id that the client chose, to find its build set; or None.
    @ivar branch: None is the main line.
    @ivar baserev: the revision that the patch is for; None is the latest.
    @ivar patchLevel: the number for C{patch -p}.
    @ivar diff: the patch. Bytes that are not UTF-8 are surrogates.
    @ivar builderNames: the wanted builders; none of them means all.
    """

    jobid: str | None = None
    branch: str | None = None
    baserev: str | int | None = None
    patchLevel: int = 0
    diff: str = ""
    repository: str = ""
    project: str = ""
    who: str = ""
    comment: str = ""
    builderNames: Sequence[str] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def patch(self) -> tuple[int, str]:
        """The patch for a source stamp."""
        return self.patchLevel, self.diff


# ---- calls


def jobOfCall(arguments: Sequence[Any]) -> TryJob:
    """The job in the arguments of the remote call C{try}, of any generation of clients.

    0.7.5 sends (branch, revision, patch, builder names), 0.7.12 also properties. Later ones send (branch,
    revision, patch, repository, project, builder names, who, comment, properties).

    @raise BadJobfile: an argument is not valid.
    """
    given = list(arguments)
    if len(given) > 3 and isinstance(given[3], (list, tuple)):
        names: tuple[str, ...] = ("branch", "baserev", "patch", "builderNames", "properties")
    else:
        names = (
            *("branch", "baserev", "patch", "repository", "project", "builderNames"),
            *("who", "comment", "properties"),
        )
    if not 4 <= len(given) <= len(names):
        raise BadJobfile(f"a try job with {len(given)} arguments")
    said = dict(zip(names, given, strict=False))
    patch = said.pop("patch")
    if patch is None:
        patch = (0, "")
    if not isinstance(patch, (list, tuple)) or len(patch) != 2:
        raise BadJobfile("the patch is not a pair of its level and its text")
    return _job({**said, "patch_level": patch[0], "patch_body": patch[1]})


# ---- files


def readJob(data: bytes) -> TryJob:
    """The job in a job file.

    @raise BadJobfile: the file is not valid.
    """
    if len(data) > LONGEST_JOB:
        raise BadJobfile(f"it has more than {LONGEST_JOB} bytes")
    version, *strings = _strings(data)
    if version in (b"5", b"6"):
        return _job(_object(strings, version == b"6"))
    keys = _KEYS.get(version)
    if keys is None:
        raise BadJobfile(f"its format has the unknown version {_word(version)[:20]!r}")
    if len(strings) < len(keys):
        raise BadJobfile(f"it has only {len(strings)} of the {len(keys)} texts before the builders")
    said: dict[str, Any] = dict(zip(keys, strings, strict=False))
    return _job({**said, "builderNames": strings[len(keys) :]})


def writeJob(job: TryJob) -> bytes:
    """The job file of a job, in the oldest format that can hold it."""
    head = [job.jobid or "", job.branch or "", "" if job.baserev is None else str(job.baserev)]
    patch = [str(job.patchLevel), job.diff]
    place, texts = [job.repository, job.project], [job.who, job.comment]
    if job.properties:
        return _writeObject(job)
    if job.comment:
        parts = ["4", *head, *patch, *place, *texts]
    elif job.who:
        parts = ["3", *head, *patch, *place, job.who]
    elif any(place):
        parts = ["2", *head, *patch, *place]
    else:
        parts = ["1", *head, *patch]
    return b"".join(map(ns, [*parts, *job.builderNames]))


def ns(s: str | bytes) -> bytes:
    """The netstring of a text."""
    data = s if isinstance(s, bytes) else s.encode("utf-8", "surrogateescape")
    return b"%d:%s," % (len(data), data)


_FIRST = ("jobid", "branch", "baserev", "patch_level", "patch_body")
_PLACE = ("repository", "project")
#: Version -> the keys of its netstrings, before the builders.
_KEYS = {
    b"1": _FIRST,
    b"2": (*_FIRST, *_PLACE),
    b"3": (*_FIRST, *_PLACE, "who"),
    b"4": (*_FIRST, *_PLACE, "who", "comment"),
}


def _strings(data: bytes) -> list[bytes]:
    """The netstrings of a file, at least one. Raises L{BadJobfile}."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        colon = data.find(b":", at, at + _DIGITS + 1)
        digits = data[at:colon]
        if colon < 0 or not digits.isdigit():
            raise BadJobfile(f"byte {at} does not begin a netstring: a length and a colon are missing")
        begin, end = colon + 1, colon + 1 + int(digits)
        if end >= len(data):
            raise BadJobfile(f"it ends within the netstring at byte {at}: it is cut off")
        if data[end] != ord(","):
            raise BadJobfile(f"the netstring at byte {at} does not end in a comma")
        found.append(data[begin:end])
        at = end + 1
        if len(found) > MOST_NAMES + len(_KEYS[b"4"]) + 1:
            raise BadJobfile(f"it has more than {MOST_NAMES} builders")
    if not found:
        raise BadJobfile("it is empty")
    return found


def _object(strings: Sequence[bytes], isEncoded: bool) -> dict[str, Any]:
    """The object of the formats 5 and 6."""
    if len(strings) != 1:
        raise BadJobfile(f"it has {len(strings)} netstrings after the version, and not one")
    try:
        said = json.loads(strings[0])
    except (ValueError, RecursionError) as error:
        raise BadJobfile(f"it holds no JSON: {str(error)[:200]}") from None
    if not isinstance(said, dict):
        raise BadJobfile("its JSON is not an object")
    if isEncoded:
        try:
            said["patch_body"] = b64decode(str(said.pop("patch_body_base64")), validate=True)
        except (KeyError, ValueError):
            raise BadJobfile("its patch is not in base 64") from None
    return said


def _writeObject(job: TryJob) -> bytes:
    said: dict[str, Any] = {
        "jobid": job.jobid,
        "branch": job.branch or "",
        "baserev": "" if job.baserev is None else str(job.baserev),
        "patch_level": job.patchLevel,
        "repository": job.repository,
        "project": job.project,
        "who": job.who,
        "comment": job.comment,
        "builderNames": list(job.builderNames),
        "properties": dict(job.properties),
    }
    data = job.diff.encode("utf-8", "surrogateescape")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        said["patch_body_base64"] = b64encode(data).decode("ascii")
        return ns("6") + ns(json.dumps(said))
    return ns("5") + ns(json.dumps({**said, "patch_body": job.diff}))


# ---- values


def _job(said: Mapping[str, Any]) -> TryJob:
    """The job of its values, which a client has sent. Raises L{BadJobfile}."""
    return TryJob(
        jobid=_text(said, "jobid") or None,
        branch=_text(said, "branch") or None,
        baserev=_revision(said.get("baserev")),
        patchLevel=_level(said.get("patch_level", 0)),
        diff=_text(said, "patch_body", LONGEST_JOB),
        repository=_text(said, "repository"),
        project=_text(said, "project"),
        who=_text(said, "who"),
        comment=_text(said, "comment"),
        builderNames=_names(said.get("builderNames")),
        properties=_properties(said.get("properties")),
    )


def _word(value: bytes | str) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _text(said: Mapping[str, Any], key: str, most: int = LONGEST_TEXT) -> str:
    value = said.get(key)
    if value is None:
        return ""
    if not isinstance(value, (str, bytes)):
        raise BadJobfile(f"its {_TITLES.get(key, key)} is not text")
    if len(value) > most:
        raise BadJobfile(f"its {_TITLES.get(key, key)} has more than {most} characters")
    return _sound(_word(value), key)


def _sound(text: str, key: str) -> str:
    """The text, if the store and the slaves can hold it."""
    if not text.isascii():
        try:
            text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise BadJobfile(f"its {_TITLES.get(key, key)} has characters that UTF-8 does not know") from None
    return text


_TITLES = {
    "jobid": "id",
    "baserev": "base revision",
    "patch_body": "patch",
    "who": "author",
    "builderNames": "list of builders",
}


def _revision(value: object) -> str | int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    revision = _text({"baserev": value}, "baserev", LONGEST_REVISION)
    # "None" is str(None), which clients of 0.7 write
    return None if revision in ("", "None") else revision


def _level(value: object) -> int:
    if isinstance(value, (str, bytes)) and value.isdigit() and len(value) < 4:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= HIGHEST_LEVEL:
        raise BadJobfile(f"its patch level is not a number from 0 to {HIGHEST_LEVEL}")
    return value


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        raise BadJobfile("its list of builders is not a list")
    if len(value) > MOST_NAMES:
        raise BadJobfile(f"it has more than {MOST_NAMES} builders")
    names = [_text({"builder": each}, "builder") for each in value]
    return tuple(dict.fromkeys(name for name in names if name))


def _properties(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadJobfile("its properties are not a dictionary")
    if len(value) > MOST_NAMES:
        raise BadJobfile(f"it has more than {MOST_NAMES} properties")
    found: dict[str, Any] = {}
    for name, said in value.items():
        if not isinstance(name, (str, bytes)) or not name:
            raise BadJobfile("the name of a property is not text")
        key = _text({"name of a property": name}, "name of a property")
        if said is not None and not isinstance(said, (str, bytes, int, float)):
            raise BadJobfile(f"its property {key[:60]!r} is neither text nor a number")
        found[key] = _text({"property": said}, "property") if isinstance(said, (str, bytes)) else said
    return found

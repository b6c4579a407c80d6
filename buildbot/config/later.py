# -*- test-case-name: tests.unit.config.test_later -*-
"""Read the keys and entries of 0.7.6 to 0.8 as those of this release, before the rules see them.

This module checks no value: it renames keys, and turns entries into pairs and dictionaries. The rules then
speak of the keys that the file has: see L{Report.renamed}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from buildbot.config.builderconfig import BuilderConfig
from buildbot.config.buildslave import BuildSlave
from buildbot.config.messages import Raw, articled

#: Key of this release -> its names in later ones, in the order of preference.
NAMES = {
    "bots": ("slaves", "workers"),
    "sources": ("change_source",),
    "projectName": ("title",),
    "projectURL": ("titleURL",),
}
#: The keys of later releases that are read here.
KEYS = ("slaves", "workers", "change_source", "title", "titleURL", "protocols")
#: Keys that may be given under two names: the later name counts.
_DOUBLE = ("projectName", "projectURL")
#: The characters of a builder's name that 0.8 replaces in its directory.
_NOT_IN_DIRECTORIES = str.maketrans(dict.fromkeys("\t !#$%&'()*+,./:;<=>?@[\\]^{|}~", "_"))

#: Gives a copy the place in the file of its original.
Liken = Callable[[object, object], None]


@dataclass
class Translated:
    """A configuration in the terms of this release.

    @ivar renamed: key of this release -> the key that the file has.
    @ivar errors: (sentence, key) of each key that cannot be translated.
    @ivar doubts: (sentence, object) of each argument that is accepted but has no effect.
    """

    raw: dict[str, Any]
    renamed: dict[str, str] = field(default_factory=dict)
    errors: list[tuple[str, str]] = field(default_factory=list)
    doubts: list[tuple[str, str]] = field(default_factory=list)


def translated(raw: Raw, liken: Liken = lambda copy, original: None) -> Translated:
    """Translate the keys of a file of any release. The dictionary itself stays unchanged."""
    found = Translated(dict(raw))
    for key, others in NAMES.items():
        for other in others:
            if other in found.raw:
                _rename(found, other, key)
    _protocols(found)
    for key in ("sources", "status"):
        if callable(getattr(found.raw.get(key), "setServiceParent", None)):
            found.raw[key] = [found.raw[key]]
    if "change_source" in raw and found.raw.get("sources", ()) is None:
        found.raw["sources"] = []
    _entries(found, "bots", liken, lambda entry: _bot(entry, found))
    isLater = "slaves" in raw or "workers" in raw
    _entries(found, "builders", liken, lambda entry: _builder(entry, isLater))
    return found


def directoryOf(name: str) -> str:
    """The directory that 0.8 makes of a builder's name."""
    return name.translate(_NOT_IN_DIRECTORIES)


def _rename(found: Translated, other: str, key: str) -> None:
    if key in found.raw and key not in _DOUBLE:
        mine = found.renamed.get(key, key)
        found.errors.append((f"c[{mine!r}] and c[{other!r}] are two names of one key: keep one", other))
        del found.raw[other]
        return
    found.raw[key] = found.raw.pop(other)
    found.renamed[key] = other


def _protocols(found: Translated) -> None:
    """Take the port of the protocol pb."""
    if "protocols" not in found.raw:
        return
    said = found.raw.pop("protocols")
    if not isinstance(said, Mapping):
        found.errors.append((f"c['protocols'] must be a dict, not {articled(said)}", "protocols"))
        return
    for other in [each for each in said if each != "pb"]:
        found.errors.append(
            (f"c['protocols'] has {other!r}: slaves connect here by 'pb' alone, so take it out", "protocols")
        )
    port = said["pb"].get("port") if isinstance(said.get("pb"), Mapping) else None
    if port is None:
        found.errors.append(
            ("c['protocols'] names no port for slaves: write {'pb': {'port': 9989}}", "protocols")
        )
    elif "slavePortnum" in found.raw and str(found.raw["slavePortnum"]) != str(port):
        told = "c['protocols'] and c['slavePortnum'] name two ports: keep one of them"
        found.errors.append((told, "protocols"))
    else:
        found.raw["slavePortnum"] = port
        found.renamed["slavePortnum"] = "protocols"


def _entries(found: Translated, key: str, liken: Liken, read: Callable[[Any], Any]) -> None:
    entries = found.raw.get(key)
    if not isinstance(entries, (list, tuple)):
        return
    found.raw[key] = [read(entry) for entry in entries]
    for entry, copy in zip(entries, found.raw[key], strict=True):
        if copy is not entry:
            liken(copy, entry)


def _sendsMail(status: Any) -> bool:
    """True if a status part sends mails."""
    # imported here, because most files load faster without zope.interface
    from buildbot.interfaces import IEmailSender

    return any(map(IEmailSender.providedBy, status or ()))


def _bot(entry: object, found: Translated) -> Any:
    if not isinstance(entry, BuildSlave):
        return entry
    if entry.notify_on_missing and not _sendsMail(found.raw.get("status")):
        told = "notify_on_missing has no effect, because c['status'] has no MailNotifier"
        found.doubts.append((f"slave {entry.slavename!r}: {told}", "bots"))
    return entry.asBot()


def _builder(entry: object, isLater: bool) -> Any:
    if isinstance(entry, BuilderConfig):
        return dict(_completed(entry.getConfigDict()))
    if isinstance(entry, dict) and (isLater or "slavebuilddir" in entry):
        return dict(_completed(entry))
    return entry


def _completed(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the items of a builder in the style of 0.8, with its defaults."""
    yield from entry.items()
    slaves = entry.get("slavenames")
    if isinstance(slaves, str):
        yield "slavenames", [slaves]
    if "slavebuilddir" in entry:
        yield "builddir", entry["slavebuilddir"]
    elif "builddir" not in entry and isinstance(entry.get("name"), str):
        yield "builddir", directoryOf(entry["name"])

# -*- test-case-name: tests.unit.config.test_builders -*-
"""The rules for C{c['builders']}, and its conversion to values.

The rules check that a factory is one. They do not check how it makes builds.
"""

from __future__ import annotations

import ntpath
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any

from buildbot.config.bots import propertiesTrouble
from buildbot.config.kinds import takes
from buildbot.config.messages import (
    LONGEST_NAME,
    Raw,
    Report,
    Say,
    articled,
    asList,
    entries,
    listing,
    nameTrouble,
    nearest,
    noText,
    quoted,
    textTrouble,
)
from buildbot.config.model import BuilderConfig, ConfigError, MergeRule, SiteRule
from buildbot.config.optional import ChecksSteps

REQUIRED_KEYS = ("name", "builddir", "factory")
BUILDER_KEYS = (
    "name",
    "slavename",
    "slavenames",
    "builddir",
    "factory",
    "category",
    "locks",
    "mergeRequests",
    "slavebuilddir",
    "properties",
    "env",
    "description",
    "nextBuild",
    "nextSlave",
    "canStartBuild",
    "tags",
)
#: The functions of a builder -> their arguments in words, and the numbers of arguments that are possible.
_FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "nextBuild": ("a function of (builder, requests)", 2),
    "nextSlave": ("a function of (builder, slaves)", 2, 3),
    "canStartBuild": ("a function of (builder, slave, request)", 3),
}
#: Keys of other releases -> the remedy in words.
OTHER_KEYS = {
    "periodicBuildTime": "use a Periodic scheduler in c['schedulers']",
    "workername": "here it is 'slavename'",
    "workernames": "here it is 'slavenames'",
    "workerbuilddir": "the 'builddir' is the slave's directory too",
    "collapseRequests": "here it is 'mergeRequests'",
    "nextWorker": "here it is 'nextSlave'",
}
#: The most bytes of a builddir. The slave's own directory comes before it in the path.
LONGEST_DIRECTORY = 1024
#: Names that a slave's directory contains already.
SLAVES_OWN = ("info", "buildbot.tac", "twistd.log", "twistd.pid", "twistd.hostname")
#: The most builders of a slave. Perspective Broker keeps at most 1024 references, one for each.
MOST_BUILDERS = 1000
_COUNTS = ("no arguments", "one argument", "two arguments", "three arguments")

_Entry = dict[Any, Any]
#: A builder: its title, its dictionary, and a function that makes an error about it.
_Described = tuple[str, _Entry, Say]


def builders(raw: Raw) -> Iterator[BuilderConfig]:
    """Yield the builders of C{c['builders']}. Call it only if L{builderErrors} finds nothing."""
    for entry in entries(raw, "builders"):
        if not isinstance(entry, dict):
            continue
        category = entry.get("category")
        yield BuilderConfig(
            name=str(entry["name"]),
            slavenames=tuple(_slavenames(entry)),
            builddir=str(entry["builddir"]),
            factory=entry["factory"],
            category=None if category is None else str(category),
            locks=tuple(_listed(entry.get("locks"))),
            mergeRequests=mergeRule(entry),
            properties=dict(entry.get("properties") or {}),
            env=dict(entry.get("env") or {}),
            description=entry.get("description"),
            tags=tuple(map(str, _listed(entry.get("tags")))),
            **{key: SiteRule(entry[key]) for key in _FUNCTIONS if entry.get(key) is not None},
        )


def mergeRule(said: Mapping[Any, Any]) -> MergeRule | None:
    """The rule in C{mergeRequests} of the master or a builder; None if it is not set."""
    rule = said.get("mergeRequests")
    return None if rule is None else MergeRule(rule)


def mergeTrouble(said: Mapping[Any, Any]) -> str | None:
    """The fault of C{mergeRequests}, in words that follow its name, or None."""
    rule = said.get("mergeRequests")
    if rule is None or isinstance(rule, bool):
        return None
    return functionTrouble(
        rule, "a function of (builder, request, otherRequest)", 3, others="True, False or "
    )


def functionTrouble(value: object, wanted: str, *counts: int, others: str = "") -> str | None:
    """The fault of a function of the configuration, in words that follow its name, or None.

    @param counts: the possible numbers of its arguments.
    @param others: the other values that are allowed, in words.
    """
    if not callable(value) or isinstance(value, type):
        return f"must be {others}{wanted}, not {articled(value)}"
    if any(takes(value, *[None] * count) for count in counts):
        return None
    return f"must be {wanted}: this one does not take {_COUNTS[counts[0]]}"


def builderErrors(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield the errors in C{c['builders']}, rule by rule."""
    described = list(_describe(raw, report))
    for rule in _RULES:
        yield from rule(described, raw, report)


def builderDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield the warnings about C{c['builders']}."""
    described = list(_describe(raw, report))
    for rule in _DOUBTS:
        yield from rule(described, raw, report)


def _describe(raw: Raw, report: Report) -> Iterator[_Described]:
    """Yield the builders that are dictionaries, with their titles."""
    for index, entry in enumerate(entries(raw, "builders")):
        if isinstance(entry, dict):
            name = entry.get("name")
            named = isinstance(name, str) and not nameTrouble(name)
            title = f"builder {name!r}" if named else f"builder {index + 1}"
            yield title, entry, report.item(raw, "builders", index, name if isinstance(name, str) else None)


def _slavenames(entry: _Entry) -> dict[str, None]:
    """The slaves of a builder from C{slavename} and C{slavenames}, without duplicates."""
    one, several = entry.get("slavename"), entry.get("slavenames")
    if several is None:
        return {one: None} if isinstance(one, str) else {}
    every = (one, *_listed(several))
    return dict.fromkeys([name for name in every if isinstance(name, str)])


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _shapes(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    shape = "{'name': …, 'slavename': …, 'builddir': …, 'factory': …}"
    for index, entry in enumerate(entries(raw, "builders")):
        say = report.item(raw, "builders", index)
        if isinstance(entry, tuple):
            yield say(f"builder {index + 1} is a tuple; it must be defined with a dict: {shape}")
        elif not isinstance(entry, dict):
            yield say(f"builder {index + 1} must be a dict, not {articled(entry)}: {shape}")


def _keys(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    for title, entry, say in described:
        for key in REQUIRED_KEYS:
            if key not in entry:
                yield say(f"{title} lacks {key!r}")
        if "slavename" not in entry and "slavenames" not in entry:
            yield say(f"{title} lacks 'slavename' (or 'slavenames', a list)")
        for key in entry:
            if key not in BUILDER_KEYS:
                told = OTHER_KEYS.get(key) if isinstance(key, str) else None
                yield say(f"{title} has an unknown key {key!r}{f': {told}' if told else _like(key)}")


def _like(key: object) -> str:
    return nearest(key, BUILDER_KEYS) if isinstance(key, str) else ""


def _types(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    for title, entry, say in described:
        for key in ("name", "slavename", "builddir"):
            if not isinstance(entry.get(key, ""), str):
                yield say(f"{title}: {key!r} must be text, not {noText(entry[key])}")
        if not isinstance(entry.get("category"), (str, type(None))):
            yield say(f"{title}: 'category' must be text, not {noText(entry['category'])}")
        elif entry.get("category") and textTrouble(str(entry["category"])):
            yield say(f"{title} has a category that {textTrouble(str(entry['category']))}")
        for key, hint in (("slavenames", "; 'slavename' names a single one"), ("locks", "")):
            if not isinstance(entry.get(key, []), (list, tuple)):
                yield say(
                    f"{title}: {key!r} must be a list, not {articled(entry[key])}{asList(entry[key]) or hint}"
                )


def _values(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    for title, entry, say in described:
        trouble = propertiesTrouble(entry.get("properties") or {})
        if trouble:
            yield say(f"{title}: 'properties' must be {trouble}")
        env = entry.get("env") or {}
        if not isinstance(env, Mapping) or not all(isinstance(name, str) and name for name in env):
            yield say(f"{title}: 'env' must be a dict of variables")
        if not isinstance(entry.get("description"), (str, type(None))):
            yield say(f"{title}: 'description' must be text, not {noText(entry['description'])}")


def _names(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for index, (title, entry, say) in enumerate(described):
        name = entry.get("name")
        if not isinstance(name, str):
            continue
        trouble = nameTrouble(name)
        if trouble:
            yield say(f"{title} has a name that {trouble}")
        elif name.startswith("_"):
            yield say(f"{title}: names that begin with an underscore are reserved")
        elif name in seen:
            yield say(f"duplicate builder name {name!r}: builders {seen[name]} and {index + 1} have it")
        seen.setdefault(name, str(index + 1))


def _slaves(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    names = [
        entry[0] if isinstance(entry, (tuple, list)) and entry else None for entry in entries(raw, "bots")
    ]
    known = dict.fromkeys(name for name in names if isinstance(name, str))
    # An unreadable bot has its own error. Its name is unknown, so skip this rule.
    isKnown = isinstance(raw.get("bots"), (list, tuple)) and all(isinstance(name, str) for name in names)
    for title, entry, say in described:
        several = _listed(entry.get("slavenames"))
        if "slavenames" in entry and entry["slavenames"] in ([], ()) and "slavename" not in entry:
            yield say(f"{title} has no slave: 'slavenames' is empty")
        yield from (
            say(f"{title}: 'slavenames' must hold text, not {articled(other)}")
            for other in several
            if not isinstance(other, str)
        )
        for slave in _slavenames(entry) if isKnown else ():
            if slave not in known:
                hint = nearest(slave, known)
                told = f"{quoted(slave)}{hint}; known slaves: {listing(known)}"
                yield say(f"{title} uses undefined slave {told}")


def _builddirs(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for title, entry, say in described:
        builddir = entry.get("builddir")
        if not isinstance(builddir, str):
            continue
        place = _place(builddir)
        trouble = _dirTrouble(builddir, place)
        if trouble:
            told = builddir if len(builddir) <= 60 else f"{builddir[:60]}…"
            yield say(f"{title}: builddir {told!r} {trouble}")
            continue
        if place in seen and "slavebuilddir" not in entry:
            yield say(f"{title} reuses builddir {builddir!r} of {seen[place]}")
        seen.setdefault(place, title)


def _place(builddir: str) -> str:
    """Normalize a directory. Backslashes count as separators, as on Windows slaves."""
    return posixpath.normpath(builddir.replace("\\", "/"))


@lru_cache(maxsize=16_384)  # the errors and the warnings both ask for each
def _dirTrouble(builddir: str, place: str) -> str | None:
    """
    The reason why this directory is not possible on any slave, or None.

    @param place: the directory, normalized by L{_place}.
    """
    trouble = textTrouble(builddir)
    if trouble:
        return trouble
    size = len(builddir.encode("utf-8"))
    if size > LONGEST_DIRECTORY:
        return f"is longer than {LONGEST_DIRECTORY} bytes"
    if size > LONGEST_NAME and any(len(part.encode("utf-8")) > LONGEST_NAME for part in place.split("/")):
        return f"has a part of more than {LONGEST_NAME} bytes: no system makes such a directory"
    if builddir.startswith("~"):
        return "begins with ~, which slaves take for the name of a directory"
    drive, rest = ntpath.splitdrive(place)
    if place.strip("/") == "" or (drive and not rest.strip("/")):
        return "is the whole disk of the slave"
    if drive and not rest.startswith("/"):
        return "names a drive, and no place on it"
    if place == ".." or place.startswith("../"):
        return "leads out of the slave's own directory"
    if place == ".":
        return "is the slave's own directory"
    if place.casefold() in SLAVES_OWN:
        return "is taken: the slave keeps something of its own there"
    return None


def _doubtfulDirs(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield warnings about two builddirs of a slave that are equal or nested on some systems."""
    places: dict[str, dict[str, tuple[str, str]]] = {}
    for title, entry, say in described:
        builddir = entry.get("builddir")
        if not isinstance(builddir, str):
            continue
        place = _place(builddir)
        if _dirTrouble(builddir, place):
            continue
        taken = places.setdefault(_folded(place), {})
        for slave in _slavenames(entry):
            other, path = taken.setdefault(slave, (title, place))
            if path != place:
                same = "are one directory on Windows and macOS"
                yield say(f"{title} and {other} have builddirs on slave {slave!r} that {same}")
    for folded in [each for each in places if "/" in each]:
        above = [places[outer] for outer in _outer(folded) if outer in places]
        for slave, (title, place) in places[folded].items():
            for others in above:
                if slave in others:
                    lies = f"lies in that of {others[slave][0]}, on slave {slave!r}"
                    yield report(f"{title}: builddir {place!r} {lies}", "builders")


def _folded(place: str) -> str:
    """The directory as a system sees it that ignores case and dots at the end of a name."""
    parts = unicodedata.normalize("NFC", place).casefold().split("/")
    return "/".join([part.rstrip(". ") for part in parts])


def _outer(place: str) -> Iterator[str]:
    """Yield the parents of a directory, outermost first."""
    return accumulate(place.split("/")[:-1], "{}/{}".format)


def _factories(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    for title, entry, say in described:
        factory = entry.get("factory")
        if isinstance(factory, type):
            name = factory.__name__
            yield say(
                f"{title}: 'factory' must be a BuildFactory, not the class {name}: make one with {name}()"
            )
        elif "factory" in entry and not _makesBuilds(factory):
            yield say(f"{title}: 'factory' must be a BuildFactory, not {articled(factory)}")


def _makesBuilds(factory: object) -> bool:
    steps = getattr(factory, "steps", None)
    return isinstance(steps, (list, tuple)) or callable(getattr(factory, "newBuild", None))


def _steps(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield errors for steps that were put into C{steps} directly: the factory's methods check others."""
    seen: set[int] = set()
    for title, entry, say in described:
        factory = entry.get("factory")
        if id(factory) in seen or isinstance(factory, type) or not isinstance(factory, ChecksSteps):
            continue
        seen.add(id(factory))
        yield from (say(f"{title}: {trouble}") for trouble in factory.stepTroubles())


def _mergeRequests(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    for title, entry, say in described:
        trouble = mergeTrouble(entry)
        if trouble:
            yield say(f"{title}: 'mergeRequests' {trouble}")


def _functions(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    for title, entry, say in described:
        for key, (wanted, *counts) in _FUNCTIONS.items():
            trouble = entry.get(key) is not None and functionTrouble(entry[key], wanted, *counts)
            if trouble:
                yield say(f"{title}: {key!r} {trouble}")


def _tags(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    for title, entry, say in described:
        tags = entry.get("tags") or []
        if not isinstance(tags, (list, tuple)) or not all(isinstance(tag, str) for tag in tags):
            yield say(f"{title}: 'tags' must be a list of texts, not {articled(tags)}{asList(tags)}")
            continue
        for trouble in filter(None, map(textTrouble, tags)):
            yield say(f"{title} has a tag that {trouble}")


def _lockNames(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    known: dict[str, object] = {}
    for title, entry, say in described:
        for lock in locksOf(entry.get("locks"), entry.get("factory")):
            name = getattr(lock, "name", None)
            if isinstance(lock, type) or not isinstance(name, str):
                yield say(f"{title}: {articled(lock)} is not a lock")
            elif known.setdefault(name, lock) != lock:
                yield say(f"{title}: two different locks share the name {name!r}")


def locksOf(locks: object, factory: object) -> Iterator[object]:
    """Yield the locks of a builder and of the steps in its factory."""
    yield from _listed(locks)
    for step in _listed(getattr(factory, "steps", None)):
        if isinstance(step, tuple) and len(step) == 2 and isinstance(step[1], dict):
            yield from _listed(step[1].get("locks"))


def _doubtfulNames(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield warnings about builder names that differ only in case: some file systems ignore case."""
    seen: dict[str, str] = {}
    for title, entry, say in described:
        name = entry.get("name")
        if isinstance(name, str):
            other = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
            if other != name:
                yield say(
                    f"{title} and builder {other!r} differ in capitals only: their logs may be one file"
                )


def _lockSlaves(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield warnings about locks with a limit for an unknown slave."""
    bots = (entry[0] for entry in entries(raw, "bots") if isinstance(entry, (tuple, list)) and entry)
    known = [name for name in bots if isinstance(name, str)]
    told: set[str] = set()
    for _, entry, say in described:
        for lock in locksOf(entry.get("locks"), entry.get("factory")):
            name, counts = getattr(lock, "name", None), getattr(lock, "maxCountForSlave", None)
            if isinstance(lock, type) or name in told or not isinstance(counts, Mapping):
                continue
            told.add(str(name))
            for slave in [each for each in counts if each not in known]:
                hint = nearest(slave, known) if isinstance(slave, str) else ""
                yield say(
                    f"lock {name!r}: maxCountForSlave names slave {slave!r}, which is not in c['bots']{hint}"
                )


def _listLengths(described: Sequence[_Described], raw: Raw, report: Report) -> Iterator[ConfigError]:
    counts = Counter(chain.from_iterable(_slavenames(entry) for _, entry, _ in described))
    for slave, count in counts.items():
        if count > MOST_BUILDERS:
            most = f"{MOST_BUILDERS} is the most that one connection can carry"
            yield report(f"slave {slave!r} has {count} builders; {most}: spread them over slaves", "builders")


_RULES = (
    _shapes,
    _keys,
    _types,
    _values,
    _names,
    _slaves,
    _builddirs,
    _factories,
    _steps,
    _lockNames,
    _mergeRequests,
    _functions,
    _tags,
    _listLengths,
)
_DOUBTS = (_doubtfulDirs, _doubtfulNames, _lockSlaves)

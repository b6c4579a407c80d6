# -*- test-case-name: tests.unit.scripts.test_completing -*-
"""Answer a shell that completes an argument: names of builders and slaves, and the numbers of builds.

L{buildbot.scripts.completion} writes the script that asks. A person waits for the answer after each key. So
this module imports little, never fails, and gives up soon.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from buildbot.control import client
from buildbot.store.names import valuesOf

if TYPE_CHECKING:
    from buildbot.store.seams import Connection

#: The most seconds to wait for the master, and for the store.
PATIENCE = 0.5
#: The most builds whose numbers are told, and the most names.
BUILDS, NAMES = 20, 2000
#: What the shell does: it shows the candidates, perhaps without a blank behind one, or completes files.
WORDS, PREFIXES, DIRECTORIES, FILES = "words", "prefixes", "dirs", "files"

#: The kind of answer, and the candidates.
Answer = tuple[str, list[str]]
_NOTHING: Answer = (WORDS, [])


def run(arguments: Sequence[str]) -> int:
    """Print the answer: its kind, then a candidate a line.

    @param arguments: the arguments of the command as in its synopsis; its options with values, C{-b=TEXT};
        the word to complete; and the words between the command and that word.
    """
    try:
        synopsis, values, current, *words = arguments
        kind, found = answer(synopsis, values, current, words)
        print("\n".join([kind, *(each for each in found if each.isprintable())]))
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt):
        return 1  # nobody reads a message while typing
    return 0


def answer(synopsis: str, values: str, current: str, words: Sequence[str]) -> Answer:
    """The answer to a shell; see L{run}."""
    kinds = dict(each.split("=", 1) for each in values.split())
    before, hasURL, open = _arguments(words, kinds)
    places = [each for each in synopsis.split() if not (hasURL and _kind(each) == "DIR")]
    here = "" if hasURL or not before else os.path.expanduser(before[0])
    if open:
        return _ofKind(open, here or ".", current, before)
    if len(before) < len(places):
        place = places[len(before)]
    elif places and places[-1].endswith("..."):
        place = places[-1]
    else:
        return _NOTHING
    return _ofKind(place, here, current, before)


def _arguments(words: Sequence[str], kinds: dict[str, str]) -> tuple[list[str], bool, str]:
    """The arguments among the words; whether --url is given; and the kind of a value that must follow."""
    found: list[str] = []
    hasURL, open = False, ""
    for at, word in enumerate(words):
        if open:
            open = ""
        elif word == "--":
            return [*found, *words[at + 1 :]], hasURL, ""
        elif word.startswith("--"):
            hasURL = hasURL or word.split("=")[0] == "--url"
            open = kinds.get(word, "")
        elif word.startswith("-") and len(word) > 1:
            open = next((kinds[f"-{letter}"] for letter in word[1:] if f"-{letter}" in kinds), "")
            open = open if f"-{word[-1]}" in kinds else ""  # else its value is in the same word
        else:
            found.append(word)
    return found, hasURL, open


def _kind(place: str) -> str:
    """The first word of an argument in a synopsis: C{BUILDER} of C{[BUILDER[/BUILD]]}."""
    found = re.search("[A-Z]+", place)
    return found[0] if found else ""


def _ofKind(place: str, here: str, current: str, before: Sequence[str]) -> Answer:
    """The candidates for an argument."""
    if "|" in place and place.islower():
        return _begin(place.strip("[].").split("|"), current)
    kind = _kind(place)
    if kind in ("DIR", "REPOSITORY", "OLDMASTER", "TARGET"):
        return (FILES if "FILE" in place else DIRECTORIES), []
    if kind == "FILE":
        return FILES, []
    if kind == "SLAVE":
        return _begin(_names(here, "slave"), current)
    if kind == "BUILDER":
        return _ofBuilder(place, here, current)
    if kind == "BUILD" and len(before) > 1:
        return _begin(_numbers(here, before[1]), current)
    return _NOTHING


def _ofBuilder(place: str, here: str, current: str) -> Answer:
    """A builder; or, if the argument has more parts, BUILDER/BUILD and the rest of it."""
    names = _names(here, "builder")
    if "/" not in place:
        return _begin(names, current)
    for name in sorted(names, key=len, reverse=True):
        if current.startswith(f"{name}/"):
            number, slash, _ = current.removeprefix(f"{name}/").partition("/")
            if slash:
                return _begin(_steps(here, name, number) if "STEP" in place else [], current)
            kind, found = _begin([f"{name}/{each}" for each in _numbers(here, name)], current)
            return (PREFIXES if "STEP" in place else kind), found
    if "BUILDER/" in place:  # a builder alone is not enough
        return PREFIXES, _begin([f"{name}/" for name in names], current)[1]
    if current in names:
        return PREFIXES, [current, f"{current}/"]
    return _begin(names, current)


def _begin(candidates: Iterable[str], current: str) -> Answer:
    return WORDS, [each for each in candidates if each.startswith(current)][:NAMES]


def _names(here: str, kind: str) -> list[str]:
    """The names of the builders or slaves: those of the master, or else those of its store."""
    if not here:
        return []
    try:
        said = client.request(os.path.realpath(here), "names", {}, PATIENCE)
        return list(said[f"{kind}s"])  # type: ignore[index]
    except (client.NotRunning, client.ControlError, OSError):
        return _read(here, lambda store: valuesOf(store.execute, kind))


def _numbers(here: str, builder: str) -> list[str]:
    """The numbers of the latest builds of a builder."""

    def read(store: Connection) -> list[str]:
        query = "SELECT number FROM builds WHERE builder = ? ORDER BY number DESC LIMIT ?"
        return [str(number) for (number,) in store.execute(query, (builder, BUILDS))]

    return _read(here, read)


def _steps(here: str, builder: str, number: str) -> list[str]:
    """The names of the steps and logs of a build."""

    def read(store: Connection) -> list[str]:
        query = "SELECT record FROM builds WHERE builder = ? AND number = ?"
        row = store.execute(query, (builder, int(number))).fetchone()
        found = []
        for step in json.loads(row[0])["steps"] if row else []:
            name = f"{builder}/{number}/{step['name']}"
            found.append(name)
            if len(step["logs"]) > 1:
                found += [f"{name}/{log['name']}" for log in step["logs"]]
        return found

    return _read(here, read)


def _read(here: str, read: Callable[[Connection], list[str]]) -> list[str]:
    """What a function reads in the store; nothing if it cannot be read."""
    # A running master answers without these.
    from buildbot.store.address import BadAddress
    from buildbot.store.direct import hasStore, opened
    from buildbot.store.interface import StoreFailed
    from buildbot.store.place import placeOf

    if not hasStore(here):
        return []
    try:
        with opened(placeOf(here), patience=PATIENCE) as store, store.transaction(False) as connection:
            return read(connection)
    except (StoreFailed, BadAddress, ValueError, TypeError, KeyError):
        return []

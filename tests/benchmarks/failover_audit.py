# -*- test-case-name: tests.unit.test_failover -*-
"""The audit of L{tests.benchmarks.failover}: what clients were told, beside what the store has.

A trigger in the database writes each begin and each end of a build and of a request into a table of its own,
in the transaction of the master. So a build that has ended twice is found even if its row shows one end only.
The values here come from the tables alone: no code of the master reads them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: As the store of a master spells them. The audit does not import the package that it examines.
INTERRUPTED = "interrupted by a restart of the master"
TAKEN_OVER = "interrupted when another master took over"
GIVEN_UP = "given up: the master was killed or crashed during each of"
RETRY = 5
#: A request is given up after so many builds that the end of a master has interrupted.
MOST_INTERRUPTIONS = 3

#: The words of one thing that the load has sent. They are in the comments of a change, or at the end of the
#: reason of a request; no other thing has them.
_SENT = re.compile(r"load \d+$")

#: The tables of the witness, and its triggers, in a schema beside the one of the store.
WITNESS = """
CREATE SCHEMA IF NOT EXISTS witness;
CREATE TABLE witness.events (n BIGSERIAL PRIMARY KEY, what TEXT NOT NULL, builder TEXT NOT NULL,
    number BIGINT NOT NULL, detail TEXT NOT NULL);
CREATE FUNCTION witness.begun() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witness.events (what, builder, number, detail)
        VALUES ('build begun', NEW.builder, NEW.number, NEW.record::json ->> 'requests');
    RETURN NULL;
END $$;
CREATE FUNCTION witness.ended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.finished IS NULL THEN
        INSERT INTO witness.events (what, builder, number, detail)
            VALUES ('build opened again', NEW.builder, NEW.number, '');
    ELSIF OLD.finished IS NULL OR (NEW.results, NEW.text, NEW.closer) IS DISTINCT FROM
            (OLD.results, OLD.text, OLD.closer) THEN
        INSERT INTO witness.events (what, builder, number, detail)
            VALUES ('build ended', NEW.builder, NEW.number, NEW.results || ' ' || COALESCE(NEW.text, ''));
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION witness.done() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO witness.events (what, builder, number, detail)
        VALUES ('request done', NEW.builder, NEW.id, OLD.state);
    RETURN NULL;
END $$;
CREATE TRIGGER begun AFTER INSERT ON builds FOR EACH ROW EXECUTE FUNCTION witness.begun();
CREATE TRIGGER ended AFTER UPDATE ON builds FOR EACH ROW
    WHEN (NEW.finished IS NOT NULL OR OLD.finished IS NOT NULL) EXECUTE FUNCTION witness.ended();
CREATE TRIGGER done AFTER UPDATE ON requests FOR EACH ROW
    WHEN (NEW.state = 'done') EXECUTE FUNCTION witness.done();
"""


@dataclass(frozen=True)
class Told:
    """An answer that a client got.

    @ivar what: "change" or "request"; C{number}: its number, as the answer said.
    @ivar words: see L{_SENT}; C{builder}: of a request.
    """

    what: str
    number: int
    words: str
    builder: str = ""


@dataclass(frozen=True)
class Request:
    """A row of the requests. C{build} is the number of the last build that began for it."""

    builder: str
    state: str
    results: int | None = None
    build: int | None = None
    interruptions: int = 0


@dataclass(frozen=True)
class Build:
    """A row of the builds. C{isOpen} is true without an end."""

    requests: tuple[int, ...]
    results: int | None = None
    text: tuple[str, ...] = ()
    isOpen: bool = False

    @property
    def isWhole(self) -> bool:
        """True if the build has ended, and its requests with it."""
        cut = (INTERRUPTED, TAKEN_OVER, GIVEN_UP)
        isLost = self.results == RETRY or any(each.startswith(cut) for each in self.text)
        return not self.isOpen and not isLost


@dataclass(frozen=True)
class Event:
    """What the witness has seen, in the order of the database."""

    what: str
    builder: str
    number: int
    detail: str = ""


@dataclass(frozen=True)
class Set:
    """A build set: its scheduler, its reason, and the numbers of its changes."""

    scheduler: str | None
    reason: str
    changes: tuple[int, ...] = ()


@dataclass(frozen=True)
class State:
    """The content of a store; builds by builder and number."""

    requests: Mapping[int, Request] = field(default_factory=dict)
    builds: Mapping[tuple[str, int], Build] = field(default_factory=dict)
    changes: Mapping[int, str] = field(default_factory=dict)
    sets: Mapping[int, Set] = field(default_factory=dict)
    events: Sequence[Event] = ()

    @classmethod
    def read(cls, execute: Callable[[str], Iterable[Sequence[Any]]]) -> State:
        """Read the tables. The statements must run in one transaction that sees one moment."""
        requests = execute("SELECT id, builder, state, results, build, interruptions FROM requests")
        return cls(
            {row[0]: Request(*row[1:]) for row in requests},
            {
                (builder, number): _build(json.loads(record), finished is None)
                for builder, number, finished, record in execute(
                    "SELECT builder, number, finished, record FROM builds"
                )
            },
            {n: json.loads(text)["comments"] for n, text in execute("SELECT number, record FROM changes")},
            {id: _set(json.loads(text)) for id, text in execute("SELECT id, record FROM buildsets")},
            [
                Event(*row)
                for row in execute("SELECT what, builder, number, detail FROM witness.events ORDER BY n")
            ],
        )


def _build(record: Mapping[str, Any], isOpen: bool) -> Build:
    return Build(tuple(record["requests"]), record["results"], tuple(record["text"]), isOpen)


def _set(record: Mapping[str, Any]) -> Set:
    changes = (record.get("sourcestamp") or {}).get("changes") or ()
    return Set(
        record.get("scheduler"),
        record["reason"],
        tuple(each["number"] for each in changes if "number" in each),
    )


@dataclass
class Findings:
    """The violations, by the promise that is broken; and what is worth telling."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    interrupted: int = 0
    givenUp: int = 0

    def check(self, holds: object, promise: str, words: str) -> None:
        """Remember a violation unless the condition holds."""
        if not holds:
            self.wrong.setdefault(promise, []).append(words)

    def __str__(self) -> str:
        return "\n".join(
            f"{promise}: {len(found)} violated: {'; '.join(found[:3])}"
            for promise, found in self.wrong.items()
        )


ACKNOWLEDGED = "no acknowledged change or request is lost"
ONCE = "nothing that was sent once is there twice"
UNIQUE = "numbers are unique"
ONE_BUILD = "each request is finished once, by one finished build"
ONE_END = "no build ends twice, or is both interrupted and finished"
ONE_PLACE = "no request is in two builds"
NONE_OPEN = "no build is left open"
ONE_SET = "each change is in one set of each scheduler"
ALL_DONE = "each request is finished"


def audit(told: Sequence[Told], state: State, findings: Findings) -> None:
    """Check what must hold at any time. C{told} must be older than the state."""
    _auditTold(told, state, findings.check)
    _auditOnce(state, findings.check)
    places = Counter((each.scheduler, n) for each in state.sets.values() for n in each.changes)
    for (scheduler, number), count in places.items():
        findings.check(count == 1, ONE_SET, f"change {number} is in {count} sets of {scheduler}")
    _auditEvents(state.events, findings.check)


def auditEnd(state: State, schedulers: Sequence[str], findings: Findings) -> None:
    """Check what must hold in addition when all that was asked for is finished."""
    check = findings.check
    whole: dict[int, list[tuple[str, int]]] = {}
    interrupted: Counter[int] = Counter()
    for key, build in state.builds.items():
        check(not build.isOpen, NONE_OPEN, _name(key))
        for request in build.requests:
            if build.isWhole:
                whole.setdefault(request, []).append(key)
            elif build.results != RETRY:
                interrupted[request] += 1
    for id, row in state.requests.items():
        check(row.state == "done", ALL_DONE, f"request {id} of {row.builder} is {row.state}")
        built = whole.get(id, [])
        if not built and row.interruptions >= MOST_INTERRUPTIONS and interrupted[id] >= MOST_INTERRUPTIONS:
            findings.givenUp += 1
            continue
        ends = [(row.builder, row.build)] if row.state == "done" else []
        check(built == ends, ONE_BUILD, f"request {id} was finished by {', '.join(map(_name, built)) or 0}")
        for key in built:
            found = state.builds[key].results
            check(row.results == found, ONE_BUILD, f"request {id} has {row.results}, {_name(key)} {found}")
    findings.interrupted = sum(
        not each.isOpen and not each.isWhole and each.results != RETRY for each in state.builds.values()
    )
    for scheduler in schedulers:
        taken = {n for each in state.sets.values() if each.scheduler == scheduler for n in each.changes}
        for number in state.changes:
            check(number in taken, ONE_SET, f"change {number} is in no set of {scheduler}")


def _auditTold(told: Sequence[Told], state: State, check: Callable[[object, str, str], None]) -> None:
    reasons = {id: each.reason for id, each in state.sets.items()}
    known = {words for reason in reasons.values() for words in _SENT.findall(reason)}
    numbers: dict[tuple[str, int], str] = {}
    for each in told:
        before = numbers.setdefault((each.what, each.number), each.words)
        check(before == each.words, UNIQUE, f"{each.what} {each.number} is {before}, and {each.words}")
        if each.what == "change":
            found = state.changes.get(each.number)
            isThere = found == each.words
        else:
            row = state.requests.get(each.number)
            found = None if row is None else row.builder
            isThere = row is not None and row.builder == each.builder and each.words in known
        check(isThere, ACKNOWLEDGED, f"{each.what} {each.number} ({each.words}) is {found}")


def _auditOnce(state: State, check: Callable[[object, str, str], None]) -> None:
    changes = Counter(state.changes.values())
    asked = Counter(words for each in state.sets.values() for words in _SENT.findall(each.reason))
    for what, counted in (("change", changes), ("request", asked)):
        for words, count in counted.items():
            check(count == 1, ONCE, f"{what} {words}: {count} times")


def _auditEvents(events: Sequence[Event], check: Callable[[object, str, str], None]) -> None:
    serving: dict[int, tuple[str, int]] = {}
    requests: dict[tuple[str, int], list[int]] = {}
    ends: dict[tuple[str, int], list[str]] = {}
    done: Counter[int] = Counter()
    for each in events:
        key = (each.builder, each.number)
        if each.what == "build begun":
            requests[key] = json.loads(each.detail)
            for id in requests[key]:
                other = serving.setdefault(id, key)
                check(other == key, ONE_PLACE, f"request {id} is in {_name(other)}, and in {_name(key)}")
        elif each.what == "request done":
            done[each.number] += 1
        else:
            ends.setdefault(key, []).append(each.detail if each.what == "build ended" else each.what)
            for id in requests.get(key, ()):
                if serving.get(id) == key:
                    del serving[id]
    for key, found in ends.items():
        check(len(found) == 1, ONE_END, f"{_name(key)}: {', then '.join(found)}")
    for id, count in done.items():
        check(count == 1, ONE_BUILD, f"request {id} was finished {count} times")


def _name(key: tuple[str, int | None]) -> str:
    return f"{key[0]}/{key[1]}"

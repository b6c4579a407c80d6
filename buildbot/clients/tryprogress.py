# -*- test-case-name: tests.unit.clients.test_tryprogress -*-
"""The progress of the builds of a try job, in words for its author. The events come from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from buildbot.model.results import SUCCESS, WARNINGS, Results, outcomeWords
from buildbot.wire.dialect import text

#: The most characters of one text of the master.
_LONGEST = 200


@dataclass
class _Builder:
    """One of the builders, with the known facts about its latest build."""

    number: int | None = None
    step: str = ""
    results: int | None = None
    text: Sequence[str] = field(default_factory=tuple)


class Progress:
    """I print one line for each event, and a summary at the end."""

    def __init__(self, say: Callable[[str], object], isQuiet: bool = False) -> None:
        """@param say: prints a line.
        @param isQuiet: whether to say only how it ends.
        """
        self._say = say
        self._isQuiet = isQuiet
        self._builders: dict[str, _Builder] = {}

    def submitted(self, builders: Iterable[str]) -> None:
        """The master builds the job on these builders."""
        for name in builders:
            self._builders[name] = _Builder()

    def started(self, builder: str, number: int | None) -> None:
        """A build has started."""
        known = self._builders[builder] = _Builder(number)
        self._tell(
            builder, "the build has started" if number is None else f"build {known.number} has started"
        )

    def stepStarted(self, builder: str, step: str) -> None:
        """A step has started."""
        known = self._of(builder)
        if known.step != step:
            known.step = step
            self._tell(builder, f"step {_shown(step)} …")

    def stepFinished(self, builder: str, step: str, results: int | None) -> None:
        """A step has ended. Only a step without success is worth a line."""
        if results not in (SUCCESS, None):
            self._tell(builder, f"step {_shown(step)}: {_outcome(results, ())}")

    def estimated(self, builder: str, seconds: float) -> None:
        """The build will take some seconds more."""
        step = self._of(builder).step
        self._tell(builder, f"{f'step {_shown(step)}, ' if step else ''}about {seconds:.0f} s to go")

    def finished(self, builder: str, results: int | None, words: Sequence[str]) -> None:
        """A build has ended."""
        known = self._of(builder)
        known.results, known.text = results, list(words)
        self._tell(builder, f"{_outcome(results, words)}")

    def replay(self, event: Mapping[str, Any]) -> bool:
        """Take an event that C{buildbot tryserver --wait} has printed. Returns True for the last one."""
        kind, builder = event.get("event"), str(event.get("builder", ""))
        step, results = str(event.get("step", "")), event.get("results")
        result = results if isinstance(results, int) else None
        words = [str(each) for each in event.get("text") or ()]
        if kind == "submitted":
            self.submitted(str(each) for each in event.get("builders") or ())
        elif kind == "started":
            self.started(builder, event.get("number"))
        elif kind == "stepStarted":
            self.stepStarted(builder, step)
        elif kind == "stepFinished":
            self.stepFinished(builder, step, result)
        elif kind == "estimated":
            self.estimated(builder, float(event.get("seconds") or 0))
        elif kind == "finished":
            self.finished(builder, result, words)
        return kind == "end"

    def sumUp(self) -> bool:
        """Say the result of each builder. Returns True if all is well."""
        for name, known in sorted(self._builders.items()):
            which = _shown(name) if known.number is None else f"{_shown(name)}/{known.number}"
            self._say(f"{which}: {_outcome(known.results, known.text)}")
        good = (SUCCESS, WARNINGS)
        return bool(self._builders) and all(each.results in good for each in self._builders.values())

    def _of(self, builder: str) -> _Builder:
        return self._builders.setdefault(builder, _Builder())

    def _tell(self, builder: str, what: str) -> None:
        if not self._isQuiet:
            self._say(f"{_shown(builder)}: {what}")


def _shown(name: str) -> str:
    return text(name, _LONGEST)


def _outcome(results: int | None, words: Sequence[str]) -> str:
    """A result in words, such as "failed: compile"."""
    if results is None:
        return "not built"
    name = Results[results] if 0 <= results < len(Results) else f"result {results}"
    return text(outcomeWords(name, [text(each, _LONGEST) for each in words]), _LONGEST)

"""The number of requests that one build may serve."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.model.likeness import likenessOf
from buildbot.model.records import BuildsetRecord, RequestRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.request import BuildRequest
from tests.examples import examples


def _set(source: SourceStamp, **options: Any) -> BuildsetRecord:
    return BuildsetRecord(1, "why", source.toRecord(), 1.0, options.pop("properties", {}), **options)


def _source(chance: random.Random) -> SourceStamp:
    if chance.random() < 0.1:
        return SourceStamp.together([_single(chance) for _ in range(chance.randrange(1, 3))])
    return _single(chance)


def _single(chance: random.Random) -> SourceStamp:
    changes = [Change("ann", ["f"], "", branch=chance.choice((None, "a", "\udcff")))]
    return SourceStamp(
        branch=chance.choice((None, "a", "")),
        revision=chance.choice((None, "1", 1, True, 1.0)),
        patch=chance.choice((None, None, (1, "diff"))),
        changes=changes * chance.randrange(2),
        repository=chance.choice(("", "r")),
        project=chance.choice(("", "r")),
    )


class LikenessTests(unittest.SynchronousTestCase):
    """Requests with different numbers never share a build."""

    def test_random(self) -> None:
        """Whenever one build may serve two requests, they have the same number."""
        chance, alike = random.Random(12), 0
        values: tuple[dict[str, Any], ...] = (
            {},
            {"p": "1"},
            {"p": 1},
            {"p": 1.0},
            {"p": True, "q": [1]},
            {"q": [1], "p": 1},
        )
        for _ in range(tried := examples(6000)):
            sets = [_set(_source(chance), properties=chance.choice(values)) for _ in range(2)]
            one, other = (BuildRequest.fromRecord(RequestRecord.of(each, 1, "full")) for each in sets)
            if one.canBeMergedWith(other):
                alike += 1
                self.assertEqual(likenessOf(sets[0]), likenessOf(sets[1]), sets)
        self.assertGreater(alike, tried // 300)

    def test_different(self) -> None:
        """Other branches, revisions and properties have other numbers, so that few requests are read."""
        sources = [SourceStamp(branch, revision) for branch in "abc" for revision in (None, "1", "2")]
        sets = [_set(each, properties={"p": text}) for each in sources for text in ("x", "y")]
        self.assertEqual(len({likenessOf(each) for each in sets}), len(sets))

    def test_codebases(self) -> None:
        """Each codebase counts; a patch in any of them makes a request stand alone."""
        app = SourceStamp("a", codebase="app")
        sources = [SourceStamp.together([app, SourceStamp(each, codebase="lib")]) for each in "abc"]
        self.assertEqual(len({likenessOf(_set(each)) for each in [app, *sources]}), 4)
        self.assertEqual(likenessOf(_set(sources[0])), likenessOf(_set(sources[0])))
        turned = SourceStamp.together(sources[0].each()[::-1])
        self.assertEqual(likenessOf(_set(turned)), likenessOf(_set(sources[0])))
        patched = SourceStamp("a", None, (1, "diff"), codebase="lib")
        self.assertIsNone(likenessOf(_set(SourceStamp.together([app, patched]))))

    def test_alone(self) -> None:
        """A request that needs a build of its own has no number."""
        self.assertIsNone(likenessOf(_set(SourceStamp(patch=(1, "diff")))))
        self.assertIsNone(likenessOf(_set(SourceStamp(), mergeable=False)))

    def test_size(self) -> None:
        """A set and its requests have one number, which has 31 bits."""
        made = _set(SourceStamp("b"))
        for reason in ("one", "other"):
            request = RequestRecord.of(replace(made, reason=reason), 1, "full")
            self.assertEqual(likenessOf(request), likenessOf(made))
        self.assertLess(likenessOf(made) or 0, 2**31)

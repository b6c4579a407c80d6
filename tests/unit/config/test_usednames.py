"""The page about what files of 0.7 and 0.8 use: each of its rows is true."""

from __future__ import annotations

import re

from twisted.trial import unittest

from buildbot.config.absent import SENTENCES
from tests.unit.config import usednames
from tests.unit.config.usednames import ACCEPTED, REFUSED, WARNED, keyOutcome, keywordOutcomes, nameOutcome
from tests.unit.test_docs import literals, pages, tableRows

PAGE = "reference/used-names"


class UsedNamesTests(unittest.SynchronousTestCase):
    """docs/reference/used-names.rst."""

    def test_names(self) -> None:
        """Each name is accepted, or refused with the advice of its row."""
        wrong = []
        for outcome, names in tableRows(pages()[PAGE], "used-names"):
            advice = "" if outcome == "accepted" else " ".join(outcome.split())
            for name in literals(names):
                found, told = nameOutcome(name)
                if told != advice or found != (REFUSED if advice else ACCEPTED):
                    wrong.append(f"{name} is {found}: {told or 'no advice'}")
        self.assertEqual(wrong, [], "correct the table used-names")

    def test_advice(self) -> None:
        """Every name that is refused has an advice."""
        advices = {" ".join(outcome.split()) for outcome, _ in tableRows(pages()[PAGE], "used-names")}
        self.assertEqual(advices - {"accepted"} - set(SENTENCES.values()), set())

    def test_keywords(self) -> None:
        """Each keyword of each class is accepted, accepted with a warning, or refused, as the page says."""
        claimed: dict[tuple[str, str], str] = {}
        for names, accepted, others in tableRows(pages()[PAGE], "used-keywords"):
            [name] = literals(names)
            claimed |= {(name, keyword): ACCEPTED for keyword in literals(accepted)}
            for outcome, part in re.findall(r"(warned|refused): ([^;]+)", others):
                claimed |= {(name, keyword): outcome for keyword in literals(part)}
        self.assertGreater(len(claimed), 400)
        outcomes = keywordOutcomes(claimed)
        wrong = [
            f"{name}({keyword}=) is {found}: {told}"
            for ((name, keyword), said), (found, told) in zip(claimed.items(), outcomes, strict=True)
            if found != said
        ]
        self.assertEqual(wrong, [], "correct the table used-keywords")

    def test_keys(self) -> None:
        """Each key of c is accepted, or accepted with a warning, as the page says."""
        claimed = {
            key: outcome for outcome, keys in tableRows(pages()[PAGE], "used-keys") for key in literals(keys)
        }
        self.assertEqual(sorted(claimed), sorted(usednames.KEYS))
        for key, outcome in claimed.items():
            found, told = keyOutcome(key)
            self.assertEqual(found, outcome, f"{key}: {told}")
            if found == WARNED:
                self.assertRegex(told, r"does nothing here: \w", f"{key}: no word on what to do")

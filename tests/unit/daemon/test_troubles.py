"""The list of what is wrong with a master: what gets onto it, and how it comes off."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.daemon.troubles import MOST, Symptom, Troubles, reportTroubles

FULL = Symptom("no build begins", "disk is full", "make room")
BROKEN = Symptom("no build begins", "disk is broken", "replace it")


class TroublesTests(unittest.SynchronousTestCase):
    """F5: whatever the master cannot do is listed until it can again."""

    def setUp(self) -> None:
        self.time = 10.0
        self.troubles = Troubles(lambda: self.time)

    def listed(self) -> list[tuple[str, str, float]]:
        """Subject, reason and beginning of each trouble."""
        return [(each.subject, each.symptom.why, each.since) for each in self.troubles.current()]

    def test_untilCleared(self) -> None:
        """F5: a trouble is listed since it began, with its latest reason, until its part says it is over."""
        self.assertEqual(self.listed(), [])
        self.troubles.report("store", FULL)
        self.time = 20.0
        self.troubles.report("store", BROKEN)
        self.troubles.report("logs/full", FULL)
        self.assertEqual(
            self.listed(), [("store", "disk is broken", 10.0), ("logs/full", "disk is full", 20.0)]
        )
        self.troubles.clear("store")
        self.troubles.clear("store")
        self.assertEqual(self.listed(), [("logs/full", "disk is full", 20.0)])

    def test_begunAnew(self) -> None:
        """F5: a trouble that comes back is a new one."""
        self.troubles.report("store", FULL)
        self.troubles.clear("store")
        self.time = 30.0
        self.troubles.report("store", FULL)
        self.assertEqual(self.listed(), [("store", "disk is full", 30.0)])

    def test_ending(self) -> None:
        """F5: who reads the list learns of the end of a trouble that can be looked at."""
        over: list[bool] = []
        self.troubles.report("logs/full", FULL, lambda: bool(over))
        self.assertEqual(len(self.listed()), 1)
        over.append(True)
        self.assertEqual(self.listed(), [])

    def test_watched(self) -> None:
        """F5: what is looked at whenever somebody reads the list is listed as long as it is wrong."""
        found: list[Symptom] = []
        self.troubles.watch("twistd.pid", lambda: found[0] if found else None)
        self.assertEqual(self.listed(), [])
        found.append(FULL)
        self.listed()
        self.time = 50.0
        self.assertEqual(self.listed(), [("twistd.pid", "disk is full", 10.0)])
        found.clear()
        self.assertEqual(self.listed(), [])

    def test_failingCheck(self) -> None:
        """F5: a check that cannot be made is a trouble, and hides no other."""

        def failing() -> Symptom | None:
            raise PermissionError(13, "Permission denied", "logs")

        self.troubles.watch("logs", failing)
        self.troubles.report("store", FULL, lambda: bool(failing()))
        self.assertEqual([each[0] for each in self.listed()], ["store", "logs"])

    def test_report(self) -> None:
        """F5: programs get each trouble as an object; of very many the rest is counted."""
        self.troubles.report("store", FULL)
        (record,) = reportTroubles(self.troubles)
        self.assertEqual(
            record,
            {
                "subject": "store",
                "what": "no build begins",
                "why": "disk is full",
                "cure": "make room",
                "since": 10.0,
            },
        )
        for number in range(MOST + 6):
            self.troubles.report(f"logs/{number}", FULL)
        records = reportTroubles(self.troubles)
        self.assertEqual(len(records), MOST + 1)
        self.assertEqual(records[-1]["what"], "7 more troubles")

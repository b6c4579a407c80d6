"""The list of a master's troubles."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.daemon.troubles import MOST, Symptom, Troubles, reportTroubles

FULL = Symptom("no build begins", "disk is full", "make room")
BROKEN = Symptom("no build begins", "disk is broken", "replace it")


class TroublesTests(unittest.SynchronousTestCase):
    """F5: a trouble is listed until it ends."""

    def setUp(self) -> None:
        self.time = 10.0
        self.troubles = Troubles(lambda: self.time)

    def listed(self) -> list[tuple[str, str, float]]:
        """Subject, reason and start of each trouble."""
        return [(each.subject, each.symptom.why, each.since) for each in self.troubles.current()]

    def test_untilCleared(self) -> None:
        """F5: a trouble is listed with its start and its latest reason, until its part clears it."""
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
        """F5: a trouble that comes back has a new start."""
        self.troubles.report("store", FULL)
        self.troubles.clear("store")
        self.time = 30.0
        self.troubles.report("store", FULL)
        self.assertEqual(self.listed(), [("store", "disk is full", 30.0)])

    def test_ending(self) -> None:
        """F5: if a trouble has a check for its end, reading the list ends it."""
        over: list[bool] = []
        self.troubles.report("logs/full", FULL, lambda: bool(over))
        self.assertEqual(len(self.listed()), 1)
        over.append(True)
        self.assertEqual(self.listed(), [])

    def test_watched(self) -> None:
        """F5: the result of a check is listed as long as the check returns one."""
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
        """F5: a check that fails is a trouble, and hides no other."""

        def failing() -> Symptom | None:
            raise PermissionError(13, "Permission denied", "logs")

        self.troubles.watch("logs", failing)
        self.troubles.report("store", FULL, lambda: bool(failing()))
        self.assertEqual([each[0] for each in self.listed()], ["store", "logs"])

    def test_report(self) -> None:
        """F5: a report has each trouble as an object; beyond the limit they are counted."""
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

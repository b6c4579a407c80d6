# -*- test-case-name: tests.unit.status.test_tests -*-
"""The results of single tests in the record of their build.

Every list of builds reads records, so a record must be small. It has the names and results of many tests, but
only the beginnings of their reports. The logs of the build have the whole reports.
"""

from __future__ import annotations

from collections.abc import Iterable

from buildbot.interfaces import ITestResult
from buildbot.model.records import TestRecord
from buildbot.status.step import asWords, cut, word

#: The most bytes of all results in a record, and the most characters of a report and of a name.
ROOM, LONGEST_REPORT, LONGEST_NAME = 1 << 18, 2000, 500


def keptTests(results: Iterable[ITestResult]) -> tuple[TestRecord, ...]:
    """The records of the first results, as many as there is room for."""
    found = []
    room = ROOM
    for each in results:
        logs = {
            cut(word(name), LONGEST_NAME): cut(word(text), LONGEST_REPORT)
            for name, text in each.getLogs().items()
        }
        name = tuple([cut(part, LONGEST_NAME) for part in asWords(each.getName())])
        record = TestRecord(name, int(each.getResults()), asWords(each.getText()), logs or None)
        room -= 100 + len(str(record))
        if room < 0:
            break
        found.append(record)
    return tuple(found)

# -*- test-case-name: tests.unit.steps.test_perl -*-
"""Read the output of the test programs of Perl: C{prove}, and the harnesses before it."""

from __future__ import annotations

import re

#: C{Files=10, Tests=93, 100 wallclock secs}
_TOTAL = re.compile(r"Files=\d+, Tests=(\d{1,9})\b")
#: C{t/a.t (Wstat: 256 Tests: 5 Failed: 1)}
_REPORT = re.compile(r".*\(Wstat: .*\bFailed: (\d{1,9})\)")
#: C{Failed 1/1 test scripts, 0.00% okay. 3/20 subtests failed, 85.00% okay.}
_OLD_REPORT = re.compile(r"Failed \d+/\d+ test (?:programs|scripts),.*?\b(\d{1,9})/(\d{1,9}) subtests failed")


class HarnessOutput:
    """I count the tests in an output, line by line.

    @ivar total: the number of tests; C{failed}: of those that failed.
    """

    def __init__(self) -> None:
        self.total = 0
        self.failed = 0

    def take(self, line: str) -> None:
        """Read the next line."""
        total, report, old = _TOTAL.match(line), _REPORT.match(line), _OLD_REPORT.match(line)
        if total:
            self.total = int(total[1])
        elif report:
            self.failed += int(report[1])
        elif old:
            self.failed, self.total = int(old[1]), int(old[2])

    @property
    def passed(self) -> int:
        """The number of tests that did not fail."""
        return max(0, self.total - self.failed)

# -*- test-case-name: tests.unit.web.serving.test_counting -*-
"""The number and the times of answered requests, by page."""

from __future__ import annotations


class RequestCounts:
    """I count requests by the path of their route in the table, so I need few counters.

    @ivar answered: (path, status) -> the number of answers.
    @ivar took: path -> the number of answers, and the seconds that it took to make them.
    """

    def __init__(self) -> None:
        self.answered: dict[tuple[str, int], int] = {}
        self.took: dict[str, tuple[int, float]] = {}

    def count(self, page: str, status: int) -> None:
        """Count one answer."""
        self.answered[page, status] = self.answered.get((page, status), 0) + 1

    def time(self, page: str, seconds: float) -> None:
        """Count the time of one answer."""
        number, sum = self.took.get(page, (0, 0.0))
        self.took[page] = number + 1, sum + seconds

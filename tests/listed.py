"""Compare a page that lists things with the code, and say what to change in the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from twisted.trial import unittest


class ListedCase(unittest.TestCase):
    """Tests of pages that list what the code has."""

    def assertListed(self, place: str, listed: Any, real: Any) -> None:
        """Fail if a page lists other things than the code has. The message has the changes of the page.

        @param place: the page and its part, for the message.
        @param listed: the names in the page; or a mapping of each name to what the page says about it.
        @param real: the same of the code.
        """
        wrong = list(corrections(listed, real))
        if wrong:
            self.fail("\n".join([f"correct {place}:", *wrong]))


def corrections(listed: Any, real: Any) -> Iterator[str]:
    """The changes that make a page list what the code has, one line each."""
    if not isinstance(listed, Mapping):
        counted = Counter(listed)
        yield from (f"  {name} is there {count} times" for name, count in counted.items() if count > 1)
        listed, real = dict.fromkeys(counted), dict.fromkeys(real)
    for name, value in real.items():
        said = "" if value is None else f": {value}"
        if name not in listed:
            yield f"  add {name}{said}"
        elif listed[name] != value:
            yield f"  {name}{said} (the page says {listed[name]})"
    yield from (f"  remove {name}: the code does not have it" for name in listed if name not in real)

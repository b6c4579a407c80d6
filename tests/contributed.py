"""The examples in docs/contributing: the files that a page makes or changes, and its commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: The beginning of a command in a page that runs tests.
_TRIAL = "venv/bin/python -m twisted.trial "


class Outdated(Exception):
    """A page changes a text that is not in the file, or is there more than once."""


@dataclass(frozen=True)
class Piece:
    """I am one file as a page shows it.

    @ivar path: relative to the root of the sources.
    @ivar text: the whole file; or its changes, like a diff without line numbers.
    """

    path: str
    text: str
    isDiff: bool

    def apply(self, root: Path) -> None:
        """Apply the page's changes below a directory. Raises L{Outdated}."""
        file = root / self.path
        if self.isDiff:
            file.write_text(self.altered(file.read_text()))
        else:
            file.write_text(self.text)

    def altered(self, text: str) -> str:
        """The changed text of a file; unchanged if it has the changes already.

        @raise Outdated: with every text of the page that is not in the file.
        """
        wrong = []
        for hunk in re.split(r"^@@\n", self.text, flags=re.M):
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] or line for line in lines if line[0] != "+")
            new = "".join(line[1:] or line for line in lines if line[0] != "-")
            if new in text:
                continue
            if text.count(old) == 1:
                text = text.replace(old, new)
            else:
                wrong.append(f"{self.path} has these lines {text.count(old)} times, not once:\n{old}")
        if wrong:
            raise Outdated("\n".join(wrong))
        return text


def examples() -> dict[str, str]:
    """The text of each page with an example, by name."""
    return {path.stem: path.read_text() for path in sorted((ROOT / "docs/contributing").glob("new-*.rst"))}


def pieces(page: str) -> Iterator[Piece]:
    """The files of a page, in order."""
    block = r"\.\. code-block:: (\w+)\n   :caption: (\S+)\n\n((?:   .*\n|\n)+)"
    for language, path, text in re.findall(block, page):
        lines = [line.removeprefix("   ") for line in text.rstrip("\n").splitlines()]
        yield Piece(path, "".join(f"{line}\n" for line in lines), language == "diff")


def trials(page: str) -> list[list[str]]:
    """The arguments for trial of each command in a page."""
    return [line.split() for line in re.findall(rf"^   \$ {re.escape(_TRIAL)}(.*)$", page, re.M)]


def made() -> set[str]:
    """The modules made by the examples, by dotted name."""
    return {
        piece.path.removesuffix(".py").replace("/", ".")
        for page in examples().values()
        for piece in pieces(page)
        if piece.path.endswith(".py") and not piece.isDiff
    }

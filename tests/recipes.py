"""The recipes of the docs: pieces of master.cfg that fetch source, as in the pages."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: Code that makes a slave fetch source contains this.
_FETCHES = re.compile(
    r"""["' ](git|hg|svn|bzr|cvs|darcs)["', ]+(fetch|clone|pull|checkout|co|update|up|reset)\b"""
)


def codeBlocks() -> list[tuple[str, str]]:
    """Each piece of Python that a user may copy: its file and its text."""
    found = []
    for path in [ROOT / "README", ROOT / "master.cfg.sample", *sorted((ROOT / "docs").rglob("*.rst"))]:
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        if path.suffix == ".sample":
            found.append((name, text))
            continue
        for block in re.findall(r"(?:\.\. code-block:: python\n(?:   :.*\n)*|::\n)\n((?:   .*\n|\n)+)", text):
            found.append((name, textwrap.dedent(block)))
    return found


def recipes() -> list[tuple[str, str]]:
    """The pieces that fetch source in a build."""
    return [(name, text) for name, text in codeBlocks() if "addStep" in text and _FETCHES.search(text)]


def hookConfig() -> str:
    """The lines of the page about git's hook to add to master.cfg."""
    (text,) = [
        text for name, text in codeBlocks() if name.endswith("git-hook.rst") and "c['sources']" in text
    ]
    return text

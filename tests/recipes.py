"""The recipes of the docs: pieces of master.cfg that fetch source, as the pages show them."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent
#: What a piece of code says that has a slave fetch source.
_FETCHES = re.compile(
    r"""["' ](git|hg|svn|bzr|cvs|darcs)["', ]+(fetch|clone|pull|checkout|co|update|up|reset)\b"""
)


def codeBlocks() -> list[tuple[str, str]]:
    """Every piece of Python that a user may copy: the file that it stands in, and its text."""
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
    """Those of them that fetch source in a build."""
    return [(name, text) for name, text in codeBlocks() if "addStep" in text and _FETCHES.search(text)]


def hookConfig() -> str:
    """What the page about git's hook has one add to master.cfg."""
    (text,) = [
        text for name, text in codeBlocks() if name.endswith("git-hook.rst") and "c['sources']" in text
    ]
    return text

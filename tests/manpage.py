"""The man page buildbot.1. C{python -m tests.manpage} writes it again."""

from __future__ import annotations

from pathlib import Path

from buildbot.scripts.manpage import manual

PAGE = Path(__file__).parent.parent / "buildbot/scripts/buildbot.1"

if __name__ == "__main__":
    PAGE.write_text(manual(), encoding="ascii")

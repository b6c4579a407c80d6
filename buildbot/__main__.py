"""C{python -m buildbot} is the command C{buildbot}."""

from __future__ import annotations

from buildbot.scripts.runner import run

if __name__ == "__main__":
    run()

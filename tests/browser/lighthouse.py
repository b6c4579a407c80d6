"""Lighthouse, installed once from the registry of npm: its scores for a page on a slow phone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, TypeAlias

from tests.browser.chromium import executable
from tests.integration.generations import cacheDirectory

VERSION = "13.5.0"
#: The categories that are judged, in the order of L{scores}.
CATEGORIES = ("performance", "accessibility", "best-practices")
#: A score of each category.
Scores: TypeAlias = tuple[int, int, int]
NONE: Scores = (0, 0, 0)


def program() -> str | None:
    """The path of the program; None if it is not here and cannot be installed."""
    directory = os.path.join(cacheDirectory(), f"lighthouse-{VERSION}")
    path = os.path.join(directory, "node_modules", ".bin", "lighthouse")
    if not os.path.exists(path) and shutil.which("npm") is not None:
        words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory]
        subprocess.run([*words, f"lighthouse@{VERSION}"], stdin=subprocess.DEVNULL, timeout=300, check=False)
    return path if os.path.exists(path) else None


def scores(path: str, url: str) -> tuple[Scores, Scores]:
    """Performance, accessibility and best practices of a page, 0 to 100, with Lighthouse's own phone.

    The first scores are of the time that passed, the second ones of the processor's time of each task: on a
    busy machine a task takes several times as long as it works. They are 0 if Lighthouse itself gives up.
    """
    with tempfile.TemporaryDirectory(prefix="lighthouse-") as directory:
        passed = _run(path, url, f"-GA={directory}")
        for trace in Path(directory).glob("*trace*.json"):
            trace.write_text(json.dumps(worked(json.loads(trace.read_text()))))
        return passed, _run(path, url, f"-A={directory}") if passed != NONE else NONE


def worked(trace: dict[str, Any]) -> dict[str, Any]:
    """The trace of a page, as if each task had taken no longer than it worked."""
    events = [
        {**event, "dur": event["tdur"]} if event.get("ph") == "X" and "tdur" in event else event
        for event in trace["traceEvents"]
    ]
    return {**trace, "traceEvents": events}


def _run(path: str, url: str, mode: str) -> Scores:
    """The scores of one run of the program; L{NONE} if it fails."""
    words = ["--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}", mode]
    flags = "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
    done = subprocess.run(
        [path, url, *words, flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=180,
        check=False,
        env={**os.environ, "CHROME_PATH": executable() or ""},
    )
    if done.returncode:
        return NONE
    found = json.loads(done.stdout)["categories"]
    first, second, third = (round(100 * found[name]["score"]) for name in CATEGORIES)
    return first, second, third

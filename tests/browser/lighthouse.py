"""Lighthouse, installed once from the registry of npm: its scores for a page on a slow phone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from tests.browser.chromium import executable
from tests.integration.generations import cacheDirectory

VERSION = "13.5.0"
#: The categories that are judged, in the order of L{scores}.
CATEGORIES = ("performance", "accessibility", "best-practices")


def program() -> str | None:
    """The path of the program; None if it is not here and cannot be installed."""
    directory = os.path.join(cacheDirectory(), f"lighthouse-{VERSION}")
    path = os.path.join(directory, "node_modules", ".bin", "lighthouse")
    if not os.path.exists(path) and shutil.which("npm") is not None:
        words = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory]
        subprocess.run([*words, f"lighthouse@{VERSION}"], stdin=subprocess.DEVNULL, timeout=300, check=False)
    return path if os.path.exists(path) else None


def scores(path: str, url: str) -> tuple[int, int, int]:
    """Performance, accessibility and best practices of a page, 0 to 100, with Lighthouse's own phone.

    They are 0 if Lighthouse itself gives up, which happens on a busy machine.
    """
    words = ["--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}"]
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
        return 0, 0, 0
    found = json.loads(done.stdout)["categories"]
    first, second, third = (round(100 * found[name]["score"]) for name in CATEGORIES)
    return first, second, third

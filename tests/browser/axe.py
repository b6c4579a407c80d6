"""The rules of axe-core for accessible pages, fetched once from the registry of npm."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from typing import Any

from tests.browser.chromium import Tab
from tests.integration.generations import cacheDirectory

VERSION = "4.14.1"
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: The rules whose result may be another one if only the colours change.
_COLOURS = ["color-contrast", "link-in-text-block"]
_RUN = """axe.run(document, {runOnly: {type: '%s', values: %s}, resultTypes: ['violations']}).then(
  (said) => said.violations.map((each) => ({rule: each.id, help: each.help,
    places: each.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + (node.any[0] || {}).message),
    count: each.nodes.length})))"""


@cache
def source() -> str | None:
    """The script of axe-core; None if it is not here and cannot be fetched."""
    path = os.path.join(cacheDirectory(), f"axe-core-{VERSION}.js")
    if not os.path.exists(path) and not _fetch(path):
        return None
    with open(path, encoding="utf-8") as stream:
        return stream.read()


def _fetch(path: str) -> bool:
    """Fetch the package with npm, and keep its script. Returns False if that fails."""
    if shutil.which("npm") is None:
        return False
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.TemporaryDirectory() as here:
        try:
            done = subprocess.run(
                ["npm", "pack", "--silent", f"axe-core@{VERSION}"],
                cwd=here,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=120,
            )
        except subprocess.TimeoutExpired:
            return False
        packed = os.path.join(here, f"axe-core-{VERSION}.tgz")
        if done.returncode or not os.path.exists(packed):
            return False
        with tarfile.open(packed) as archive:
            member = archive.extractfile("package/axe.min.js")
            assert member is not None
            text = member.read()
    with open(f"{path}.{os.getpid()}", "wb") as stream:
        stream.write(text)
    os.replace(stream.name, path)
    return True


def violations(tab: Tab, script: str, isRepainted: bool = False) -> list[dict[str, Any]]:
    """The broken rules of the page: rule, help, count, and up to three places.

    @param isRepainted: True if this page has already been checked in other colours: only the rules about
        colours are checked again.
    """
    if not tab.value("typeof axe === 'object'"):
        tab.ask("Runtime.evaluate", expression=script)
    kind, values = ("rule", _COLOURS) if isRepainted else ("tag", _TAGS)
    return list(tab.value(_RUN % (kind, json.dumps(values))) or [])

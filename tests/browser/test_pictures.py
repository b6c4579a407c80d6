"""The pictures of the documentation, made from a real master."""

from __future__ import annotations

import importlib
import io
import os
from pathlib import Path
from typing import Any
from unittest import skipUnless

from tests.browser.chromium import Device
from tests.browser.site import BrowserCase
from tests.integration.processes import ROOT

#: The variable that asks for the pictures.
ASKED = "BUILDBOT_TEST_PICTURES"
FOLDER = Path(ROOT) / "docs" / "_static" / "pages"
#: The address of each picture, and its window: a desk or a phone, light or dark.
PICTURES = {
    "home": ("", Device(960, 600)),
    "builders": ("builders", Device(960, 400)),
    "builder": ("builders/broken", Device(960, 720)),
    "force": ("builders/broken/force", Device(960, 440)),
    "build": ("builders/broken/builds/0", Device(960, 800)),
    "log": ("builders/broken/builds/0/steps/test/logs/stdio?line=306#L306", Device(960, 560)),
    "waterfall": ("waterfall", Device(960, 600)),
    "grid": ("grid", Device(960, 400)),
    "console": ("console", Device(960, 300)),
    "slaves": ("buildslaves", Device(960, 300)),
    "builds": ("one_line_per_build", Device(1180, 340)),
    "step": ("builders/broken/builds/0/steps/test", Device(960, 480)),
    "slave": ("buildslaves/bot1", Device(960, 640)),
    "queue": ("queue", Device(1180, 240)),
    "changes": ("changes", Device(960, 260)),
    "revision": ("revision/r1", Device(1180, 400)),
    "schedulers": ("schedulers", Device(960, 420)),
    "search": ("search?q=o", Device(960, 340)),
    "about": ("about", Device(960, 520)),
    "phone": ("builders", Device(360, 740, "dark")),
}


def small(png: bytes) -> bytes:
    """The picture with at most 64 colours, if Pillow is installed."""
    try:
        images: Any = importlib.import_module("PIL.Image")
    except ImportError:
        return png
    made = io.BytesIO()
    with images.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").quantize(64, dither=0).save(made, "png", optimize=True)
    return made.getvalue()


@skipUnless(os.environ.get(ASKED), f"{ASKED}=1 makes the pictures of the documentation")
class PictureTests(BrowserCase):
    """The documentation shows pages as they are."""

    odd = ("docs", "sphinx")
    category = "doc"

    def test_pictures(self) -> None:
        """Each picture is made anew."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, (address, device) in PICTURES.items():
            tab = self.tab(device)
            tab.open(self.root + address)
            (FOLDER / f"{name}.png").write_bytes(small(tab.picture()))
            tab.close()

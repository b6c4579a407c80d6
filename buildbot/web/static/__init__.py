# -*- test-case-name: tests.stories.test_web -*-
"""The style sheet, the script and the icon. Their addresses have a hash: browsers may keep them for ever."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class StaticFile:
    """A file of this folder.

    @ivar name: its name here, such as "buildbot.css".
    @ivar type: its media type.
    """

    name: str
    type: str

    @cached_property
    def content(self) -> bytes:
        """The bytes of the file."""
        return (_HERE / self.name).read_bytes()

    @cached_property
    def address(self) -> str:
        """The name with a hash of the content, such as "buildbot.0123456789ab.css"."""
        stem, _, ending = self.name.rpartition(".")
        return f"{stem}.{sha256(self.content).hexdigest()[:12]}.{ending}"


STYLE = StaticFile("buildbot.css", "text/css; charset=utf-8")
SCRIPT = StaticFile("buildbot.js", "text/javascript; charset=utf-8")
ICON = StaticFile("buildbot.svg", "image/svg+xml")
FILES = (STYLE, SCRIPT, ICON)


def named(address: str) -> StaticFile | None:
    """The file with this address; None if there is none."""
    return next((each for each in FILES if each.address == address), None)

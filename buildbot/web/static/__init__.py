# -*- test-case-name: tests.stories.test_web -*-
"""The style sheet, the script and the icon. Their addresses have a hash: browsers may keep them for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from buildbot.web.logs.looks import rules

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class StaticFile:
    """A file of this folder.

    @ivar name: its name here, such as "buildbot.css".
    @ivar type: its media type.
    @ivar more: makes the rest of its content.
    @ivar isLean: True to leave out comment lines and indentation.
    """

    name: str
    type: str
    more: Callable[[], str] = str
    isLean: bool = False

    @cached_property
    def content(self) -> bytes:
        """The bytes of the file."""
        read = (_HERE / self.name).read_bytes()
        if self.isLean:
            lines = map(bytes.strip, read.splitlines())
            read = b"\n".join(line for line in lines if line and not line.startswith(b"//")) + b"\n"
        return read + self.more().encode("ascii")

    @cached_property
    def address(self) -> str:
        """The name with a hash of the content, such as "buildbot.0123456789ab.css"."""
        stem, _, ending = self.name.rpartition(".")
        return f"{stem}.{sha256(self.content).hexdigest()[:12]}.{ending}"

    @cached_property
    def dataUrl(self) -> str:
        """The whole file as an address, quoted for HTML. It saves a request."""
        return f"data:{self.type},{quote(self.content.strip(), safe=' =/:')}"


STYLE = StaticFile("buildbot.css", "text/css; charset=utf-8")
SCRIPT = StaticFile("buildbot.js", "text/javascript; charset=utf-8", isLean=True)
ICON = StaticFile("buildbot.svg", "image/svg+xml")
#: The style of logs, with their 240 numbered colours. Only pages of logs load it.
LOG_STYLE = StaticFile("log.css", "text/css; charset=utf-8", rules)
FILES = (STYLE, SCRIPT, ICON, LOG_STYLE)


def named(address: str) -> StaticFile | None:
    """The file with this address; None if there is none."""
    return next((each for each in FILES if each.address == address), None)

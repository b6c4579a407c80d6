"""The baseline of C{logs}: a plain Twisted PB server that starts one command on each slave and writes its
output.

It attaches slaves like C{bare}, and has no builds, steps, limits or formats. For each line on its standard
input it starts a command on every slave. When all commands have ended, it answers with one line of JSON: the
seconds, the CPU seconds, and the number of bytes written.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

from twisted.spread import pb

from tests.benchmarks import bare


class Command(pb.Referenceable):
    """I write the standard output of one command to a file."""

    def __init__(self, path: str, over: Any) -> None:
        self._file = open(path, "wb")
        self._over = over

    def remote_update(self, updates: Any) -> int:
        """The slave calls me with output."""
        for update, _ in updates:
            for key, value in update.items():
                if key in (b"stdout", "stdout"):
                    self._file.write(value)
        return 0

    def remote_complete(self, failure: Any) -> None:
        """The slave calls me when the command has ended."""
        written = self._file.tell()
        self._file.close()
        self._over(written)


class Realm(bare.Realm):
    """I store the attached slaves."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.avatars: list[bare.Avatar] = []

    def requestAvatar(self, avatarId: bytes | tuple[()], mind: Any, *interfaces: object) -> Any:
        """See L{IRealm}."""
        return super().requestAvatar(avatarId, mind, *interfaces).addCallback(self._remember)

    def _remember(self, result: Any) -> Any:
        self.avatars.append(result[1])
        return result


class Control(bare.UntilClosed):
    """I obey the commands on standard input."""

    _at: tuple[float, float]

    def __init__(self, realm: Realm, directory: str) -> None:
        self._realm = realm
        self._directory = directory
        self._open = self._written = 0

    def dataReceived(self, data: bytes) -> None:
        """Obey one line of input."""
        self._at = _now()
        self._written = 0
        self._open = len(self._realm.avatars)
        for number, avatar in enumerate(self._realm.avatars):
            command = Command(os.path.join(self._directory, str(number)), self._over)
            (builder,) = avatar.builders.values()
            builder.callRemote("startCommand", command, b"1", b"shell", {b"command": [b"true"]})

    def _over(self, written: int) -> None:
        self._open -= 1
        self._written += written
        if not self._open:
            seconds, cpu = (now - then for now, then in zip(_now(), self._at, strict=True))
            sys.stdout.write(json.dumps({"seconds": seconds, "cpu": cpu, "written": self._written}) + "\n")
            sys.stdout.flush()


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    options = bare.makeParser("barelogs").parse_args(arguments)
    realm = Realm(options)
    with tempfile.TemporaryDirectory() as directory:
        bare.serve(options, realm, Control(realm, directory))


if __name__ == "__main__":
    main(sys.argv[1:])

"""The baseline of C{builds}: a plain Twisted PB server that makes the calls of a build and stores nothing.

It attaches slaves like C{bare}. For each build it sends and receives the same bytes as this master, on the
same Python and reactor, with the same simulated slaves. It has no requests, steps, locks, logs, limits,
timers or store. It starts the next build in the reactor turn in which one ends; this master first writes both
to disk.

The line "run N" on its standard input runs N builds of one command each, one after the other on every slave.
The answer is one line of JSON: the seconds, the CPU seconds, and the number of builds for each exit status.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from twisted.spread import pb

from tests.benchmarks import bare

#: The arguments that a ShellCommand sends.
ARGUMENTS: dict[str, Any] = {
    "workdir": "build",
    "command": ["true"],
    "env": None,
    "want_stdout": True,
    "want_stderr": True,
    "logfiles": {},
    "timeout": 1200,
    "logEnviron": False,
}


class Command(pb.Referenceable):
    """I am one command. I store its exit status."""

    def __init__(self, over: Any) -> None:
        self._over = over
        self._rc: int | None = None

    def remote_update(self, updates: Any) -> int:
        """The slave calls me with output, or with the exit status."""
        for update, _ in updates:
            for key, value in update.items():
                if key in (b"rc", "rc"):
                    self._rc = value
        return 0

    def remote_complete(self, failure: Any) -> None:
        """The slave calls me when the command has ended."""
        self._over(self._rc)


class Realm(bare.Realm):
    """I store the attached slaves."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.builders: list[pb.RemoteReference] = []

    def requestAvatar(self, avatarId: bytes | tuple[()], mind: Any, *interfaces: object) -> Any:
        """See L{IRealm}."""
        return super().requestAvatar(avatarId, mind, *interfaces).addCallback(self._remember)

    def _remember(self, result: Any) -> Any:
        self.builders.extend(result[1].builders.values())
        return result

    def words(self, value: Any) -> Any:
        """Convert a value to the strings of the slaves' Python."""
        if isinstance(value, str):
            return self._word(value)
        if isinstance(value, list):
            return [self.words(each) for each in value]
        if isinstance(value, dict):
            return {self.words(key): self.words(each) for key, each in value.items()}
        return value


class Control(bare.UntilClosed):
    """I obey the commands on standard input."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._left = self._open = self._number = 0

    def dataReceived(self, data: bytes) -> None:
        """Obey one line of input."""
        self._left = self._open = int(data.split()[1])
        self._results: dict[str, int] = {}
        self._at = _now()
        for builder in self._realm.builders:
            self._next(builder)

    def _next(self, builder: pb.RemoteReference) -> None:
        if not self._left:
            return
        self._left -= 1
        self._number += 1
        words = self._realm.words
        command = Command(lambda rc: self._over(builder, rc))
        builder.callRemote("startBuild", pbanswer=False)
        builder.callRemote(
            "startCommand", command, words(str(self._number)), words("shell"), words(ARGUMENTS)
        )

    def _over(self, builder: pb.RemoteReference, rc: int | None) -> None:
        self._open -= 1
        self._results[str(rc)] = self._results.get(str(rc), 0) + 1
        self._next(builder)
        if not self._open:
            seconds, cpu = (now - then for now, then in zip(_now(), self._at, strict=True))
            report = {"seconds": seconds, "reactorCpu": cpu, "cpu": cpu, "results": self._results}
            sys.stdout.write(json.dumps(report) + "\n")
            sys.stdout.flush()


def _now() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    options = bare.makeParser("barebuilds").parse_args(arguments)
    realm = Realm(options)
    bare.serve(options, realm, Control(realm))


if __name__ == "__main__":
    main(sys.argv[1:])

# -*- test-case-name: tests.daemons.test_git_hook -*-
"""Send the changes of a repository to a master, from a hook that must neither fail nor take long.

A child process sends them, the command C{buildbot sendchange}, so that it can be killed when the time is up.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from buildbot.clients.hookspool import Spool

#: A change, as C{buildbot sendchange --changes} takes it.
Change: TypeAlias = Mapping[str, Any]

#: The most files of one commit to send: the first ones.
FILES = 1000
#: The most characters of a commit message to send.
WORDS = 10_000
#: The most commits of one push to send: the last ones.
COMMITS = 50
#: The most changes sent over one connection.
BATCH = 200
#: Seconds until a message tells the user that the hook waits.
PATIENCE = 2
#: Extra seconds for `buildbot sendchange` to end.
GRACE = 3


class HookFailed(Exception):
    """A hook cannot do its work. The text is for the user."""


def say(text: str) -> None:
    """Print a line for the user, who may have disconnected already."""
    with suppress(OSError, ValueError):
        print(f"buildbot: {text}", file=sys.stderr, flush=True)


def outlastUser() -> None:
    """Go on if the user disconnects: the changes must be stored anyway."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)


def output(*command: str, env: Mapping[str, str] | None = None) -> str:
    """The output of a program. Bytes that are not UTF-8 are kept with C{surrogateescape}.

    @raise HookFailed: it failed.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
            env={**os.environ, **(env or {})},
        )
    except (OSError, ValueError) as why:
        raise HookFailed(f"cannot run {command[0]}: {getattr(why, 'strerror', why)}") from why
    except subprocess.CalledProcessError as why:
        raise HookFailed(f"{os.path.basename(command[0])} {command[1]} failed") from why
    return done.stdout.decode("utf-8", "surrogateescape")


def change(who: str, files: Sequence[str], comments: str, **more: Any) -> dict[str, Any]:
    """A change of a commit, cut to the limits of the master."""
    return {"who": who, "files": list(files)[:FILES], "comments": comments.strip()[:WORDS], **more}


@dataclass(frozen=True)
class Master:
    """The master that gets the changes.

    @ivar address: C{HOST:PORT}.
    @ivar authFile: the file with the account; see C{buildbot sendchange --auth-file}. None: see C{account}.
    @ivar command: the words that run C{buildbot}.
    @ivar seconds: the most seconds that a hook waits for the master, for any number of commits.
    @ivar account: C{USER:PASSWORD}, if there is no file.
    """

    address: str
    authFile: str | None
    command: tuple[str, ...]
    seconds: float
    account: str = ""


class Delivery:
    """I bring the changes of one repository to its master."""

    def __init__(self, directory: str, master: Master, again: str) -> None:
        """@param directory: the directory of the repository, for unsent changes.
        @param again: the command that sends them, for the user; empty: there is none.
        """
        self._spool = Spool(directory)
        self._master = master
        self._again = again
        self._end = time.monotonic() + master.seconds

    def hook(self, read: Callable[[], Sequence[Change]]) -> int:
        """Store the changes that C{read} returns, then send all stored ones.

        @return: 0 if the master has all of them, else 1.
        """
        changes = read()
        self._end = time.monotonic() + self._master.seconds
        spool = self._spool
        if not changes and not spool.names():
            return 0
        try:
            spool.put(changes, self._end)
        except OSError as why:
            say(f"cannot store changes in {spool.path}: {why.strerror}; they are sent only once")
            sent = [taken for _, taken, _ in self._send([json.dumps(each) for each in changes])]
            return 0 if sum(sent) == len(changes) else 1
        return self._inTime(f", or by: {self._again}" if self._again else "")

    def deliver(self) -> int:
        """Send the stored changes. Returns 0 if none is left, else 1."""
        return self._inTime("") if self._spool.names() else 0

    def _inTime(self, how: str) -> int:
        """Send the stored changes, and print how many are left."""
        address = self._master.address
        comfort = threading.Timer(PATIENCE, say, [f"waiting for {address} to take the changes …"])
        comfort.daemon = True
        comfort.start()
        try:
            with self._spool.delivering(self._end):
                if self._deliverAll():
                    return 0
        except TimeoutError:
            if not self._spool.names():
                return 0
            say("the changes of another commit are being sent now")
        finally:
            comfort.cancel()
        left = len(self._spool.names())
        changes, are = ("1 change", "is") if left == 1 else (f"{left} changes", "are")
        say(f"{changes} for {address} {are} kept in {self._spool.path}, and sent with the next one{how}")
        return 1

    def _deliverAll(self) -> bool:
        """Send the stored changes, the oldest first. Returns True if none is left."""
        spool = self._spool
        while True:
            names = spool.names()[:BATCH]
            if not names:
                return True
            answered = 0
            for index, taken, why in self._send([spool.read(name) for name in names]):
                answered += 1
                if taken:
                    spool.done(names[index])
                else:
                    say(f"the master refuses a change, which is now in {spool.refused(names[index])}: {why}")
            if answered < len(names):
                return False

    def _send(self, changes: Sequence[str]) -> Iterator[tuple[int, bool, str]]:
        """Send changes over one connection.

        Yields for each answered change its index, True if the master has it, and the reason if not. Ends
        early, with a message, when the time is up or the master is not available.
        """
        left = self._end - time.monotonic()
        if left < 0.5:
            return
        master = self._master
        words = [*master.command, "sendchange", "--master", master.address]
        words += [] if master.authFile is None else ["--auth-file", master.authFile]
        words += ["--changes", "-", "--json", "--quiet", "--timeout", f"{left:.1f}"]
        pipe = subprocess.PIPE
        try:
            env = {**os.environ, "BUILDBOT_AUTH": master.account} if master.account else None
            child = subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        except OSError as why:
            say(f"cannot run {master.command[0]}: {why.strerror}")
            return
        killer = threading.Timer(left + GRACE, child.kill)  # in case it does not end by itself
        killer.daemon = True
        killer.start()
        try:
            yield from _answers(child, changes)
        finally:
            killer.cancel()


def _answers(child: subprocess.Popen[bytes], changes: Sequence[str]) -> Iterator[tuple[int, bool, str]]:
    """Write changes to the command, and yield its answers. Prints its errors."""
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    errors: list[bytes] = []
    reading = threading.Thread(target=lambda: errors.extend(child.stderr or ()), daemon=True)
    reading.start()
    try:
        with suppress(BrokenPipeError), child.stdin:
            child.stdin.write("".join(f"{each}\n" for each in changes).encode("ascii"))
        for line in child.stdout:
            with suppress(ValueError, KeyError, TypeError):
                said = json.loads(line)
                yield int(said["change"]) - 1, bool(said["sent"]), str(said["why"])
    finally:
        if child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(1)
        child.kill()
        child.wait()
        reading.join(1)
        for line in errors[:10]:
            say(line.decode("utf-8", "backslashreplace").rstrip())

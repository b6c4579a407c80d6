#!/usr/bin/env python3
"""A post-receive hook of git: sends each pushed commit to a Buildbot master.

Copy it to hooks/post-receive of the shared repository, make it executable, and set the values below, or the
environment variables that they read. It needs git and the command `buildbot`.

Each change is stored in the directory buildbot-spool of the repository until the master has it. If the master
does not answer in time, the push still succeeds, and the changes are sent, in order, with the next push, or
by `post-receive --deliver [REPOSITORY]`, which cron may run.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress

MASTER = os.environ.get("BUILDBOT_MASTER", "localhost:9989")
#: A file with USER:PASSWORD of the master's PBChangeSource; only the owner of the repository may read it.
AUTH_FILE = os.environ.get("BUILDBOT_AUTH_FILE", os.path.expanduser("~/.buildbot-auth"))
BUILDBOT = os.environ.get("BUILDBOT", "buildbot")
#: The most seconds that a push waits for the master, for any number of commits.
TIMEOUT = os.environ.get("BUILDBOT_TIMEOUT", "20")
#: The most commits of one push to send: the last ones.
COMMITS = 50
#: The most files of one commit to send: the first ones.
FILES = 1000
#: The most characters of a commit message to send.
WORDS = 10_000
HEADS = "refs/heads/"
#: The most changes sent over one connection.
BATCH = 200
#: Seconds until a message tells the user that the push waits.
PATIENCE = 2
#: Extra seconds for `buildbot sendchange` to end.
GRACE = 3


def git(*words: str) -> str:
    """The output of git. File names that are not UTF-8 are preserved."""
    done = subprocess.run(["git", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
    return os.fsdecode(done.stdout)


def commits(old: str, new: str, ref: str) -> Sequence[str]:
    """The commits of a push, the oldest first; for a new branch, those that are on no other branch."""
    if set(old) == {"0"}:
        others = ["--not", f"--exclude={ref[len(HEADS) :]}", "--branches"]
        return git("rev-list", "--reverse", new, *others).split() or [new]
    return git("rev-list", "--reverse", f"{old}..{new}").split() or [new]


def change(commit: str, branch: str) -> Mapping[str, object]:
    """The change for a commit, as `buildbot sendchange --changes` takes it."""
    author, comments = git("log", "-1", "--format=%an <%ae>%x00%B", commit).split("\0", 1)
    # for a merge, the files that it brought to the branch
    _, *parents = git("rev-list", "--parents", "-n", "1", commit).split()
    compared = [parents[0], commit] if parents else ["--root", "--no-commit-id", commit]
    listed = git("diff-tree", "-r", "-z", "--name-only", *compared)
    return {
        "who": author,
        "files": [name for name in listed.split("\0") if name][:FILES],
        "comments": comments.strip()[:WORDS],
        "branch": branch,
        "revision": commit,
    }


def pushed(lines: Iterable[str]) -> Iterator[Mapping[str, object]]:
    """The changes of a push, from git's input to the hook."""
    for line in lines:
        old, new, ref = line.rstrip("\n").split(" ", 2)
        if not ref.startswith(HEADS) or set(new) == {"0"}:
            continue  # a tag, or a deleted branch
        try:
            for commit in commits(old, new, ref)[-COMMITS:]:
                yield change(commit, ref[len(HEADS) :])
        except subprocess.CalledProcessError as why:
            say(f"not all commits pushed to {ref} are sent to the master: git {why.cmd[1]} failed")


def say(text: str) -> None:
    """Print a line for the user, who may have disconnected already."""
    with suppress(OSError, ValueError):
        print(f"buildbot: {text}", file=sys.stderr, flush=True)


class Spool:
    """I store the changes that the master does not have yet, one per file, in the order of their names."""

    def __init__(self, repository: str) -> None:
        self.path = os.path.join(repository, "buildbot-spool")
        # Users who may push to the repository may use the spool, and no others.
        self._mode = os.stat(repository).st_mode & 0o7777

    def put(self, changes: Sequence[Mapping[str, object]], end: float) -> None:
        """Store changes, after all earlier ones. Raises OSError if that is not possible until C{end}."""
        self._make(self.path)
        with self._locked("numbers", end):
            last = max((int(name) for name in os.listdir(self.path) if name.isdigit()), default=0)
            for number, each in enumerate(changes, last + 1):
                path = os.path.join(self.path, f"{number:012d}")
                self._write(f"{path}.new", json.dumps(each))
                os.rename(f"{path}.new", path)
            directory = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def names(self) -> list[str]:
        """The plain files, the oldest first. To open a FIFO, for example, would block the push."""
        try:
            with os.scandir(self.path) as entries:
                files = [each.name for each in entries if each.is_file(follow_symlinks=False)]
            return sorted(name for name in files if name.isdigit())
        except FileNotFoundError:
            return []

    def read(self, name: str) -> str:
        """The change in a file, as JSON."""
        with open(os.path.join(self.path, name), encoding="ascii") as stream:
            return stream.read()

    def done(self, name: str) -> None:
        """Remove a change: the master has it."""
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self.path, name))

    def refused(self, name: str) -> str:
        """Move a change away that the master never accepts. Returns its new path."""
        aside = os.path.join(self.path, "refused")
        self._make(aside)
        path = os.path.join(aside, f"{int(time.time())}-{name}")
        os.rename(os.path.join(self.path, name), path)
        return path

    def delivering(self, end: float) -> AbstractContextManager[None]:
        """Lock the delivery for this process. Raises TimeoutError if another one delivers until C{end}."""
        return self._locked("delivering", end)

    @contextmanager
    def _locked(self, name: str, end: float) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(os.path.join(self.path, name), flags, 0o600 | (self._mode & 0o660))
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise TimeoutError(errno.ETIMEDOUT, "another push holds its lock") from None
                time.sleep(0.05)
            yield
        finally:
            os.close(lock)

    def _make(self, path: str) -> None:
        if not os.path.isdir(path):
            os.makedirs(path, exist_ok=True)
            with suppress(PermissionError):
                os.chmod(path, self._mode)

    def _write(self, path: str, text: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(path, flags, 0o600), "w", encoding="ascii") as stream:
            with suppress(PermissionError):
                os.fchmod(stream.fileno(), 0o600 | (self._mode & 0o060))
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())


def send(changes: Sequence[str], end: float) -> Iterator[tuple[int, bool, str]]:
    """Send changes over one connection.

    Yields for each answered change its index, True if the master has it, and the reason if not. Ends early,
    with a message, when the time is up or the master is not available.
    """
    left = end - time.monotonic()
    if left < 0.5:
        return
    words = [BUILDBOT, "sendchange", "--master", MASTER, "--auth-file", AUTH_FILE]
    words += ["--changes", "-", "--json", "--quiet", "--timeout", f"{left:.1f}"]
    try:
        child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as why:
        say(f"cannot run {BUILDBOT}: {why.strerror}")
        return
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    killer = threading.Timer(left + GRACE, child.kill)  # in case it does not end by itself
    killer.daemon = True
    killer.start()
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
        killer.cancel()
        if child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(1)
        child.kill()
        child.wait()
        reading.join(1)
        for line in errors[:10]:
            say(line.decode("utf-8", "backslashreplace").rstrip())


def deliver(spool: Spool, end: float) -> bool:
    """Send the stored changes, the oldest first. Returns True if none is left."""
    while True:
        names = spool.names()[:BATCH]
        if not names:
            return True
        answered = 0
        for index, taken, why in send([spool.read(name) for name in names], end):
            answered += 1
            if taken:
                spool.done(names[index])
            else:
                say(f"the master refuses a change, which is now in {spool.refused(names[index])}: {why}")
        if answered < len(names):
            return False


def deliverInTime(spool: Spool, end: float, how: str) -> int:
    """Send the stored changes, and print how many are left. Returns 1 if there are any."""
    comfort = threading.Timer(PATIENCE, say, [f"waiting for {MASTER} to take the changes …"])
    comfort.daemon = True
    comfort.start()
    try:
        with spool.delivering(end):
            if deliver(spool, end):
                return 0
    except TimeoutError:
        if not spool.names():
            return 0
        say("the changes of another push are being sent now")
    finally:
        comfort.cancel()
    left = len(spool.names())
    changes, are = ("1 change", "is") if left == 1 else (f"{left} changes", "are")
    say(f"{changes} for {MASTER} {are} kept in {spool.path}, and sent with the next push{how}")
    return 1


def seconds() -> float:
    """The time limit."""
    try:
        return float(TIMEOUT)
    except ValueError:
        say(f"BUILDBOT_TIMEOUT={TIMEOUT} is not a number of seconds: using 20")
        return 20.0


def hook(repository: str, lines: Iterable[str]) -> int:
    """Store the changes of a push, then send all stored ones. Returns 1 if the master does not have all of
    them.
    """
    # The user may disconnect at any time; the changes of the push must be stored anyway.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    changes = list(pushed(lines))
    end = time.monotonic() + seconds()
    spool = Spool(repository)
    if not changes and not spool.names():
        return 0
    try:
        spool.put(changes, end)
    except OSError as why:
        say(f"cannot store changes in {spool.path}: {why.strerror}; they are sent only once")
        sent = [taken for _, taken, _ in send([json.dumps(each) for each in changes], end)]
        return 0 if sum(sent) == len(changes) else 1
    return deliverInTime(spool, end, f", or by: {os.path.abspath(sys.argv[0])} --deliver {repository}")


def repositoryOf(words: Sequence[str]) -> str:
    """The git directory of a repository."""
    return git(*words, "rev-parse", "--absolute-git-dir").rstrip("\n")


def main(words: Sequence[str]) -> int:
    """Run for git, or for cron."""
    if words and (words[0] != "--deliver" or words[2:]):
        print("Usage: post-receive [--deliver [REPOSITORY]]", file=sys.stderr)
        return 2
    if not words:
        return hook(repositoryOf([]), sys.stdin)
    spool = Spool(repositoryOf(["-C", words[1]] if words[1:] else []))
    return deliverInTime(spool, time.monotonic() + seconds(), "") if spool.names() else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (OSError, subprocess.CalledProcessError, UnicodeError) as problem:
        say(f"the hook has failed: {problem}")
        sys.exit(1)

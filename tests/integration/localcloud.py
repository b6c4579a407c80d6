"""A cloud on this machine, for tests: a program whose instances are real slave processes.

C{python localcloud.py DIRECTORY start|stop|check} is the command of a latent slave. Files in the directory
tell it to fail: each call takes the first word of C{plan-start} or C{plan-stop}. The directory also has
C{calls}, a line for each call, and C{twice}, which exists if a slave had two instances.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

#: The variable of the instances of a cloud.
MARK = "LOCALCLOUD"
#: Makes the service of a worker, in a buildbot.tac.
_TAC = """
from buildbot_worker.bot import Worker
from twisted.application import service
application = service.Application("worker")
worker = Worker({host!r}, {port}, {name!r}, {password!r}, {basedir!r}, 600, umask=None, maxdelay=1)
worker.setServiceParent(application)
"""


def plan(directory: str, verb: str, words: Iterable[str]) -> None:
    """Set what the next calls do. start: ok, refuse, leak, hang, slow, deaf; stop: ok, fail, hang."""
    with open(os.path.join(directory, f"plan-{verb}"), "w", encoding="utf-8") as file:
        file.write("".join(f"{word}\n" for word in words))


def instances(directory: str, name: str | None = None) -> list[int]:
    """The processes of the running instances, of all slaves or of one."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/environ", "rb") as file:
                variables = file.read().split(b"\0")
            if os.getsid(int(pid)) != int(pid):  # a command of a build
                continue
            mine = f"{MARK}={directory}".encode() in variables
            if mine and (name is None or f"WORKERNAME={name}".encode() in variables):
                found.append(int(pid))
    return found


def calls(directory: str) -> list[str]:
    """The calls so far."""
    try:
        with open(os.path.join(directory, "calls"), encoding="utf-8") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def _next(directory: str, verb: str) -> str:
    """Take the first word of a plan, and note the call."""
    with open(os.path.join(directory, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path, words = os.path.join(directory, f"plan-{verb}"), []
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as file:
            words = file.read().split()
        word = words[0] if words else "ok"
        plan(directory, verb, words[1:])
        with open(os.path.join(directory, "calls"), "a", encoding="utf-8") as file:
            file.write(f"{verb} {word} {os.environ.get('BUILDBOT_INSTANCE', '')}\n")
    return word


def _create(directory: str, password: str) -> str:
    """Start a worker that outlives this process; return its id."""
    name = os.environ["WORKERNAME"]
    if instances(directory, name):
        open(os.path.join(directory, "twice"), "w").close()
    made = f"{name}-{time.time_ns()}"
    basedir = os.path.join(directory, made)
    os.makedirs(os.path.join(basedir, "info"))
    with open(os.path.join(basedir, "buildbot.tac"), "w", encoding="utf-8") as file:
        host, port = os.environ["BUILDMASTER"], os.environ["BUILDMASTER_PORT"]
        file.write(_TAC.format(host=host, port=port, name=name, password=password, basedir=basedir))
    subprocess.Popen(
        _twistd(),
        cwd=basedir,
        env={**os.environ, MARK: directory},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return made


def _twistd() -> list[str]:
    options = ["--nodaemon", "--no_save", "--python=buildbot.tac", "--pidfile=", "--logfile=twistd.log"]
    return [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", *options]


def start(directory: str) -> int:
    """Start an instance, or do what the plan says."""
    word = _next(directory, "start")
    if word == "refuse":
        print(f"there is no room for {os.environ['WORKERPASS']}", file=sys.stderr)
        return 1
    made = _create(directory, "wrong" if word == "deaf" else os.environ["WORKERPASS"])
    if word == "hang":
        time.sleep(600)
    if word == "slow":
        time.sleep(1)
    print(f"created\n{made}")
    return int(word == "leak")


def stop(directory: str) -> int:
    """End all instances of the slave, or do what the plan says."""
    word = _next(directory, "stop")
    if word == "fail":
        print("the cloud does not answer", file=sys.stderr)
        return 1
    if word == "hang":
        time.sleep(600)
    while pids := instances(directory, os.environ["WORKERNAME"]):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    return 0


def main(directory: str, verb: str) -> int:
    """Run one command."""
    if verb == "check":
        return 0 if instances(directory, os.environ["WORKERNAME"]) else 1
    return start(directory) if verb == "start" else stop(directory)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))

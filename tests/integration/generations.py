# -*- test-case-name: tests.integration.test_generations -*-
"""The four generations of slaves, each installed from the package index in a separate environment.

The environments are made once and kept in a cache directory of the user; L{tests.integration.slaves} runs
slaves from them. This module does not use PB or masters.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from twisted.internet import defer, threads

#: The last virtualenv that makes environments for Python 2.7.
VIRTUALENV = "virtualenv<20.22"

#: The path of a Python 2.7 outside of PATH and pyenv's versions.
PYTHON27_VARIABLE = "BUILDBOT_TEST_PYTHON27"

#: The directory of the environments, instead of the user's cache directory.
CACHE_VARIABLE = "BUILDBOT_TEST_CACHE"

#: The packages of slaves on Python 2.7. incremental and zope.interface are pinned because the newest ones
#: that an old pip may choose do not work there any more.
_PYTHON27_BASE = ("incremental==21.3.0", "zope.interface==5.5.2", "Automat==0.7.0")
_PYTHON27_TWISTED = "Twisted==18.9.0"


@dataclass(frozen=True)
class Generation:
    """One generation of slaves: its packages and its own commands."""

    name: str  #: as in the documentation: "0.7.12", …
    package: str  #: for pip
    major: int  # its Python: 2, or 3 for the Python of the tests
    script: str  # its command, in the environment's bin directory
    create: str  # the subcommand that makes a slave's directory
    ready: str  # regular expression: its log line after a successful login
    naming: str  # the variable of buildbot.tac that has the slave's name
    options: tuple[str, ...] = ()  # for the subcommand: options that this generation requires
    also: tuple[str, ...] = ()  # for pip: packages that it needs besides its own requirements

    @property
    def requirements(self) -> tuple[tuple[str, ...], ...]:
        """The arguments of pip, one tuple a call. (The set-up of Twisted 18.9 imports incremental, so that
        must be installed first.)
        """
        if self.major == 2:
            return (_PYTHON27_BASE, (_PYTHON27_TWISTED, self.package, *self.also))
        return ((self.package, *self.also),)


#: The only sign of a login of 0.7.12 is that its keepalive timer has started.
OLD_SLAVE = Generation(
    "0.7.12",
    "buildbot==0.7.12",
    2,
    "buildbot",
    "create-slave",
    r"sending application-level keepalives",
    "slavename",
)
#: C{sendchange} of 0.8.14 came with the master, which runs with this Tempita only on Python 2.7.
SLAVE = Generation(
    "0.8.14",
    "buildbot-slave==0.8.14",
    2,
    "buildslave",
    "create-slave",
    r"Connected to .*slave is ready",
    "slavename",
    also=("buildbot==0.8.14", "Tempita==0.5.2"),
)
#: On Python 2.7 the option's default, None, counts as less than one retry: such a worker ends at its first
#: lost connection.
OLD_WORKER = Generation(
    "0.9.15",
    "buildbot-worker==0.9.15",
    2,
    "buildbot-worker",
    "create-worker",
    r"Connected to .*worker is ready",
    "workername",
    ("--maxretries=1000000",),
)
WORKER = Generation(
    "4.3.0",
    "buildbot-worker==4.3.0",
    3,
    "buildbot-worker",
    "create-worker",
    r"Connected to .*worker is ready",
    "workername",
    also=("twisted[tls]",),
)

GENERATIONS = (OLD_SLAVE, SLAVE, OLD_WORKER, WORKER)


class InstallFailed(Exception):
    """An environment could not be made; the text is the output of the failed tool."""


@dataclass(frozen=True)
class Environment:
    """A directory in which one generation is installed."""

    generation: Generation
    directory: str

    @property
    def python(self) -> str:
        """The interpreter of this environment."""
        return os.path.join(self.directory, "bin", "python")

    def command(self, script: str, *arguments: str) -> list[str]:
        """The argument list that runs one of the environment's commands."""
        return [self.python, os.path.join(self.directory, "bin", script), *arguments]


@cache
def findPython27() -> str | None:
    """A working Python 2.7, or None.

    It is searched in the environment variable, on PATH (where pyenv has stubs that do not run), and among
    pyenv's versions.
    """
    candidates = [os.environ.get(PYTHON27_VARIABLE, "")]
    candidates += [
        os.path.join(directory, "python2.7") for directory in os.environ.get("PATH", "").split(os.pathsep)
    ]
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    versions = os.path.join(root, "versions")
    if os.path.isdir(versions):
        candidates += [
            os.path.join(versions, version, "bin", "python2.7")
            for version in sorted(os.listdir(versions), reverse=True)
            if re.fullmatch(r"2\.7\.\d+", version)
        ]
    return next((path for path in candidates if path and _runs27(path)), None)


def _runs27(path: str) -> bool:
    if not os.access(path, os.X_OK):
        return False
    try:
        answer = subprocess.run(
            [path, "-c", "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout == b"2.7"


def cacheDirectory() -> str:
    """The directory of the environments; never inside of the checkout."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return os.path.abspath(given)
    users = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(users, "buildbot-classic-tests")


def missing() -> str | None:
    """The reason why the four generations cannot be installed on this machine (to skip tests), or None."""
    if findPython27() is None:
        return f"no Python 2.7 on PATH, among pyenv's versions, or in ${PYTHON27_VARIABLE}"
    return None


def prepare() -> defer.Deferred[dict[Generation, Environment]]:
    """Make the missing environments. This takes minutes the first time.

    Call it only if L{missing} returns None.

    @return: fires with the environment of each generation, or fails with L{InstallFailed}.
    """
    return threads.deferToThread(_prepareAll)


def _prepareAll() -> dict[Generation, Environment]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(GENERATIONS, pool.map(prepared, GENERATIONS), strict=True))


def prepared(generation: Generation) -> Environment:
    """The environment of one generation; it is made if it is missing. Raises L{InstallFailed}."""
    python = findPython27() if generation.major == 2 else sys.executable
    assert python is not None
    directory = os.path.join(cacheDirectory(), _directoryName(generation, python))
    with madeOnce(directory) as make:
        if make:
            if generation.major == 2:
                makePython27(directory, python)
            else:
                runTool([python, "-m", "venv", directory])
            for requirements in generation.requirements:
                pip(os.path.join(directory, "bin", "python"), *requirements)
    return Environment(generation, directory)


def _directoryName(generation: Generation, python: str) -> str:
    """A name for one set of versions, so that other versions make another environment."""
    version = "2.7" if generation.major == 2 else _ownVersion()
    parts = [part for requirements in generation.requirements for part in requirements]
    return re.sub(r"[^A-Za-z0-9.]+", "-", "_".join([*reversed(parts), "python", version]))


def _ownVersion() -> str:
    return ".".join(str(part) for part in sys.version_info[:3])


def _virtualenv() -> str:
    """The interpreter of an environment with the old virtualenv."""
    directory = os.path.join(cacheDirectory(), f"virtualenv-for-2.7-python-{_ownVersion()}")
    python = os.path.join(directory, "bin", "python")
    with madeOnce(directory) as make:
        if make:
            runTool([sys.executable, "-m", "venv", directory])
            pip(python, VIRTUALENV)
    return python


def makePython27(directory: str, python: str) -> None:
    """Make an empty environment for a Python 2.7."""
    runTool([_virtualenv(), "-m", "virtualenv", "--quiet", "-p", python, directory])


@contextmanager
def madeOnce(directory: str) -> Iterator[bool]:
    """Lock C{directory}; yield True if it must be made (it is empty then).

    A directory counts as made when the body has ended without an error. Environments cannot be renamed (their
    commands contain their path), so they are made in place, under a lock of the user.
    """
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    done = os.path.join(directory, "made-for-tests")
    with open(directory + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make = not os.path.exists(done)
        if make and os.path.exists(directory):
            shutil.rmtree(directory)
        yield make
        if make:
            with open(done, "w"):
                pass


def pip(python: str, *requirements: str) -> None:
    """Install packages. Their modules are compiled when they are imported: most never are."""
    options = ("--quiet", "--disable-pip-version-check", "--no-compile")
    runTool([python, "-m", "pip", "install", *options, *requirements])


def runTool(argv: list[str]) -> None:
    """Run a tool to its end in the user's environment (with pip's index settings)."""
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    env["VIRTUALENV_OVERRIDE_APP_DATA"] = os.path.join(cacheDirectory(), "virtualenv-data")
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            timeout=900,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise InstallFailed(f"{' '.join(argv)}: not done after {slow.timeout} s") from slow
    if done.returncode:
        raise InstallFailed(f"{' '.join(argv)}\n{done.stdout.decode('utf-8', 'replace')}")

"""A real PostgreSQL server for tests: the one of the distribution, in a temporary directory.

It listens at a socket in that directory only. One server serves all tests of a run; each test gets a schema
of its own. Where there is no PostgreSQL, the tests are skipped.
"""

from __future__ import annotations

import atexit
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from glob import glob
from itertools import count
from typing import Any

from twisted.trial import unittest

from buildbot.store.postgres import PostgresStore
from tests.integration.generations import cacheDirectory, madeOnce
from tests.stores import StoreCase

try:
    import psycopg
except ImportError:
    psycopg = None  # type: ignore[assignment]

#: The seconds in which a server must start, stop or be promoted.
PATIENCE = 180.0
#: Small, and quick on a machine that has other things to do.
_SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "max_wal_size": "256MB",
    "log_min_messages": "fatal",
}
_numbers = count(1)


def missing() -> str:
    """Why there can be no server; "" if there can."""
    if psycopg is None:
        return "psycopg is not installed"
    if not _programs():
        return "PostgreSQL is not installed: apt install postgresql"
    return ""


def _programs() -> str:
    """The directory of the newest PostgreSQL's programs, or ""."""
    found = glob("/usr/lib/postgresql/*/bin/initdb") + glob("/usr/local/pgsql/bin/initdb")
    found += [each for each in [shutil.which("initdb")] if each]
    return os.path.dirname(max(found, key=lambda each: (len(each), each))) if found else ""


class Server:
    """I am one server with a directory of its own.

    @param of: the primary that I am to be a standby of.
    """

    def __init__(self, of: Server | None = None, directory: str | None = None, **settings: str) -> None:
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.home = directory or tempfile.mkdtemp(prefix="pg", dir=shared)
        atexit.register(self.remove)
        self.data = os.path.join(self.home, "data")
        self._settings = {**_SETTINGS, "unix_socket_directories": self.home, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._user: dict[str, Any] = {}
        if os.getuid() == 0:
            person = pwd.getpwnam("postgres")
            os.chown(self.home, person.pw_uid, person.pw_gid)
            self._user = {"user": person.pw_uid, "group": person.pw_gid, "extra_groups": []}
        if of is None:
            self._makeData()
        else:
            self.run("pg_basebackup", "-D", self.data, "-h", of.home, "-U", "buildbot", "-R", "-c", "fast")

    def _makeData(self) -> None:
        """Make the files of an empty server: the first time with initdb, then as a copy."""
        kept = os.path.join(cacheDirectory(), re.sub("[^a-z0-9]+", "-", f"data of {_programs()}"))
        with madeOnce(kept) as make:
            if make:
                self.run(
                    "initdb", "-D", self.data, "-A", "trust", "-U", "buildbot", "-E", "UTF8", "--no-sync"
                )
                os.makedirs(kept)
            source, target = (self.data, kept) if make else (os.path.join(kept, "data"), self.home)
            subprocess.run(["cp", "-a", source, target], check=True)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs."""
        subprocess.run(
            [os.path.join(_programs(), program), *arguments],
            **{"check": True, "cwd": self.home, "stdout": subprocess.DEVNULL, **self._user},
        )

    def start(self) -> Server:
        """Start, and wait until I answer."""
        words = [f"--{name}={value}" for name, value in self._settings.items()]
        self._process = subprocess.Popen(
            [os.path.join(_programs(), "postgres"), "-D", self.data, *words],
            **{"cwd": self.home, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **self._user},
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.ask("SELECT 1")
                return self
            except psycopg.OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise
                time.sleep(0.02)

    def stop(self, mode: str = "fast") -> None:
        """Stop: "fast" ends sessions, "immediate" is a crash."""
        if self._process is not None and self._process.poll() is None:
            self.run("pg_ctl", "stop", "-D", self.data, "-m", mode)
            self._process.wait(PATIENCE)

    def kill(self) -> None:
        """Let my machine be lost: no process of mine says anything more."""
        assert self._process is not None
        parent = self._process.pid
        with open(f"/proc/{parent}/task/{parent}/children") as stream:
            children = [int(each) for each in stream.read().split()]
        for each in (parent, *children):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def promote(self) -> None:
        """Make a primary out of a standby."""
        self.run("pg_ctl", "promote", "-D", self.data)

    def remove(self) -> None:
        """Stop, and delete my directory. Never raises: it may be the end of the process."""
        atexit.unregister(self.remove)
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGQUIT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(PATIENCE)
            if process.poll() is None:
                with suppress(OSError):
                    self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def conninfo(self, schema: str = "public") -> str:
        """The words that connect to a schema."""
        return f"host={self.home} user=buildbot dbname=postgres options=-csearch_path={schema}"

    def ask(self, statement: str, values: Sequence[Any] = (), schema: str = "public") -> list[Any]:
        """The rows of a statement, which is committed."""
        with psycopg.connect(self.conninfo(schema), autocommit=True) as session:
            cursor = session.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def newSchema(self) -> str:
        """The name of a new, empty schema."""
        name = f"test{next(_numbers)}"
        self.ask(f"CREATE SCHEMA {name}")
        return name


_servers: list[Server] = []


def server() -> Server:
    """The server of this run. Raises SkipTest if there can be none."""
    if missing():
        raise unittest.SkipTest(missing())
    if not _servers:
        _servers.append(Server().start())
    return _servers[0]


class PostgresCase(StoreCase):
    """I have stores in PostgreSQL.

    @ivar schema: the schema of the last store.
    """

    def postgres(self, within: str = "", **options: Any) -> PostgresStore:
        """A store in a schema, by default in a new one; closed when the test ends. Not open yet."""
        self.server = server()
        self.schema = within or self.server.newSchema()
        store = PostgresStore(self.server.conninfo(self.schema), self.turnstile, **{"pace": 0.0, **options})
        if not within:
            self.addCleanup(self.server.ask, f"DROP SCHEMA {self.schema} CASCADE")
        self.addCleanup(self.closed, store)
        return store

"""The ways to a real PostgreSQL server: passwords and certificates; and a server that is frozen or full."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from buildbot.model.change import Change
from buildbot.store import worker
from buildbot.store.direct import held
from buildbot.store.interface import StoreFailed
from buildbot.store.place import Place, placeAt
from buildbot.store.postgres import PostgresStore
from tests.certificates import writeCertificate
from tests.integration.postgres import Server, missing
from tests.loglisteners import hearLog
from tests.ports import freePort
from tests.stores import StoreCase

if not missing():
    from buildbot.store import pgdriver

_DOORS = """\
local all all trust
hostssl all ci 127.0.0.1/32 scram-sha-256
"""


class _Server(Server):
    """I listen at a port of the loopback interface as well."""

    def __init__(self, **settings: str) -> None:
        self.port = freePort()
        super().__init__(None, listen_addresses="127.0.0.1", port=str(self.port), **settings)

    def conninfo(self, schema: str = "public") -> str:
        """See L{Server}."""
        return f"{super().conninfo(schema)} port={self.port}"

    def freeze(self) -> None:
        """Stop all my processes, whose connections stay as they are."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        parent = self._process.pid
        with open(f"/proc/{parent}/task/{parent}/children") as stream:
            for each in [parent, *map(int, stream.read().split())]:
                os.kill(each, number)


class DoorTests(StoreCase):
    """A server that wants TLS and a password. Each way to give it is one that the docs name."""

    def setUp(self) -> None:
        super().setUp()
        if missing():
            raise SkipTest(missing())
        self.running = _Server(ssl="on", ssl_cert_file="server.pem", ssl_key_file="server.pem")
        self.port = self.running.port
        self.addCleanup(self.running.remove)
        data = Path(self.running.data)
        writeCertificate(str(data / "server.pem"), "localhost", datetime.now(), 10)
        os.chmod(data / "server.pem", 0o600)
        shutil.chown(data / "server.pem", data.owner(), data.group())
        (data / "pg_hba.conf").write_text(_DOORS)
        self.running.start()
        self.running.ask("CREATE ROLE ci LOGIN PASSWORD 'secret'")
        self.running.ask("CREATE DATABASE ci OWNER ci")
        self.here = os.path.abspath(self.mktemp())
        os.mkdir(self.here)
        shutil.copy(data / "server.pem", self.path("ca.pem"))
        self.env("HOME", self.here)  # which may have a .pgpass

    def path(self, name: str, text: str = "") -> str:
        """A file of the master that only it can read; its path."""
        path = os.path.join(self.here, name)
        if text:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
                stream.write(text)
        return path

    def place(self, settings: str, passwordFile: str = "") -> Place:
        """A place at the server."""
        user = f"postgresql://ci@localhost:{self.port}/ci"
        return placeAt(self.here, f"{user}?hostaddr=127.0.0.1&{settings}", passwordFile)

    def refused(self, place: Place) -> str:
        """Why the server cannot be used."""
        return str(self.assertRaises(StoreFailed, held, place))

    def env(self, name: str, value: str) -> None:
        """Set a variable, which libpq reads, too."""
        before = os.environ.get(name)
        os.putenv(name, value)
        self.addCleanup(os.unsetenv, name) if before is None else self.addCleanup(os.putenv, name, before)

    def test_passwords(self) -> None:
        """The password comes from dbPasswordFile, from PGPASSFILE, or from a service file."""
        tls = "sslmode=verify-full&sslrootcert=ca.pem"
        self.assertIn("no password supplied", self.refused(self.place(tls)))
        self.path("db.password", "wrong\n")
        self.assertIn("password authentication failed", self.refused(self.place(tls, "db.password")))
        self.path("db.password", "secret\n")
        self.assertIn("is empty", held(self.place(tls, "db.password")))

        self.path("pass", f"localhost:{self.port}:ci:ci:secret\n")
        self.assertIn("is empty", held(self.place(f"{tls}&passfile=pass")))
        self.env("PGPASSFILE", self.path("pass"))
        self.assertIn("is empty", held(self.place(tls)))

        self.env("PGPASSFILE", "/nowhere")
        service = f"[ci]\nhost=localhost\nhostaddr=127.0.0.1\nport={self.port}\nuser=ci\ndbname=ci\n"
        service += f"password=secret\nsslmode=verify-full\nsslrootcert={self.path('ca.pem')}\n"
        self.env("PGSERVICEFILE", self.path("services", service))
        place = placeAt(self.here, "postgresql://?service=ci")
        self.assertIn("is empty", held(place))
        self.assertIn("definition of service", self.refused(placeAt(self.here, "postgresql://?service=cj")))
        store = PostgresStore(place.conninfo(), self.turnstile, pace=0.0)
        self.get(store.open())
        self.assertIn(f"database ci at localhost:{self.port}", store.server())
        self.closed(store)
        self.assertIn("has a store already", held(place))

    def test_certificates(self) -> None:
        """The certificate of the server is checked as sslmode says; each refusal says why."""
        self.path("db.password", "secret\n")
        for settings in ("sslmode=require", "sslmode=verify-ca&sslrootcert=ca.pem"):
            self.assertIn("is empty", held(self.place(settings, "db.password")))
        self.assertIn("no encryption", self.refused(self.place("sslmode=disable", "db.password")))
        writeCertificate(self.path("other.pem"), "localhost", datetime.now(), 10)
        for name, said in (("other.pem", "certificate verify failed"), ("none.pem", "does not exist")):
            settings = f"sslmode=verify-full&sslrootcert={name}"
            self.assertIn(said, self.refused(self.place(settings, "db.password")))
        named = placeAt(
            self.here,
            f"postgresql://ci@other:{self.port}/ci?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=ca.pem",
            "db.password",
        )
        self.assertIn('does not match host name "other"', self.refused(named))


class SickTests(StoreCase):
    """A server that does not do what it should."""

    def setUp(self) -> None:
        super().setUp()
        if missing():
            raise SkipTest(missing())
        self.patch(pgdriver, "PAUSES", (0.01, 0.05))
        self.patch(worker, "PAUSE", 0.01)
        hearLog(self, lambda event: None)

    def opened(self, running: Server) -> PostgresStore:
        """An open store."""
        store = PostgresStore(f"{running.conninfo()} connect_timeout=2", self.turnstile, pace=0.0)
        self.addCleanup(self.closed, store)
        self.get(store.open())
        return store

    def test_frozen(self) -> None:
        """A frozen server keeps its connections. When they are cut, the store's thread goes on: later calls
        fail, and the outcome of what was under way is asked for when the server wakes.
        """
        running = _Server()
        self.addCleanup(running.remove)
        running.start()
        store = self.opened(running)
        self.get(store.setState("a", 1))
        running.freeze()
        self.addCleanup(running.thaw)
        waiting: Deferred[Change] = store.addChange(Change("mary", ["a.c"], "mend", when=1.0))
        troubles: list[str] = []
        store.watch(troubles.append, lambda: None)
        until = time.monotonic() + 120
        while not troubles and time.monotonic() < until:
            time.sleep(0.3)
            store.cut()  # nothing is cut if the store's thread has not asked yet
            self.turnstile.callLater(0, lambda: None)
            time.sleep(0.05)
            self._turn()
        running.thaw()
        outcome: list[object] = []
        waiting.addBoth(outcome.append)
        while True:
            try:
                self.get(store.setState("a", 2))
                break
            except StoreFailed:
                self.assertLess(time.monotonic(), until)
        kept = [each.who for each in self.get(store.getChanges(9))]
        self.assertEqual(len(outcome), 1)
        self.assertEqual(kept, ["mary"] if isinstance(outcome[0], Change) else [])
        self.assertTrue(troubles)

    def _turn(self) -> None:
        """Make the calls that wait for the reactor."""
        done: Deferred[None] = Deferred()
        self.turnstile.callLater(0, done.callback, None)
        self.get(done)

    def test_fullDisk(self) -> None:
        """The disk of the server is full, for real: calls fail and change nothing. With room, all goes on.
        What was acknowledged is there.
        """
        if os.getuid():
            raise SkipTest("only root can mount a small disk")
        disk = tempfile.mkdtemp(prefix="pg", dir="/tmp")
        self.addCleanup(shutil.rmtree, disk, True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=90m", "tmpfs", disk], stderr=subprocess.PIPE
        )
        if mounted.returncode:
            raise SkipTest(f"a small disk cannot be mounted: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        running = Server(directory=disk, max_wal_size="32MB", min_wal_size="32MB")
        self.addCleanup(running.remove)
        running.start()
        store = self.opened(running)
        kept = []
        filler = os.path.join(disk, "filler")
        with open(filler, "wb") as stream:
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            stream.write(bytes(max(0, free - 3_000_000)))
        why = ""
        for number in range(3000):
            try:
                self.get(store.setState(f"key {number}", os.urandom(3000).hex()))
                kept.append(f"key {number}")
            except StoreFailed as error:
                why = error.reason
                break
        self.assertIn("No space left on device", why)
        os.unlink(filler)
        until = time.monotonic() + 120
        while True:
            try:
                self.get(store.setState("after", 1))
                break
            except StoreFailed:
                self.assertLess(time.monotonic(), until)
                time.sleep(0.1)
        found = self.get(store.getStates("key "))
        self.assertEqual(sorted(found), sorted(kept))

# -*- test-case-name: tests.unit.readers.test_farlink -*-
"""Questions to the active master of a shared store, wherever it is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.control.client import ControlError, NoAnswer, NotRunning, Unreachable
from buildbot.readers import farlink, passing
from buildbot.readers.farlink import FRESH, EitherLink, FarLink, Finding
from buildbot.readers.sealing import HEADER, Seals, sealOfAnswer
from buildbot.readers.whereabouts import KEY, Whereabouts, here, newSecret
from buildbot.store.interface import StoreFailed

ONE, TWO = "http://10.0.0.1:8010/readers-link", "http://m1:8010/readers-link"


class States:
    """A store with the whereabouts of a master."""

    def __init__(self) -> None:
        self.isBroken = False
        self.asked = 0
        self.value: Any = None

    def getState(self, key: str) -> Deferred[Any]:
        """See L{buildbot.store.interface.IStore}."""
        assert key == KEY
        self.asked += 1
        return fail(StoreFailed("away")) if self.isBroken else succeed(self.value)


class Servers:
    """The web servers of some masters, by URL."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.seals: dict[str, Seals] = {}
        self.asked: list[tuple[str, Any, str]] = []
        self.tried: list[tuple[str, Any, str]] = []
        self.known: str | None = None  # the only digest with which TLS begins; None: any
        self.says: Any = {"ok": 5}
        self.error: Exception | None = None

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, digest: str, patience: float
    ) -> tuple[int, str, bytes]:
        """See L{buildbot.readers.farlink.Posts}."""
        if self.error is not None:
            raise self.error
        secret = self.secrets.get(url)
        if secret is None:
            raise Unreachable("connection refused")
        self.tried.append((url, json.loads(body), digest))
        if self.known is not None and digest != self.known:
            raise Unreachable("its certificate is not that of the master")
        self.asked.append((url, json.loads(body), digest))
        seal = self.seals.setdefault(secret, Seals(secret)).check(headers[HEADER], body)
        said = json.dumps(self.says).encode()
        return 200, sealOfAnswer(secret, seal, said), said


class Near:
    """The control socket of the same directory."""

    isThere = True

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ask(self, command: str, params: Any, patience: float) -> Any:
        """See L{buildbot.readers.link.Link}."""
        if not self.isThere:
            raise NotRunning("here")
        self.asked.append(command)
        return "near"


class LinkTests(unittest.SynchronousTestCase):
    """A process with pages asks."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.states, self.servers = States(), Servers()
        self.finding = Finding(self.states, self.clock)
        self.link = FarLink(self.finding, self.servers)
        self.master("m1", ONE, TWO)

    def master(self, host: str, *urls: str, basedir: str = "/m") -> None:
        """A master becomes the active one."""
        secret = newSecret()
        self.states.value = Whereabouts(host, basedir, "", urls, ((ONE, "ab"),), secret).toRecord()
        self.servers.secrets = dict.fromkeys(urls, secret)

    def ask(self, link: Any = None, **params: Any) -> Any:
        """The answer."""
        return self.successResultOf(ensureDeferred((link or self.link).ask("used", params, 5.0)))

    def refused(self, kind: type[Exception], link: Any = None, **params: Any) -> str:
        """The words of an error."""
        asking = ensureDeferred((link or self.link).ask("used", params, 5.0))
        return str(self.failureResultOf(asking, kind).value)

    def test_asks(self) -> None:
        """It asks at the first address, and knows the certificate there. The secret is not sent."""
        self.assertEqual(self.ask(key="k"), 5)
        self.assertEqual(self.servers.asked, [(ONE, {"command": "used", "key": "k"}, "ab")])

    def test_secondAddress(self) -> None:
        """If the first address cannot be reached, it takes the next one, and stays there."""
        del self.servers.secrets[ONE]
        for _ in range(2):
            self.assertEqual(self.ask(), 5)
        self.assertEqual([url for url, _, _ in self.servers.asked], [TWO, TWO])

    def test_twoCertificates(self) -> None:
        """An address that is there twice may have a certificate of an authority, which is remembered."""
        self.master("m1", ONE, ONE)
        self.servers.known = ""
        for _ in range(2):
            self.assertEqual(self.ask(), 5)
        self.assertEqual([digest for _, _, digest in self.servers.tried], ["ab", "", ""])
        self.master("m1", ONE)
        self.clock.advance(100)
        self.assertIn("its certificate is not that of the master", self.refused(Unreachable))

    def test_refused(self) -> None:
        """What the master refuses, its words tell."""
        self.servers.says = {"error": "no such thing"}
        self.assertEqual(self.refused(ControlError), "no such thing")

    def test_nowhere(self) -> None:
        """Each reason why no master can be asked has words."""
        self.servers.secrets = {}
        said = self.refused(Unreachable)
        self.assertIn(
            "m1:/m cannot be reached at http://10.0.0.1:8010/readers-link: connection refused;", said
        )
        self.master("m1")
        self.assertIn("m1:/m has no web port", self.refused(Unreachable))
        self.states.value = None
        self.finding.doubt()
        self.assertIn("no master has written", self.refused(Unreachable))

    def test_stranger(self) -> None:
        """An answer without a right seal is not believed: another server has that address now."""
        self.ask()
        self.servers.secrets = dict.fromkeys((ONE, TWO), newSecret())

        async def post(*args: Any) -> tuple[int, str, bytes]:
            return 200, "00" * 32, b'{"ok": 6}'

        self.patch(self.servers, "post", post)
        self.assertIn("another server answers there", self.refused(Unreachable))

    def test_takeover(self) -> None:
        """When another master becomes active, the next questions go there; also while the old one answers."""
        self.ask()
        old = self.servers.secrets
        self.master("m2", "http://m2:1/readers-link")
        self.servers.secrets |= old
        self.assertEqual(self.ask(), 5)
        self.assertEqual(self.servers.asked[-1][0], ONE)
        self.clock.advance(FRESH)
        self.assertEqual(self.ask(), 5)
        self.assertEqual(self.servers.asked[-1][0], "http://m2:1/readers-link")

    def test_restart(self) -> None:
        """After a restart of the master, with a new secret, one question fails at most."""
        self.ask()
        self.master("m1", TWO)
        self.assertIn("cannot be reached", self.refused(Unreachable))
        self.assertEqual(self.ask(), 5)

    def test_storeAway(self) -> None:
        """While the store is away, the master is still where it was. Not each question asks the store."""
        self.ask()
        self.ask()
        self.assertEqual(self.states.asked, 1)
        self.states.isBroken = True
        self.clock.advance(FRESH)
        self.assertEqual(self.ask(), 5)

    def test_late(self) -> None:
        """A master that does not answer in time may be another one now."""
        self.servers.error = NoAnswer("late")
        self.refused(NoAnswer)
        self.servers.error = None
        self.ask()
        self.assertEqual(self.states.asked, 2)

    def test_large(self) -> None:
        """A question that is too large is not sent."""
        self.patch(farlink, "LARGEST_QUESTION", 10)
        self.assertIn("more than 10", self.refused(ControlError))
        self.assertEqual(self.servers.asked, [])

    def test_near(self) -> None:
        """A master in the same directory is asked through its control socket, as long as it runs there."""
        near: Any = Near()
        basedir = self.mktemp()
        os.mkdir(basedir)
        either = EitherLink(near, self.link, self.finding, basedir)
        self.assertEqual(self.ask(either), 5)
        self.states.value = here(basedir, [], "ab" * 32).toRecord()
        self.finding.doubt()
        self.assertEqual(self.ask(either), "near")
        near.isThere = False
        self.assertIn("no web port", self.refused(Unreachable, either))
        self.master("m2", TWO)
        self.finding.doubt()
        self.assertEqual(self.ask(either), 5)

    def test_largeNear(self) -> None:
        """A large body goes to the web port of a master in the same directory: its socket takes less."""
        near: Any = Near()
        basedir = self.mktemp()
        os.mkdir(basedir)
        either = EitherLink(near, self.link, self.finding, basedir)
        self.assertEqual(either.largest(), passing.LARGEST_BODY)
        found = here(basedir, [], self.states.value["secret"]).toRecord()
        self.states.value = {**found, "urls": [ONE]}
        self.assertEqual(self.ask(either, body="x" * 10), "near")
        self.assertEqual(either.largest(), farlink.LARGEST_BODY)
        self.assertEqual(self.ask(either, body="x" * 100_000), 5)

    def test_unknown(self) -> None:
        """A master that has written nothing, such as one of another release, may be in the same directory."""
        near: Any = Near()
        self.states.value = None
        either = EitherLink(near, self.link, self.finding, self.mktemp())
        self.assertEqual(self.ask(either), "near")
        near.isThere = False
        self.refused(NotRunning, either)
        self.states.isBroken = True
        self.clock.advance(100)
        self.assertIn("the store does not tell where it is: away", self.refused(Unreachable, either))

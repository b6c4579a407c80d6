"""Logins and perspectives."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import IRealm
from twisted.spread import pb
from zope.interface.verify import verifyObject

from buildbot.slaves.refusedlogins import NAMES_EACH
from buildbot.wire.callee import NewCredPerspective
from buildbot.wire.ratelimit import BURST, LONGEST
from tests.loglisteners import hearLog
from tests.slaveport import SlavePortCase, config


class Account(NewCredPerspective):
    """A plug-in's account that counts logins and logouts."""

    def __init__(self) -> None:
        self.minds: list[Any] = []

    def getPerspective(self) -> Account:
        return self

    def attached(self, mind: Any) -> Account:
        self.minds.append(mind)
        return self

    def detached(self, mind: Any) -> None:
        self.minds.remove(mind)

    def perspective_hello(self) -> str:
        return "hello"


class DispatcherTests(SlavePortCase):
    """The realm and the checker."""

    def login(self, name: bytes, password: bytes) -> Any:
        client = pb.PBClientFactory()
        answer = client.login(UsernamePassword(name, password))
        self.pump = self.pumpTo(client)
        self.pump.pump()
        return answer

    def test_interfaces(self) -> None:
        """The dispatcher is a realm and a checker."""
        verifyObject(IRealm, self.dispatcher)
        verifyObject(ICredentialsChecker, self.dispatcher)

    def test_noImplicitAccount(self) -> None:
        """S1: 0.7.5's fixed accounts exist only if something registers them."""
        for name, password in ((b"change", b"changepw"), (b"debug", b""), (b"statusClient", b"clientpw")):
            self.failureResultOf(self.login(name, password)).trap("twisted.cred.error.UnauthorizedLogin")

    def test_registered(self) -> None:
        """A plug-in's account gets its perspective, and is notified of the logout."""
        account = Account()
        self.dispatcher.register("change", account, "changepw")
        perspective = self.successResultOf(self.login(b"change", b"changepw"))
        answer = perspective.callRemote("hello")
        self.pump.pump()
        self.assertEqual(self.successResultOf(answer), "hello")
        self.assertEqual(account.minds, [None])
        self.pump.client.abortConnection()
        self.pump.pump()
        self.assertEqual(account.minds, [])

    def test_withoutAPassword(self) -> None:
        """An account registered without a password refuses every login."""
        self.dispatcher.register("change", Account())
        self.failureResultOf(self.login(b"change", b"")).trap("twisted.cred.error.UnauthorizedLogin")

    def test_unregistered(self) -> None:
        """An unregistered account is unknown."""
        self.dispatcher.register("change", Account(), "changepw")
        self.dispatcher.unregister("change")
        self.failureResultOf(self.login(b"change", b"changepw")).trap("twisted.cred.error.UnauthorizedLogin")

    def test_slaveWithoutAMind(self) -> None:
        """A login as a slave without a mind is refused: the master could not call it."""
        self.failureResultOf(self.login(b"bot1", b"sekrit")).trap("twisted.cred.error.UnauthorizedLogin")

    def test_nonASCII(self) -> None:
        """Names and passwords beyond ASCII are the same in a Python 2 slave's bytes and in the file."""
        self.use(config({"bøt": "pässword"}, {}))
        self.assertIsNotNone(self.connect(name="bøt", password="pässword").perspective)

    def test_strangersAreBounded(self) -> None:
        """O9: unknown names are remembered with their address and number of logins, at most a hundred
        names.
        """
        for number in range(150):
            self.botmaster.unknownLogins.came(f"n{number}", f"10.0.0.{number}:1")
        self.botmaster.unknownLogins.came("n149", "10.0.0.149:2")
        self.assertEqual(len(self.botmaster.unknownLogins.names), 100)
        stranger = self.botmaster.unknownLogins.names["n149"]
        self.assertEqual((stranger.logins, stranger.address), (2, "10.0.0.149:2"))

    def test_persistentStranger(self) -> None:
        """H2: a slave with a typing error in its name stays in the list, since it comes again and again."""
        for number in range(1000):
            self.botmaster.unknownLogins.came(f"junk{number}", "10.0.0.1:1")
            if number % 100 == 0:
                self.botmaster.unknownLogins.came("b0t1", "10.0.0.2:1")
        self.assertEqual(self.botmaster.unknownLogins.names["b0t1"].logins, 10)
        self.assertEqual(len(self.botmaster.unknownLogins.names), NAMES_EACH + 1)

    def test_guessesAtAnAccount(self) -> None:
        """H2: wrong passwords for an account that is not a slave are counted until it is removed."""
        self.dispatcher.register("change", Account(), "changepw")
        for _ in range(3):
            self.failureResultOf(self.login(b"change", b"wrong"))
        guess = self.dispatcher.guesses["change"]
        self.assertEqual((guess.logins, guess.address[:9]), (3, "10.0.0.1:"))
        self.dispatcher.unregister("change")
        self.assertEqual(self.dispatcher.guesses, {})

    def test_guessesAtASlave(self) -> None:
        """H2: each wrong password for a bot is counted and logged, despite invented names of others."""
        lines: list[str] = []

        def observe(event: Any) -> None:
            if event.get("log_namespace", "").startswith("buildbot.wire"):
                lines.append(event["log_format"].format(**event))

        hearLog(self, observe)
        for number in range(100):
            self.login(b"junk%d" % number, b"wrong").addErrback(lambda why: None)
        for _ in range(20):
            self.login(b"bot1", b"wrong").addErrback(lambda why: None)
        self.assertEqual(self.bot.slave_status.refusals, 20)
        self.assertEqual(len([line for line in lines if "'bot1'" in line]), 1)
        self.assertLess(len(lines), 20)

    def test_refusedLater(self) -> None:
        """H2: answers to a password guesser are delayed more and more; others are served at once."""
        for _ in range(BURST + 30):
            self.login(b"bot1", b"wrong").addErrback(lambda why: None)
        late: list[Any] = []
        self.login(b"bot1", b"wrong").addErrback(late.append)
        self.assertEqual(late, [])
        self.assertIsNotNone(self.connect().perspective)
        waited = 0.0
        while not late:
            self.clock.advance(0.1)
            self.pump.pump()
            waited += 0.1
            self.assertLess(waited, LONGEST + 1)
        self.assertGreater(waited, 0.9)
        late[0].trap("twisted.cred.error.UnauthorizedLogin")

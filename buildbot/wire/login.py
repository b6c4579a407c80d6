# -*- test-case-name: tests.unit.wire.test_broker,tests.unit.slaves.test_botmaster -*-
"""How a peer logs in: one challenge, one guess, and refusals after which a slave tries again.

This is PB's own login (an MD5 challenge answered by the password) with a better
challenge, and with a refusal that suits old slaves. Slaves before 0.8.2 give up for
good after any error, later ones exit after most errors, and all of them try again after
a plain hang-up. So a peer with a mind (a slave) gets the reason in its own log, is held
a moment and hung up on. A peer without one (sendchange, the debug client) gets
UnauthorizedLogin. The accounts are in L{buildbot.slaves.realm}.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from hashlib import md5
from typing import Any

from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.flavors import NoSuchMethod
from zope.interface import implementer

from buildbot.wire.accounts import SLAVE, Account
from buildbot.wire.broker import TELLING, SlavePortBroker, Violation
from buildbot.wire.callee import Callee, Codec, WrongArguments
from buildbot.wire.dialect import word

log = Logger()

#: Seconds that a refused slave is held before it is hung up on.
HOLD = 5.0
#: What a peer with a wrong name or password is told. It is not told which of the two is wrong.
UNKNOWN = "login refused: unknown name or wrong password"


class LoginRefused(UnauthorizedLogin):
    """This login is refused.

    @ivar told: what the peer is told; the exception's own text is for our log.
    @ivar hold: seconds to hold a slave before hanging up.
    @ivar known: whether there is such an account. Guesses at it then have lines of their own in the log.
    """

    def __init__(self, reason: str, told: str = UNKNOWN, hold: float = HOLD, known: bool = True) -> None:
        super().__init__(reason)
        self.told = told
        self.hold = hold
        self.known = known


class LoginRoot(Callee):
    """I am the root object of a new connection. It can call C{login}, and nothing else."""

    def __init__(self, portal: Portal, broker: SlavePortBroker) -> None:
        self._portal = portal
        self._broker = broker

    def remoteMessageReceived(self, broker: Codec, message: str, args: Any, kw: Any) -> Any:
        """Refuse other calls than C{login}, and a second login."""
        if message != "login" or self._broker.welcome:
            raise Violation(f"it called {message[:32]!r} where only one login is due")
        try:
            return super().remoteMessageReceived(broker, message, args, kw)
        except WrongArguments as error:
            raise Violation(str(error)) from None

    def remote_login(self, username: object) -> tuple[bytes, Guess]:
        """A peer says who it is.

        @param username: text, or bytes from Python 2.
        @return: the challenge (16 random bytes), and what to call C{respond} of.
        """
        if not isinstance(username, (str, bytes)):
            raise Violation("a user name that is no text")
        challenge = os.urandom(16)
        return challenge, Guess(self._portal, self._broker, word(username), challenge)


@implementer(IUsernameHashedPassword)
class Guess(Callee):
    """I am one attempt to log in as C{username}: good for one answer to one challenge."""

    def __init__(self, portal: Portal, broker: SlavePortBroker, username: str, challenge: bytes) -> None:
        self.username = username
        self._portal = portal
        self._broker = broker
        self._challenge = challenge
        self._response: object = None

    def checkPassword(self, password: bytes) -> bool:
        """Whether the response proves knowledge of C{password}; compared in constant time."""
        digest = md5(password, usedforsecurity=False).digest()
        right = md5(digest + self._challenge, usedforsecurity=False).digest()
        given = self._response if isinstance(self._response, bytes) else b""
        return hmac.compare_digest(right, given)

    @property
    def address(self) -> str:
        """Where the login comes from, in words."""
        return self._broker.address

    def welcome(self, account: Account = SLAVE) -> None:
        """The password is right: my connection gets the limits of this kind of account."""
        self._broker.admitPeer(self.username, account)

    def remote_respond(self, response: object, mind: object = None) -> Deferred[Any]:
        """A peer answers the challenge.

        @param response: md5(md5(password) + challenge).
        @param mind: a reference for calling back; a slave's Bot, or None.
        @return: a Deferred of the perspective. For a refused peer with a mind it
            never fires: the connection ends instead.
        """
        if self._response is not None:
            raise Violation("a second guess at one challenge")
        if self._broker.welcome:
            raise Violation("a second login on one connection")
        if mind is not None and not isinstance(mind, pb.RemoteReference):
            raise Violation("a mind that is no reference")
        self._response = response or b"-"
        login: Deferred[Any] = self._portal.login(self, mind, pb.IPerspective)
        return login.addCallbacks(self._loggedIn, self._refused, errbackArgs=(mind,))

    def _loggedIn(self, result: tuple[Any, Any, Callable[[], None]]) -> pb.Referenceable:
        """Hand out the perspective; log out once, when the peer drops it or is gone."""
        _interface, avatar, logout = result
        reference = pb.AsReferenceable(avatar, "perspective")
        once = _Once(logout)
        self._broker._localCleanup[reference.processUniqueID()] = once
        self._broker.notifyOnDisconnect(once)
        self._broker.closeRoot()
        return reference

    def _refused(self, why: Failure, mind: pb.RemoteReference | None) -> Any:
        broker = self._broker
        if broker.closed:
            return Deferred()  # nobody is left to be told
        refusal = why.value
        if not isinstance(refusal, LoginRefused):
            if not why.check(UnauthorizedLogin):
                log.failure(
                    "the login of {name!r} from {who} failed: a fault of the master",
                    why,
                    name=self.username[:64],
                    who=broker.who,
                )
            refusal = LoginRefused("internal error", "the master had an internal error: try again later")
        name = self.username[:64]
        broker.factory.sayOnce(
            "refused",
            name,
            "refused the login of {name!r} from {address}: {reason}",
            known=refusal.known,
            origin=broker.host,
            name=name,
            address=broker.address,
            reason=str(refusal),
        )
        hold = 0.0 if broker.welcome else broker.factory.failed(broker, name if refusal.known else None)
        if mind is None:
            broker.hangUpAfter(hold + TELLING)
            return _errorAfter(hold, broker.factory.clock)
        broker.hangUpAfter(max(hold, refusal.hold))
        tell(mind, refusal.told)
        return Deferred()


def _errorAfter(seconds: float, clock: IReactorTime) -> Deferred[Any] | Failure:
    """The error for a refused client without a mind, now or after some seconds."""
    error = UnauthorizedLogin("login refused")
    if not seconds:
        return Failure(error)
    answer: Deferred[Any] = Deferred()
    clock.callLater(seconds, answer.errback, error)
    return answer


class _Once:
    """I am a logout that runs once. I am called when the peer drops its perspective, and when it is gone."""

    __slots__ = ("_logout",)

    def __init__(self, logout: Callable[[], None]) -> None:
        self._logout: Callable[[], None] | None = logout

    def __call__(self) -> None:
        logout, self._logout = self._logout, None
        if logout is not None:
            logout()


def tell(mind: pb.RemoteReference, text: str) -> None:
    """Let a slave print C{text} into its own log. There is no answer, and nothing can fail."""
    try:
        mind.callRemote("print", text, pbanswer=False)
    except (pb.DeadReferenceError, NoSuchMethod):
        pass

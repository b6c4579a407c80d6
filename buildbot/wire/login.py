# -*- test-case-name: tests.unit.wire.test_broker,tests.unit.slaves.test_botmaster -*-
"""The login of a peer: one challenge, one response, and refusals after which a slave tries again.

This is PB's own login (an MD5 challenge, answered with the password) with a better challenge, and with
refusals that suit old slaves. Slaves before 0.8.2 give up for good after any error. Later ones exit after
most errors. All of them reconnect after a plain disconnect. So a refused peer with a mind (a slave) gets the
reason as a line in its own log, and is disconnected a few seconds later. A peer without a mind (sendchange,
the debug client) gets UnauthorizedLogin. The accounts are in L{buildbot.slaves.realm}.
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
from buildbot.wire.broker import SlavePortBroker
from buildbot.wire.callee import LAST_ANSWER_TIME, Callee, Violation, WrongArguments
from buildbot.wire.dialect import word
from buildbot.wire.seams import Codec

log = Logger()

#: Seconds from the refusal of a slave to its disconnection.
HOLD = 5.0
#: The message to a peer with a wrong name or password. It does not say which of the two is wrong.
UNKNOWN = "login refused: unknown name or wrong password"


class LoginRefused(UnauthorizedLogin):
    """This login is refused. My text is for the master's log.

    @ivar told: the message to the peer.
    @ivar hold: seconds to wait before a slave is disconnected.
    @ivar known: True if the account exists. Refusals of known accounts have their own limit of log lines.
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

    def remoteMessageReceived(self, broker: Codec, message: str, args: object, kw: object) -> Any:
        """Refuse other calls than C{login}, and a second login."""
        if message != "login" or self._broker.welcome:
            raise Violation(f"it called {message[:32]!r} instead of logging in once")
        try:
            return super().remoteMessageReceived(broker, message, args, kw)
        except WrongArguments as error:
            raise Violation(str(error)) from None

    def remote_login(self, username: object) -> tuple[bytes, Guess]:
        """Start a login.

        @param username: text, or bytes from Python 2.
        @return: the challenge (16 random bytes), and the object whose C{respond} takes the response.
        """
        if isinstance(username, bytes):
            username = word(username)
        elif not isinstance(username, str):
            raise Violation("a user name that is not text")
        challenge = os.urandom(16)
        return challenge, Guess(self._portal, self._broker, username, challenge)


@implementer(IUsernameHashedPassword)
class Guess(Callee):
    """I am one attempt to log in as C{username}. I accept one response to my challenge."""

    def __init__(self, portal: Portal, broker: SlavePortBroker, username: str, challenge: bytes) -> None:
        self.username = username
        self._portal = portal
        self._broker = broker
        self._challenge = challenge
        self._response: object = None

    def checkPassword(self, password: bytes) -> bool:
        """True if the response was made from C{password}. The comparison takes constant time."""
        digest = md5(password, usedforsecurity=False).digest()
        right = md5(digest + self._challenge, usedforsecurity=False).digest()
        given = self._response if isinstance(self._response, bytes) else b""
        return hmac.compare_digest(right, given)

    @property
    def address(self) -> str:
        """The address of the peer, as text."""
        return self._broker.address

    def welcome(self, account: Account = SLAVE) -> None:
        """The login succeeded: apply the limits of this kind of account to the connection."""
        self._broker.admitPeer(self.username, account)

    def remote_respond(self, response: object, mind: object = None) -> Deferred[Any]:
        """Check the response to the challenge, and log in.

        @param response: md5(md5(password) + challenge).
        @param mind: a reference for calls to the peer (a slave's Bot), or None.
        @return: a Deferred of the perspective. For a refused peer with a mind it never fires: the connection
            ends instead.
        """
        if self._response is not None:
            raise Violation("a second response to one challenge")
        if self._broker.welcome:
            raise Violation("a second login on one connection")
        if mind is not None and not isinstance(mind, pb.RemoteReference):
            raise Violation("a mind that is not a reference")
        self._response = response or b"-"
        login: Deferred[Any] = self._portal.login(self, mind, pb.IPerspective)
        return login.addCallbacks(self._loggedIn, self._refused, errbackArgs=(mind,))

    def _loggedIn(self, result: tuple[Any, Any, Callable[[], None]]) -> pb.Referenceable:
        """Return the perspective. Log out once, when the peer drops the perspective or disconnects."""
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
            return Deferred()  # the peer has disconnected
        refusal = why.value
        if not isinstance(refusal, LoginRefused):
            if not why.check(UnauthorizedLogin):
                log.failure(
                    "internal error in the login of {name!r} from {who}",
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
            broker.hangUpAfter(hold + LAST_ANSWER_TIME)
            return _errorAfter(hold, broker.factory.clock)
        broker.hangUpAfter(max(hold, refusal.hold))
        tell(mind, refusal.told)
        return Deferred()


def _errorAfter(seconds: float, clock: IReactorTime) -> Deferred[Any] | Failure:
    """The error for a refused peer without a mind: now, or after some seconds."""
    error = UnauthorizedLogin("login refused")
    if not seconds:
        return Failure(error)
    answer: Deferred[Any] = Deferred()
    clock.callLater(seconds, answer.errback, error)
    return answer


class _Once:
    """I log out once. I am called when the peer drops its perspective, and when it disconnects."""

    __slots__ = ("_logout",)

    def __init__(self, logout: Callable[[], None]) -> None:
        self._logout: Callable[[], None] | None = logout

    def __call__(self) -> None:
        logout, self._logout = self._logout, None
        if logout is not None:
            logout()


def tell(mind: pb.RemoteReference, text: str) -> None:
    """Ask a slave to print C{text} in its own log. Does not wait for an answer, and never raises."""
    try:
        mind.callRemote("print", text, pbanswer=False)
    except (pb.DeadReferenceError, NoSuchMethod):
        pass

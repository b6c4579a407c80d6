# -*- test-case-name: tests.unit.mails.test_smtp -*-
"""Hand mails to a mail server, with Python's own SMTP client in a thread of its own.

A slow server blocks only this thread. The connection stays open while there are more mails.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.events.reactors import ThreadReactor
from buildbot.outgoing.calls import Calls, cut, inDaemonThread
from buildbot.outgoing.target import NotNow, Refused, TargetDown
from buildbot.outgoing.trust import trust
from buildbot.text.printable import plainLine
from buildbot.text.secrets import struckOut

#: The beginning of the names of relays.
KIND = "mail to "
#: Seconds for each answer of the server.
TIMEOUT = 30.0
#: The port on which a connection is encrypted from its beginning.
SMTPS = 465
#: The answers that concern all mails, whichever it was: the server ends, or wants a login. And the cure.
_OF_ALL = {421: "", 530: "write smtpUser and smtpPassword, or useTls=True"}


@dataclass(frozen=True)
class Relay:
    """I am a mail server, and how to use it.

    @ivar useTls: True: the connection must be encrypted, and the certificate valid. None: that is so if
        there is a login and the server is another host; otherwise it is encrypted if the server offers that.
        False: it is not encrypted.
    @ivar caFile: the file of a certificate that is trusted, besides those of the system; or None.
    """

    host: str = "localhost"
    port: int = 25
    useTls: bool | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    caFile: str | None = None

    @property
    def name(self) -> str:
        """The relay for people, without its password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == 25 else f":{self.port}"
        return f"{KIND}{host}{port}" + (f" as {self.user}" if self.user else "")

    @property
    def needsTls(self) -> bool:
        """True if nothing may be sent over a connection that is not encrypted."""
        if self.useTls is not None:
            return self.useTls
        return bool(self.user) and not _isNear(self.host)


def _isNear(host: str) -> bool:
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Session:
    """I am one connection to a relay. All methods but L{abort} may block; one thread uses me at a time."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._smtp: smtplib.SMTP | None = None
        self._isAborted = False

    def send(self, sender: str, recipients: Sequence[str], data: bytes) -> dict[str, tuple[int, bytes]]:
        """Send one mail.

        @return: the refused recipients, with the answers of the server.
        @raise TargetDown: TLS is not there.
        @raise OSError: also the errors of C{smtplib}.
        """
        smtp = self._smtp
        if smtp is None or not _isAlive(smtp):
            smtp = self._smtp = self._connect()
        if self._isAborted:  # while it connected: another session sends this mail
            raise TargetDown("it took too long to connect")
        return smtp.sendmail(sender, list(recipients), data)

    def _connect(self) -> smtplib.SMTP:
        relay = self._relay
        if relay.port == SMTPS and relay.useTls is not False:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(
                relay.host, relay.port, timeout=TIMEOUT, context=self._context(True)
            )
        else:
            smtp = smtplib.SMTP(relay.host, relay.port, timeout=TIMEOUT)
        self._smtp = smtp
        try:
            self._prepare(smtp)
        except BaseException:
            smtp.close()
            self._smtp = None
            raise
        return smtp

    def _prepare(self, smtp: smtplib.SMTP) -> None:
        """Encrypt the connection, and log in."""
        relay = self._relay
        if not isinstance(smtp, smtplib.SMTP_SSL):
            smtp.ehlo_or_helo_if_needed()
            if relay.useTls is not False and smtp.has_extn("starttls"):
                smtp.starttls(context=self._context(relay.needsTls))
            elif relay.needsTls:
                raise TargetDown(
                    "the server does not offer STARTTLS, and without it others could read along",
                    "let the server offer it, or write useTls=False",
                )
        if relay.user:
            smtp.login(relay.user, relay.password or "")

    def _context(self, isVerified: bool) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self._relay.caFile:
            trust(context, self._relay.caFile, "smtpCAFile")
        if not isVerified:  # no worse than the plain connection that is allowed, too
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def close(self) -> None:
        """End the connection politely."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(OSError):
                smtp.quit()

    def abort(self) -> None:
        """End the connection at once; a call in another thread fails."""
        self._isAborted = True
        smtp = self._smtp
        sock = None if smtp is None else smtp.sock
        if sock is not None:
            cut(sock)


def _isAlive(smtp: smtplib.SMTP) -> bool:
    """True if a connection that was idle still works."""
    try:
        return int(smtp.noop()[0]) == 250
    except OSError:
        return False


class SmtpTarget:
    """I am the L{Target<buildbot.outgoing.target.Target>} for a relay.

    A message is a dict: C{from}, C{to} (a list of addresses), and C{data}, the mail in ASCII.
    """

    def __init__(
        self,
        relay: Relay,
        reactor: ThreadReactor,
        inThread: Callable[[Callable[[], None]], object] = inDaemonThread,
        newSession: Callable[[Relay], Session] = Session,
    ) -> None:
        """@param inThread: runs a function in a thread."""
        self.relay = relay
        self._calls = Calls(lambda: newSession(relay), reactor, inThread, closing=TargetDown)

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        """See L{Target<buildbot.outgoing.target.Target>}."""

        def send(session: Session) -> dict[str, tuple[int, bytes]]:
            return session.send(message["from"], message["to"], message["data"].encode("ascii"))

        def outcome(answer: dict[str, tuple[int, bytes]] | Exception) -> Exception | None:
            error, refused = (answer, {}) if isinstance(answer, Exception) else (None, answer)
            return outcomeOf(error, refused, message, self.relay)

        return self._calls.call(send, outcome)

    def rest(self) -> None:
        """See L{Target<buildbot.outgoing.target.Target>}."""
        self._calls.rest()


def outcomeOf(
    error: BaseException | None,
    refused: Mapping[str, tuple[int, bytes]],
    message: Mapping[str, Any],
    relay: Relay,
) -> Exception | None:
    """The meaning of an attempt for the sender; None if the mail was accepted for everybody.

    @param error: what C{smtplib} raised, or None.
    @param refused: the refused recipients, if others were accepted.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        later = [name for name, (code, _) in error.recipients.items() if code < 500]
        said = _listed(error.recipients, relay)
        for code, _ in error.recipients.values():
            if code in _OF_ALL:
                return TargetDown(said, _OF_ALL[code])
        return NotNow(said, {**message, "to": later}) if later else Refused(said)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        cure = "write the right smtpUser and smtpPassword"
        return TargetDown(f"the login was refused: {_said(error, relay)}", cure)
    if isinstance(error, (smtplib.SMTPSenderRefused, smtplib.SMTPDataError)):
        if error.smtp_code in _OF_ALL:
            return TargetDown(_said(error, relay), _OF_ALL[error.smtp_code])
        return Refused(_said(error, relay)) if error.smtp_code >= 500 else NotNow(_said(error, relay))
    if isinstance(error, smtplib.SMTPResponseException):
        return TargetDown(_said(error, relay))
    if isinstance(error, TargetDown):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        cure = "name the certificate of its authority in smtpCAFile, or write useTls=False"
        why = getattr(error, "verify_message", "") or str(error)
        return TargetDown(f"its certificate is not valid: {_clean(why, relay)}", cure)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return TargetDown(f"the server cannot do this: {_clean(str(error), relay)}", "look at smtpUser")
    if isinstance(error, OSError):  # also the other errors of smtplib
        said = error.strerror if type(error) is not smtplib.SMTPException and error.strerror else str(error)
        return TargetDown(_clean(said or type(error).__name__, relay))
    if error is not None:
        return error if isinstance(error, Exception) else TargetDown(type(error).__name__)
    later = [name for name, (code, _) in refused.items() if code < 500]
    if later:
        return NotNow(_listed(refused, relay), {**message, "to": later})
    if refused:
        return Refused(f"all others got it, but {_listed(refused, relay)}")
    return None


def _said(error: smtplib.SMTPResponseException, relay: Relay) -> str:
    return f"{error.smtp_code} {_answer(error.smtp_error, relay)}"


def _listed(refused: Mapping[str, tuple[int, bytes]], relay: Relay) -> str:
    known = [f"{name}: {code} {_answer(answer, relay)}" for name, (code, answer) in refused.items()]
    more = f" and {len(known) - 5} more" if len(known) > 5 else ""
    return "; ".join(known[:5]) + more


def _answer(answer: bytes | str, relay: Relay) -> str:
    return _clean(answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer), relay)


def _clean(text: str, relay: Relay) -> str:
    """An answer of a server, fit for a log: one line, short, without our password."""
    return struckOut(plainLine(text), [relay.password] if relay.password else [])[:300]

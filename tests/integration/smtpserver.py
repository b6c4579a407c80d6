"""A real mail server for tests: aiosmtpd, with STARTTLS and a login if a test wants these."""

from __future__ import annotations

import os
import ssl
from datetime import datetime, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.certificates import writeCertificate


class MailServer:
    """I am a mail server on a port of the loopback, in a thread of the test.

    @ivar got: (recipients, mail) of each accepted mail.
    @ivar logins: the users who have logged in, one entry for each connection.
    """

    def __init__(self, port: int, directory: str = "", user: str = "", password: str = "") -> None:
        """@param directory: where the certificate is written; empty: no TLS.
        @param user: who must log in, with C{password}; empty: nobody.
        """
        self.got: list[tuple[list[str], EmailMessage]] = []
        self.logins: list[str] = []
        self.port = port
        self.certificate = os.path.join(directory, "localhost.pem") if directory else ""
        self._user, self._password = user, password
        self._controller: Any = None

    def start(self) -> None:
        """Listen."""
        more: dict[str, Any] = {}
        if self.certificate:
            if not os.path.exists(self.certificate):
                writeCertificate(self.certificate, "localhost", datetime.now(timezone.utc), 10)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            more.update(tls_context=context, require_starttls=True)
        if self._user:
            more.update(authenticator=self._authenticate, auth_required=True)
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **more)
        self._controller.start()

    def stop(self) -> None:
        """Stop listening; the mails stay."""
        controller, self._controller = self._controller, None
        if controller is not None:
            controller.stop()

    def _authenticate(
        self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> AuthResult:
        isRight = isinstance(data, LoginPassword) and (
            (data.login, data.password) == (self._user.encode(), self._password.encode())
        )
        if isRight:
            self.logins.append(self._user)
        return AuthResult(success=isRight, handled=False)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Accept a mail; called by aiosmtpd."""
        mail = message_from_bytes(envelope.content, policy=SMTP)
        self.got.append((list(envelope.rcpt_tos), mail))
        return "250 OK"

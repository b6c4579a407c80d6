"""A master that sends mails to a postbox in memory: what the stories about mails have in common."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_string
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from buildbot.mails import notifier
from buildbot.mails.smtp import Relay
from tests.stories.changes import CONFIG, ChangeCase


class Postbox:
    """I am a mail server that can be told to fail.

    @ivar sent: (recipients, mail) of each accepted mail.
    @ivar trouble: the exception of each delivery; None: accept.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], EmailMessage]] = []
        self.trouble: Exception | None = None
        self.relays: list[Relay] = []

    def target(self, relay: Relay, reactor: object) -> Slot:
        """Stands in for L{buildbot.mails.smtp.SmtpTarget}."""
        self.relays.append(relay)
        return Slot(self)

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        if self.trouble is not None:
            return fail(self.trouble)
        mail = message_from_string(message["data"], policy=SMTP)
        self.sent.append((message["to"], mail))
        return succeed(None)

    @property
    def subjects(self) -> list[str]:
        """The subjects of the mails."""
        return [mail["Subject"] for _, mail in self.sent]


class Slot:
    """I am the target of one notifier."""

    def __init__(self, postbox: Postbox) -> None:
        self.deliver = postbox.deliver

    def rest(self) -> None:
        """Nothing to close."""


def textOf(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


class MailCase(ChangeCase):
    """A master with one builder, whose builds end as the test says.

    @ivar exitStatus: the exit status of the command of each build.
    """

    arguments = "fromaddr='buildbot@example.com', extraRecipients=['team@example.com']"

    def setUp(self) -> None:
        super().setUp()
        self.postbox = Postbox()
        self.patch(notifier, "SmtpTarget", self.postbox.target)
        self.exitStatus = 0
        self.write(CONFIG.replace(", Dependent('package', quick, ['package'])", ""))
        self.add("from buildbot.status import mail")
        self.add(f"c['status'] = [mail.MailNotifier({self.arguments})]")

    def begin(self, held: int = 0) -> None:
        super().begin(held)
        self.slaves[-1].onCommand = lambda command: command.end(self.exitStatus)

    def build(self, status: int = 0, **more: Any) -> None:
        """Commit something, and let it be built; the command ends with this status."""
        self.exitStatus = status
        self.send(**more)
        self.wait(70)

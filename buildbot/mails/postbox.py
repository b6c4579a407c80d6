# -*- test-case-name: tests.stories.test_mail -*-
"""Queue mails, each for the recipients whose addresses are valid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.message import EmailMessage
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from buildbot.mails.addresses import addressesIn, addressOf
from buildbot.mails.letter import Letter, asText, isLong, written
from buildbot.outgoing.sender import Sender

log = Logger()


class Postbox:
    """I queue the mails of one notifier."""

    def __init__(self, fromaddr: str, sender: Callable[[], Sender], now: Callable[[], float]) -> None:
        """@param fromaddr: the sender of all mails.
        @param sender: returns the queue for the mail server.
        @param now: returns the time, in seconds since the epoch.
        """
        self._fromaddr, self._sender, self._now = fromaddr, sender, now

    async def post(self, letter: Letter, recipients: tuple[list[str], list[str]], group: str) -> None:
        """Write and queue a mail; return when it is on disk.

        @param recipients: the addresses in To and in Cc.
        @param group: mails of one group, such as a builder, stay in order.
        """
        to, copies = recipients
        if not to:
            log.info("nobody gets the mail {subject!r}", subject=letter.subject)
            return
        now = self._now()

        def write() -> tuple[EmailMessage, str]:
            mail = written(letter, to, copies, now)
            return mail, asText(mail)

        mail, text = await deferToThread(write) if isLong(letter) else write()
        await self.queue(mail, text, [*to, *copies], group)

    def queue(self, mail: Any, text: str, recipients: Sequence[str], group: str) -> Deferred[None]:
        """Queue a mail that is written already.

        @param mail: the mail, for its subject and its Message-ID; C{text}: the same in ASCII.
        @return: fires when it is on disk; at once if no address is valid.
        """
        addresses = list(dict.fromkeys(each for text in recipients for each in addressesIn(text)))
        if not addresses:
            log.info("nobody gets the mail {subject!r}", subject=str(mail["Subject"]))
            return succeed(None)
        message = {"from": addressOf(self._fromaddr) or "", "to": addresses, "data": text}
        # two notifiers may write equal mails to different people
        people = sha256(" ".join(addresses).encode()).hexdigest()[:8]
        return self._sender().add(f"{mail['Message-ID']}{people}", message, str(mail["Subject"]), group)

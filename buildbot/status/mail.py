"""The names of 0.7.5 and 0.8 for mails; L{buildbot.mails} has them."""

from __future__ import annotations

from buildbot.mails.addresses import Domain
from buildbot.mails.notifier import MailNotifier
from buildbot.mails.wording import defaultMessage, message

__all__ = ["Domain", "MailNotifier", "defaultMessage", "message"]

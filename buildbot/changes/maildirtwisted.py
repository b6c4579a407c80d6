"""The service that watches a maildir, under its names of 0.7.5; see L{buildbot.changes.maildir}."""

from __future__ import annotations

from buildbot.changes.maildir import MaildirService as MaildirService
from buildbot.changes.maildir import MaildirTwisted as MaildirTwisted

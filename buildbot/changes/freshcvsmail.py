"""The source of changes from mails of FreshCVS, under its old name; see L{buildbot.changes.mail}."""

from __future__ import annotations

from buildbot.changes.mail import FCMaildirSource as FCMaildirSource

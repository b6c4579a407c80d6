"""The name of 0.7.5 and 0.8 for mails to a Tinderbox; L{buildbot.mails.tinderbox} has it."""

from __future__ import annotations

from buildbot.mails.tinderbox import TinderboxMailNotifier

__all__ = ["TinderboxMailNotifier"]

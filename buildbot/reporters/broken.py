# -*- test-case-name: tests.unit.mails.test_deciding -*-
"""Which results break a builder, and which say nothing about it."""

from __future__ import annotations

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SKIPPED

#: The results of a builder that is broken.
BROKEN = (FAILURE, EXCEPTION)
#: The results that say nothing about the builder: they neither begin nor end an outage.
NEUTRAL = (RETRY, CANCELLED, SKIPPED)

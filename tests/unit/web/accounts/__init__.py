"""Tests of L{buildbot.web.accounts}."""

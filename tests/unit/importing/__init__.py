"""Tests of L{buildbot.importing}."""

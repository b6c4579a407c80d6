"""Tests of L{buildbot.prompt}."""

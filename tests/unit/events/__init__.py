"""Unit tests of buildbot/events."""

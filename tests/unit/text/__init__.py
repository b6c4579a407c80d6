"""Unit tests of buildbot/text."""

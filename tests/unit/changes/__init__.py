"""Unit tests of buildbot/changes."""

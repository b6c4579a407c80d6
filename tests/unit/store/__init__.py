"""Unit tests of buildbot/store."""

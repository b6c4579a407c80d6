"""Unit tests of buildbot/wire."""

"""Unit tests of buildbot/config."""

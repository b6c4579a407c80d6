"""Unit tests of buildbot/status."""

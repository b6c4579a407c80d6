"""Unit tests of buildbot/files."""

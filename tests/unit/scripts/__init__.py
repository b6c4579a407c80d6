"""Unit tests of buildbot/scripts."""

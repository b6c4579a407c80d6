"""Unit tests of buildbot/control."""

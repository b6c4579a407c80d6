"""Unit tests of buildbot/slaves."""

"""Unit tests of buildbot/daemon."""

"""Unit tests of buildbot/process."""

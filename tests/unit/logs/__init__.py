"""Unit tests of buildbot/logs."""

"""Unit tests of buildbot/schedulers."""

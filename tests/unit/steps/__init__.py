"""Unit tests of buildbot/steps."""

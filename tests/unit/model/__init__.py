"""Unit tests of buildbot/model."""

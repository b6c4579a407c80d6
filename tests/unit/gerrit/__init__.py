"""Unit tests of buildbot/gerrit."""

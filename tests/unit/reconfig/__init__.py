"""Unit tests of buildbot/reconfig."""

"""Unit tests of buildbot/buildmaster."""

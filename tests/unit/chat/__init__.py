"""Unit tests of buildbot/chat."""

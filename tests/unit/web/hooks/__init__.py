"""Unit tests of buildbot/web/hooks."""

"""Tests of buildbot/web/feeds."""

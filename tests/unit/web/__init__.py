"""Tests of buildbot/web."""

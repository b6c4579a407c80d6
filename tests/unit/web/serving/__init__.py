"""Tests of buildbot/web/serving."""

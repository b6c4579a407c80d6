"""Tests of buildbot/web/logs."""

"""Unit tests of buildbot/webhooks."""

"""Unit tests of buildbot/mails."""

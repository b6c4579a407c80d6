"""Unit tests of buildbot/clients."""

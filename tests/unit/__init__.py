"""Unit tests that need no process, no network and no waiting."""

"""Unit tests of messages to other servers."""

"""Unit tests of logs in object storage."""

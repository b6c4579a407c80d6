"""Tests of processes that only serve pages."""

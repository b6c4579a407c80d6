"""Builds: requests, builders, running steps, locks."""

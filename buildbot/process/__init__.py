"""Builds: requests, builders, the steps of a build as they run, locks."""

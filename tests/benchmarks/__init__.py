"""Benchmarks: the promises about speed, measured in one run with a baseline."""

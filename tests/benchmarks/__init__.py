"""Benchmarks: they check the promises about speed. Each measures a baseline in the same run."""

"""Slaves that the master starts when a build needs them, and stops when none does."""

"""Clients of a master's ports."""

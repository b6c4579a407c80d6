"""The exception about the output of a program that cannot be read."""

from __future__ import annotations


class BadOutput(Exception):
    """A program printed something unexpected. The text names the program, for people."""

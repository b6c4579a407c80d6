"""Feeds, badges and formats for machines: values in, bytes out."""

"""Logs of finished builds in object storage."""

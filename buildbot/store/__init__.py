"""Persistent data of the master: Changes, buildsets, requests, builds, and the state of schedulers."""

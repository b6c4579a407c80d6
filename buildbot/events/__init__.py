"""Helpers for later calls: alarms, lists of observers, the next turn of the reactor."""

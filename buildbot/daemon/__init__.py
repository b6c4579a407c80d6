"""The process: its directory, lock, log, readiness and end."""

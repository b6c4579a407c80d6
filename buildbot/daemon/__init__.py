"""The process: lock file, control socket, readiness, loading in a child."""

"""Sources of changes, and how the master receives a change."""

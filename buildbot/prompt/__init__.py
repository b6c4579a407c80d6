"""A Python prompt inside the running master, for its administrators."""

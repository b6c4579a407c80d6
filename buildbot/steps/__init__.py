"""The ready-made build steps."""

"""The schedulers, which decide when to build."""

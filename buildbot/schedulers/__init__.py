"""When it is time to build: the schedulers, and their rules."""

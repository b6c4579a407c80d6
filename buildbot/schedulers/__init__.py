"""When it is time to build: the rules of the schedulers, which are themselves in buildbot.scheduler."""

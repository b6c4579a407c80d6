"""A process that serves pages, apart from the master that builds: see docs/architecture/readers."""

"""Values that all parts of the master pass to each other."""

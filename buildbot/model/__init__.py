"""Values that the parts of the master pass to each other."""

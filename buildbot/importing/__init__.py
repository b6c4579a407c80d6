"""Read the history of a master of 0.7 or 0.8 into the directory of a master of this release."""

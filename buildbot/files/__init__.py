"""Files on the master: opened safely, with the right permissions, complete or not there, and not too many."""

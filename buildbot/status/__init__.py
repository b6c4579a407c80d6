"""The status of the master, its builders, builds and slaves, for people and programs."""

"""Stories: a whole master in one process."""

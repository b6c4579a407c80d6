"""Text for people: made fit for a terminal or a log file."""

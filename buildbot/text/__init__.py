"""Text for people: made safe for a terminal or a log file."""

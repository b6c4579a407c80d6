"""People's own pages in Python, written for 0.7.6 to 0.8."""

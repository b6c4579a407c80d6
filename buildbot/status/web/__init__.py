"""The names of the web pages of 0.8, as thin facades."""

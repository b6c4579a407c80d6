"""The pages, the API and the feeds of the master."""

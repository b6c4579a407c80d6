"""Views of logs: colours, sections and failing lines."""

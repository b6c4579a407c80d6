"""C{/api/v1}: the state of the master as JSON, its events, and actions."""

"""Reviews of changes on a Gerrit server."""

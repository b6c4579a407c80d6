"""Changes that forges send over HTTP."""

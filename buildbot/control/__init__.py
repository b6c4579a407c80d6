"""What people and plug-ins may do to a running master, and the socket over which they ask for it."""

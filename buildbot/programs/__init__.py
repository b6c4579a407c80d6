"""Programs that the master runs as child processes, such as git and svn."""

"""Steps that build and check packages of Debian and Ubuntu."""

"""Steps that build and check packages of distributions."""

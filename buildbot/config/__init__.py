"""The configuration: the text of master.cfg in, a checked and frozen value out."""

"""The configuration: master.cfg as text in, a checked and frozen value out."""

"""Reconfiguration: load a changed master.cfg, compare it and apply it."""

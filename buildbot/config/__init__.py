"""The configuration: turn the text of master.cfg into a checked, frozen value."""

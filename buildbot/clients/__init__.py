"""Programs that ask something of a master over its ports."""

"""Files on the master: open them safely, set permissions, write them atomically, limit their number."""

"""The wire: Twisted's PB format, spoken by our own codec, with limits."""

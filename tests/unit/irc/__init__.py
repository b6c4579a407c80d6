"""The parts of the IRC bot."""

"""Real masters, real slaves, real sockets."""

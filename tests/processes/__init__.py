"""Real processes, that run for as long as they do; they need neither slaves nor the network."""

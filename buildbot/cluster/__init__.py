"""Several masters on one store: one of them is active, and the others wait to take its place."""

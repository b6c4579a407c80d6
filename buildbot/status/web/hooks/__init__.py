"""The hooks of 0.8 for pushes, under their names."""

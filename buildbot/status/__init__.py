"""What is happening, as told to people and programs."""

"""Ready-made build steps, and ready recipes made of them."""

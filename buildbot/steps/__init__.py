"""Ready-made build steps, and factories made of them."""

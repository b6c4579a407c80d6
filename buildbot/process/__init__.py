"""Builders, factories, steps: what a build is made of."""

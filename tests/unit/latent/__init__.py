"""Tests of latent slaves."""

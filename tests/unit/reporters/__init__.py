"""Tests of what all reporters share."""

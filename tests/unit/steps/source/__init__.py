"""Tests of the steps that get the source of a build."""

"""Tests of the build master; run them with trial."""

"""Recipes for builds, where 0.7.5 has them."""

from __future__ import annotations

from buildbot.process.buildfactory import BuildFactory, ConfigurableBuildFactory, Step, s
from buildbot.steps.recipes import CPAN, Command, Distutils, GNUAutoconf, Trial

__all__ = [
    "CPAN",
    "BuildFactory",
    "Command",
    "ConfigurableBuildFactory",
    "Distutils",
    "GNUAutoconf",
    "Step",
    "Trial",
    "s",
]

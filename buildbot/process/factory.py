"""The 0.7.5 names of the build factories."""

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

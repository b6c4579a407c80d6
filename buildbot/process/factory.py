"""The 0.7.5 names of the build factories."""

from __future__ import annotations

from buildbot.process.buildfactory import (
    ArgumentsInTheWrongPlace,
    BuildFactory,
    ConfigurableBuildFactory,
    Step,
    s,
)
from buildbot.steps.recipes import (
    CPAN,
    BasicBuildFactory,
    BasicSVN,
    Command,
    Distutils,
    GNUAutoconf,
    QuickBuildFactory,
    Trial,
)

__all__ = [
    "CPAN",
    "ArgumentsInTheWrongPlace",
    "BasicBuildFactory",
    "BasicSVN",
    "BuildFactory",
    "Command",
    "ConfigurableBuildFactory",
    "Distutils",
    "GNUAutoconf",
    "QuickBuildFactory",
    "Step",
    "Trial",
    "s",
]

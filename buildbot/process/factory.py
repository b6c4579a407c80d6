"""The 0.7.5 names of the build factories. The ready-made ones are loaded when they are used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildbot.events.onuse import namesOnUse
from buildbot.process.buildfactory import (
    ArgumentsInTheWrongPlace,
    BuildFactory,
    ConfigurableBuildFactory,
    Step,
    s,
)

if TYPE_CHECKING:
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
else:
    __getattr__, __dir__ = namesOnUse(
        __name__,
        {
            "buildbot.steps.recipes": "CPAN BasicBuildFactory BasicSVN Command Distutils GNUAutoconf"
            " QuickBuildFactory Trial"
        },
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

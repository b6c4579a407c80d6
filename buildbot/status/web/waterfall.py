"""The waterfall as a resource, and the box of a step, under their names of 0.7.6 to 0.8."""

from __future__ import annotations

from buildbot.web.oldpages.boxes import BuildBox, CurrentBox, StepBox
from buildbot.web.oldpages.served import WaterfallStatusResource

__all__ = ["BuildBox", "CurrentBox", "StepBox", "WaterfallStatusResource"]

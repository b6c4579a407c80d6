"""The console as a resource, under its name of 0.7.12 and 0.8."""

from __future__ import annotations

from buildbot.web.oldpages.served import ConsoleStatusResource

__all__ = ["ConsoleStatusResource"]

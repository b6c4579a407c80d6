"""Questions to a running master, under the module name of the first releases."""

from __future__ import annotations

from buildbot.control.client import LONGEST, ControlError, NoAnswer, NotRunning, ask, request, socketPath

__all__ = ["LONGEST", "ControlError", "NoAnswer", "NotRunning", "ask", "request", "socketPath"]

"""Questions to a running master, where programs of the first releases import them from."""

from __future__ import annotations

from buildbot.control.client import LONGEST, ControlError, NoAnswer, NotRunning, ask, request, socketPath

__all__ = ["LONGEST", "ControlError", "NoAnswer", "NotRunning", "ask", "request", "socketPath"]

"""The web server and two of its pages, under their names of 0.7.6 to 0.8."""

from __future__ import annotations

from buildbot.web.oldpages.served import OneBoxPerBuilder, OneLinePerBuild
from buildbot.web.service import WebStatus

__all__ = ["OneBoxPerBuilder", "OneLinePerBuild", "WebStatus"]

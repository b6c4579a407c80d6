"""The classes of a configuration under the names of 0.8.11: C{from buildbot.plugins import util, steps}."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from buildbot.config import secrets
from buildbot.config.standins import reportMissing

_STATUS = "html mail tinderbox webhook github gitlab gitea status_push words client status_gerrit chat"
_MODULES = {
    "util": (
        *("config", "process.factory", "process.properties", "process.choosing", "locks"),
        *("changes.filter", "schedulers.forcesched", "interfaces", "steps.shellsequence", "revlinks"),
        *("status.web.authz", "status.web.auth"),
    ),
    "steps": (
        "steps.master",  # first: its SetProperty, not that of steps.shell, is the plug-in
        *("steps.shell", "steps.transfer", "steps.source.git", "steps.source.svn", "steps.source.mercurial"),
        *("steps.source.cvs", "steps.source.bzr", "steps.source.darcs", "steps.source.p4", "steps.trigger"),
        *("steps.slave", "steps.python", "steps.python_twisted", "steps.maxq", "steps.cmake"),
        *("steps.vstudio", "steps.mswin", "steps.package.deb.pbuilder", "steps.package.deb.lintian"),
        *("steps.package.rpm", "steps.shellsequence"),
        *("steps.source.github", "steps.source.gerrit", "steps.source.mtn", "process.buildstep"),
    ),
    "schedulers": (
        *("schedulers.basic", "schedulers.timed", "schedulers.triggerable", "schedulers.trysched"),
        "schedulers.forcesched",
    ),
    "changes": (
        *("changes.pb", "changes.mail", "changes.gitpoller", "changes.svnpoller", "changes.hgpoller"),
        *("changes.p4poller", "changes.bonsaipoller", "changes.gerritchangesource"),
    ),
    "worker": ("worker",),
    "buildslave": ("buildslave", "buildslave.ec2"),
    "status": tuple(f"status.{each}" for each in _STATUS.split()),
}
#: The modules that are names of a group.
_SUBMODULES = {("util", "svn"): "buildbot.changes.svnpoller"}


class _Names:
    """I find a name in the modules of one group when it is asked for."""

    def __init__(self, group: str) -> None:
        self._group = group

    def __getattr__(self, name: str) -> Any:
        if (self._group, name) in _SUBMODULES:
            return import_module(_SUBMODULES[self._group, name])
        for module in _MODULES.get(self._group, ()) if not name.startswith("__") else ():
            try:
                found = import_module(f"buildbot.{module}")
            except ModuleNotFoundError:
                continue  # of a later release
            if hasattr(found, name):
                return getattr(found, name)
        loading = secrets.current.get()
        if loading is not None and not name.startswith("_"):
            return reportMissing(loading, f"buildbot.plugins.{self._group}.{name}")
        raise AttributeError(f"buildbot.plugins.{self._group} has no {name}", name=name, obj=self)


util, steps, schedulers, changes = _Names("util"), _Names("steps"), _Names("schedulers"), _Names("changes")
worker, buildslave, status, reporters = map(_Names, ("worker", "buildslave", "status", "reporters"))

__all__ = ["buildslave", "changes", "reporters", "schedulers", "status", "steps", "util", "worker"]

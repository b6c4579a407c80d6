"""The steps that get the source of a build, under the module name of 0.7.5. Each loads when it is used."""

from typing import TYPE_CHECKING

from buildbot.events.onuse import namesOnUse

if TYPE_CHECKING:
    from buildbot.steps.source.arch import Arch as Arch
    from buildbot.steps.source.arch import Bazaar as Bazaar
    from buildbot.steps.source.base import Source as Source
    from buildbot.steps.source.bzr import Bzr as Bzr
    from buildbot.steps.source.cvs import CVS as CVS
    from buildbot.steps.source.darcs import Darcs as Darcs
    from buildbot.steps.source.git import Git as Git
    from buildbot.steps.source.mercurial import Mercurial as Mercurial
    from buildbot.steps.source.mtn import Monotone as Monotone
    from buildbot.steps.source.p4 import P4 as P4
    from buildbot.steps.source.p4 import P4Sync as P4Sync
    from buildbot.steps.source.svn import SVN as SVN
else:
    __getattr__, __dir__ = namesOnUse(
        __name__,
        {
            "buildbot.steps.source.arch": "Arch Bazaar",
            "buildbot.steps.source.base": "Source",
            "buildbot.steps.source.bzr": "Bzr",
            "buildbot.steps.source.cvs": "CVS",
            "buildbot.steps.source.darcs": "Darcs",
            "buildbot.steps.source.git": "Git",
            "buildbot.steps.source.mercurial": "Mercurial",
            "buildbot.steps.source.mtn": "Monotone",
            "buildbot.steps.source.p4": "P4 P4Sync",
            "buildbot.steps.source.svn": "SVN",
        },
    )

__all__ = [
    "CVS",
    "P4",
    "SVN",
    "Arch",
    "Bazaar",
    "Bzr",
    "Darcs",
    "Git",
    "Mercurial",
    "Monotone",
    "P4Sync",
    "Source",
]

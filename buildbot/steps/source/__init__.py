"""The steps that get the source of a build, under the module name of 0.7.5."""

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

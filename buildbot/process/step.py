"""The steps, under their module name of early releases."""

from buildbot.model.results import EXCEPTION as EXCEPTION
from buildbot.model.results import FAILURE as FAILURE
from buildbot.model.results import SKIPPED as SKIPPED
from buildbot.model.results import SUCCESS as SUCCESS
from buildbot.model.results import WARNINGS as WARNINGS
from buildbot.process.basestep import BuildStep as BuildStep
from buildbot.process.loggingstep import LoggingBuildStep as LoggingBuildStep
from buildbot.process.logobserver import LogLineObserver as LogLineObserver
from buildbot.process.logobserver import LogObserver as LogObserver
from buildbot.process.remotecommand import RemoteShellCommand as RemoteShellCommand
from buildbot.steps.dummy import Dummy as Dummy
from buildbot.steps.dummy import FailingDummy as FailingDummy
from buildbot.steps.dummy import RemoteDummy as RemoteDummy
from buildbot.steps.shell import Compile as Compile
from buildbot.steps.shell import Configure as Configure
from buildbot.steps.shell import ShellCommand as ShellCommand
from buildbot.steps.shell import Test as Test
from buildbot.steps.shell import TreeSize as TreeSize
from buildbot.steps.shell import WithProperties as WithProperties
from buildbot.steps.source.base import Source as Source
from buildbot.steps.source.cvs import CVS as CVS
from buildbot.steps.source.darcs import Darcs as Darcs
from buildbot.steps.source.git import Git as Git
from buildbot.steps.source.mercurial import Mercurial as Mercurial
from buildbot.steps.source.svn import SVN as SVN

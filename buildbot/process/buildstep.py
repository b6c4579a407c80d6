"""The base classes of steps and their commands, under the module name of 0.7.5.

Files of 0.7 and 0.8 import the results of steps from here, too.
"""

from buildbot.model.results import EXCEPTION as EXCEPTION
from buildbot.model.results import FAILURE as FAILURE
from buildbot.model.results import RETRY as RETRY
from buildbot.model.results import SKIPPED as SKIPPED
from buildbot.model.results import SUCCESS as SUCCESS
from buildbot.model.results import WARNINGS as WARNINGS
from buildbot.model.results import worst as worst_status
from buildbot.process.basestep import MOST_REFUSALS as MOST_REFUSALS
from buildbot.process.basestep import BuildStep as BuildStep
from buildbot.process.basestep import BuildStepFailed as BuildStepFailed
from buildbot.process.basestep import NoResults as NoResults
from buildbot.process.basestep import StepSpec as StepSpec
from buildbot.process.basestep import StepStopped as StepStopped
from buildbot.process.kinds import COMMON as COMMON
from buildbot.process.loggingstep import LoggingBuildStep as LoggingBuildStep
from buildbot.process.logobserver import LogLineObserver as LogLineObserver
from buildbot.process.logobserver import LogObserver as LogObserver
from buildbot.process.logobserver import OutputProgressObserver as OutputProgressObserver
from buildbot.process.remotecommand import LoggedRemoteCommand as LoggedRemoteCommand
from buildbot.process.remotecommand import RemoteCommand as RemoteCommand
from buildbot.process.remotecommand import RemoteShellCommand as RemoteShellCommand

__all__ = [
    "EXCEPTION",
    "FAILURE",
    "RETRY",
    "SKIPPED",
    "SUCCESS",
    "WARNINGS",
    "BuildStep",
    "BuildStepFailed",
    "LogLineObserver",
    "LogObserver",
    "LoggedRemoteCommand",
    "LoggingBuildStep",
    "OutputProgressObserver",
    "RemoteCommand",
    "RemoteShellCommand",
    "worst_status",
]

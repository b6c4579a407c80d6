"""Steps that run one command on the slave, under the module name of 0.7.5."""

from buildbot.model.properties import WithProperties as WithProperties
from buildbot.steps.command import ShellCommand as ShellCommand
from buildbot.steps.counting import WarningCountingShellCommand as WarningCountingShellCommand
from buildbot.steps.outputs import LONGEST_PROPERTY as LONGEST_PROPERTY
from buildbot.steps.setproperty import SetProperty as SetProperty
from buildbot.steps.setproperty import SetPropertyFromCommand as SetPropertyFromCommand
from buildbot.steps.setproperty import TreeSize as TreeSize
from buildbot.steps.stages import Compile as Compile
from buildbot.steps.stages import Configure as Configure
from buildbot.steps.stages import PerlModuleTest as PerlModuleTest
from buildbot.steps.stages import Test as Test

__all__ = [
    "Compile",
    "Configure",
    "PerlModuleTest",
    "SetProperty",
    "SetPropertyFromCommand",
    "ShellCommand",
    "Test",
    "TreeSize",
    "WarningCountingShellCommand",
    "WithProperties",
]

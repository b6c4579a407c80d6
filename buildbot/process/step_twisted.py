"""The steps for Twisted's own builds, under their module name of early releases."""

from buildbot.steps.python_twisted import BuildDebs as BuildDebs
from buildbot.steps.python_twisted import HLint as HLint
from buildbot.steps.python_twisted import ProcessDocs as ProcessDocs
from buildbot.steps.python_twisted import RemovePYCs as RemovePYCs
from buildbot.steps.python_twisted import Trial as Trial

"""The class of builds, under the module name of 0.9."""

from buildbot.process.base import Build as Build

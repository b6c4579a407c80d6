"""Steps that build and check packages of RPM, under the name of 0.8 for all of them."""

from buildbot.steps.package.rpm.mock import MockBuildSRPM, MockRebuild
from buildbot.steps.package.rpm.rpmbuild import RpmBuild
from buildbot.steps.package.rpm.rpmlint import RpmLint

__all__ = ["MockBuildSRPM", "MockRebuild", "RpmBuild", "RpmLint"]

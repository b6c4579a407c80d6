"""The steps that get the source of a build, where 0.7.5 has them."""

from buildbot.steps.source.base import Source as Source
from buildbot.steps.source.git import Git as Git

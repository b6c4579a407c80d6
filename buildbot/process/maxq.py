"""The step for MaxQ, under its module name of early releases."""

from buildbot.steps.maxq import MaxQ as MaxQ

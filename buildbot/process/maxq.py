"""The step for MaxQ, where files written for early releases look for it."""

from buildbot.steps.maxq import MaxQ as MaxQ

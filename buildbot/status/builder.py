"""The 0.7.5 names for the status of the master, its builders and its builds."""

from __future__ import annotations

from buildbot.interfaces import LOG_CHANNEL_HEADER as HEADER
from buildbot.interfaces import LOG_CHANNEL_STDERR as STDERR
from buildbot.interfaces import LOG_CHANNEL_STDOUT as STDOUT
from buildbot.logs.live import HTMLLogFile, LogFile
from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS, Results
from buildbot.model.results import worst as worst_status
from buildbot.status.build import BuildStatus, BuildStepStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.status.event import Event
from buildbot.status.master import Status
from buildbot.status.request import BuildRequestStatus, BuildSetStatus
from buildbot.status.slave import SlaveStatus
from buildbot.steps.trialoutput import TestResult

__all__ = [
    "EXCEPTION",
    "FAILURE",
    "HEADER",
    "RETRY",
    "SKIPPED",
    "STDERR",
    "STDOUT",
    "SUCCESS",
    "WARNINGS",
    "BuildRequestStatus",
    "BuildSetStatus",
    "BuildStatus",
    "BuildStepStatus",
    "BuilderStatus",
    "ChunkTypes",
    "Event",
    "HTMLLogFile",
    "LogFile",
    "Results",
    "SlaveStatus",
    "Status",
    "TestResult",
    "worst_status",
]


#: The names of a log's channels.
ChunkTypes = ["stdout", "stderr", "header"]

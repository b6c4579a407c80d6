"""Logs and their channels, under the module name of 0.8.8."""

from buildbot.interfaces import LOG_CHANNEL_HEADER as HEADER
from buildbot.interfaces import LOG_CHANNEL_STDERR as STDERR
from buildbot.interfaces import LOG_CHANNEL_STDOUT as STDOUT
from buildbot.logs.live import HTMLLogFile, LogFile

__all__ = ["HEADER", "STDERR", "STDOUT", "HTMLLogFile", "LogFile"]

"""The interfaces for plug-ins."""

from __future__ import annotations

import ast
from pathlib import Path

from twisted.trial import unittest
from zope.interface.interface import InterfaceClass, Method

from buildbot import interfaces

# The names that plug-ins for 0.7.5 may import from this module.
NAMES = """
    IBuildControl IBuildRequestControl IBuildRequestStatus IBuildSetStatus IBuildStatus IBuildStepStatus
    IBuilderControl IBuilderStatus IChangeSource IControl IEmailLookup IEmailSender ILogFile ILogObserver
    IScheduler ISchedulerStatus ISlaveStatus ISourceStamp IStatus IStatusEvent IStatusLog
    IStatusLogConsumer IStatusReceiver ITestResult IUpstreamScheduler
""".split()
EXCEPTIONS = ["NoSlaveError", "BuilderInUseError", "BuildSlaveTooOldError"]


def declared() -> list[InterfaceClass]:
    """All interfaces of the module."""
    return [
        value for value in vars(interfaces).values() if isinstance(value, InterfaceClass) and value.names()
    ]


class InterfacesTests(unittest.TestCase):
    """The content of buildbot.interfaces."""

    def test_namesOf075(self) -> None:
        """Every interface and exception that a plug-in for 0.7.5 imports is there."""
        for name in NAMES:
            self.assertIsInstance(getattr(interfaces, name), InterfaceClass, name)
        for name in EXCEPTIONS:
            self.assertTrue(issubclass(getattr(interfaces, name), Exception), name)

    def test_channelsAsStored(self) -> None:
        """The channels of a log have the numbers that status clients of 0.7.5 expect."""
        channels = (
            interfaces.LOG_CHANNEL_STDOUT,
            interfaces.LOG_CHANNEL_STDERR,
            interfaces.LOG_CHANNEL_HEADER,
        )
        self.assertEqual(channels, (0, 1, 2))

    def test_everyMethodExplained(self) -> None:
        """Every interface and every method has a docstring."""
        silent = [each.getName() for each in declared() if not each.getDoc()]
        for interface in declared():
            for name, method in interface.namesAndDescriptions():
                self.assertIsInstance(method, Method, name)
                if not method.getDoc():
                    silent.append(f"{interface.getName()}.{name}")
        self.assertEqual(silent, [])

    def test_namesMatchClasses(self) -> None:
        """No method of an interface lists self."""
        wrong = [
            f"{interface.getName()}.{name}"
            for interface in declared()
            for name, method in interface.namesAndDescriptions()
            if isinstance(method, Method) and "self" in method.getSignatureInfo()["positional"]
        ]
        self.assertEqual(wrong, [])

    def test_nothingBelow(self) -> None:
        """The module imports only the standard library and zope.interface."""
        tree = ast.parse(Path(str(interfaces.__file__)).read_text())
        sources = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
        self.assertEqual(sources, {"__future__", "collections.abc", "typing", "zope.interface"})

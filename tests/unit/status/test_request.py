"""The status of requests and build sets, and their subscribers."""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from buildbot.interfaces import (
    IBuildControl,
    IBuildRequestControl,
    IBuildRequestStatus,
    IBuildSetStatus,
    IBuildStatus,
)
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.base import BuildRequest
from buildbot.process.buildfactory import BuildFactory
from buildbot.status.request import BuildRequestStatus, BuildSetStatus
from buildbot.steps.shell import ShellCommand
from tests.unit.process.test_builds import BuildCase, shell


class RequestTests(BuildCase):
    """0.7.5, rows 3 and 6: a waiting request gets its build."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"))

    def test_interfaces(self) -> None:
        """A request provides its control and status interfaces before its build starts."""
        request = BuildRequest("because", SourceStamp(), "full")
        verifyObject(IBuildRequestControl, request)
        verifyObject(IBuildRequestStatus, request.status)
        self.assertIsInstance(request.status, BuildRequestStatus)
        self.assertEqual((request.status.getBuilderName(), request.status.getBuilds()), ("full", []))
        self.assertEqual((request.startCount, request.status.getSourceStamp()), (0, request.source))

    def test_subscribe(self) -> None:
        """A subscriber of a request gets the control of its build; one of its status gets the status."""
        buildset = self.force()
        (request,) = buildset.requests
        controls: list[Any] = []
        statuses: list[Any] = []
        request.subscribe(controls.append)
        request.status.subscribe(statuses.append)
        request.subscribe(lambda build: 1 / 0)
        slave = self.connect()
        request.subscribe(controls.append)
        ((build, again), (status,)) = controls, statuses
        self.assertIs(build, again)
        self.assertTrue(IBuildControl.providedBy(build) and IBuildStatus.providedBy(status))
        self.assertEqual((build.getStatus(), request.startCount), (status, 1))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        over = request.waitUntilFinished()
        slave.onInterrupt = lambda command: command.end(-1)
        build.stopBuild("enough")
        self.settle()
        self.assertIs(self.successResultOf(over), status)
        late: list[Any] = []
        request.subscribe(late.append)
        self.assertEqual((late, request.status.getBuilds()), ([], [status]))

    def test_unsubscribe(self) -> None:
        """After unsubscribing, also with an equal bound method, there are no more calls."""
        (request,) = self.force().requests
        heard: list[Any] = []
        for each in (request, request.status):
            each.subscribe(heard.append)
            each.unsubscribe(heard.append)
        self.connect()
        self.assertEqual((heard, request.startCount), ([], 1))


class SetTests(BuildCase):
    """0.7.5, rows 5 and 6: build sets."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"), builders="full quick")
        self.set = self.force("full", "quick")
        self.known, self.over = self.set.waitUntilSuccess(), self.set.waitUntilFinished()

    def test_interface(self) -> None:
        """The status of a set has its source, its builders and its requests."""
        status = self.set.status
        verifyObject(IBuildSetStatus, status)
        self.assertIsInstance(status, BuildSetStatus)
        self.assertEqual(status.getBuildRequests(), [request.status for request in self.set.requests])
        self.assertEqual((status.getBuilderNames(), status.getReason()), (["full", "quick"], "because"))
        self.assertEqual((status.getResults(), status.getID(), status.isFinished()), (None, None, False))

    def test_namesAndRequests(self) -> None:
        """0.8: a Deferred has the requests by the names of their builders."""
        status = self.force().status
        found: list[Any] = []
        status.getBuilderNamesAndBuildRequests().addCallback(lambda named: found.extend(named.items()))
        (request,) = status.getBuildRequests()
        self.assertEqual(found, [("full", request)])

    def test_firstFailure(self) -> None:
        """waitUntilSuccess fires at the first failure, waitUntilFinished at the end."""
        slave = self.connect()
        slave.commands[0].end(1)
        self.settle()
        status = self.successResultOf(self.known)
        self.assertEqual((status.getResults(), status.isFinished()), (FAILURE, False))
        self.assertNoResult(self.over)
        slave.commands[1].end(0)
        self.settle()
        self.assertIs(self.successResultOf(self.over), status)
        self.assertEqual((status.getResults(), status.isFinished()), (FAILURE, True))

    def test_success(self) -> None:
        """A set has succeeded when all its builds have."""
        slave = self.connect()
        for command in slave.commands:
            self.assertNoResult(self.known)
            command.end(0)
            self.settle()
        self.assertEqual(self.successResultOf(self.known).getResults(), SUCCESS)
        self.assertIs(self.successResultOf(self.set.waitUntilSuccess()), self.set.status)

    def test_cancelled(self) -> None:
        """A set with a cancelled request has failed."""
        self.botmaster.builders["quick"].cancelBuildRequest(self.set.requests[1])
        self.settle()
        self.assertEqual(self.successResultOf(self.known).getResults(), FAILURE)

    def test_warnings(self) -> None:
        """Warnings count as success: a set has only success and failure."""
        factory = BuildFactory()
        factory.addStep(ShellCommand, command="make", flunkOnFailure=False, warnOnFailure=True)
        self.configure(factory)
        buildset = self.force()
        slave = self.connect()
        self.command(slave).end(1)
        self.settle()
        self.assertEqual((buildset.getResults(), buildset.status.getResults()), (WARNINGS, SUCCESS))

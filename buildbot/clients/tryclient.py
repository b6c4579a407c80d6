# -*- test-case-name: tests.stories.test_try,tests.processes.test_trycommand -*-
"""Send the changes of a working copy to a master, which builds them before they are committed.

The names are those of 0.7.5. L{buildbot.scripts.trycommand} has the command line,
L{buildbot.clients.workingcopy} finds the patch, L{buildbot.clients.tryprogress} prints the progress.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot.clients.connecting import (
    ClientFactory,
    endpointOf,
    isRefusedLogin,
    isRemote,
    isTooLarge,
    reasonOf,
)
from buildbot.clients.tryprogress import Progress
from buildbot.clients.tryssh import RemoteTryPP, SSHFailed, sshCommand
from buildbot.clients.workingcopy import (
    EXTRACTORS,
    BazExtractor,
    BzrExtractor,
    CVSExtractor,
    DarcsExtractor,
    GitExtractor,
    MercurialExtractor,
    MonotoneExtractor,
    NoSource,
    PerforceExtractor,
    SourceStampExtractor,
    SVNExtractor,
    TlaExtractor,
    findWorkingCopy,
    getSourceStamp,
    getTopdir,
    topOf,
)
from buildbot.model.sourcestamp import SourceStamp
from buildbot.model.tryjob import LONGEST_JOB, TryJob, ns, writeJob
from buildbot.text.printable import plain
from buildbot.text.undecoded import sendable
from buildbot.wire import failure  # registers the decoding of errors of old masters
from buildbot.wire.dialect import text, word

__all__ = [
    "BazExtractor",
    "BzrExtractor",
    "CVSExtractor",
    "DarcsExtractor",
    "GitExtractor",
    "MercurialExtractor",
    "MonotoneExtractor",
    "NoSource",
    "PerforceExtractor",
    "RemoteTryPP",
    "SVNExtractor",
    "SourceStampExtractor",
    "TlaExtractor",
    "Try",
    "TryFailed",
    "createJobfile",
    "failure",
    "getSourceStamp",
    "getTopdir",
    "ns",
]

#: The time limit for the login and the delivery, in seconds.
TIMEOUT = 60.0
#: The seconds between two estimates of the master.
ESTIMATES = 20
#: The systems whose patches are made in the current directory, not at the top.
_HERE = ("p4",)


class TryFailed(Exception):
    """The job was not built, or its result is not known. The message is for the user."""


def createJobfile(
    bsid: str,
    branch: str | None,
    baserev: Any,
    patchlevel: int,
    diff: str,
    builderNames: Sequence[str],
    repository: str = "",
    project: str = "",
    who: str = "",
    comment: str = "",
    properties: Mapping[str, Any] | None = None,
) -> bytes:
    """The content of a job file for C{buildbot tryserver}."""
    texts = (repository, project, who, comment)
    return writeJob(
        TryJob(bsid, branch, baserev, patchlevel, diff, *texts, tuple(builderNames), properties or {})
    )


class Try(pb.Referenceable):
    """I send one job, and follow its builds.

    @ivar buildsetStatus: the master's object of the build set, once the master has taken the job.
    @ivar exitcode: 0 unless a build has failed.
    """

    buildsetStatus: Any = None
    quiet = False
    exitcode = 0
    _factory: ClientFactory | None = None
    _isOver = False
    _why = ""
    _trouble: Failure | None = None

    def __init__(
        self, config: Mapping[str, Any], reactor: Any = None, endpoint: IStreamClientEndpoint | None = None
    ) -> None:
        """@param config: the options of C{buildbot try}.
        @param endpoint: the C{IStreamClientEndpoint} to connect to, instead of the option C{master}.
        @raise TryFailed: C{connect} is neither "pb" nor "ssh".
        """
        if reactor is None:
            from twisted.internet import reactor
        self.config = config
        self.connect = self.getopt("connect")
        if self.connect not in ("pb", "ssh"):
            raise TryFailed("say how to reach the master: --connect=pb or --connect=ssh")
        self.builderNames: Sequence[str] = self.getopt("builders", ())
        self.quiet = bool(self.getopt("quiet"))
        self._reactor = reactor
        self._endpoint = endpoint
        self._progress = Progress(lambda line: print(plain(line), flush=True), self.quiet)
        self._running: list[Deferred[Any]] = []

    def getopt(self, config_name: str, default: object = None) -> Any:
        """An option; the default if it is not given."""
        value = self.config.get(config_name)
        return default if value is None or value == [] or value == "" else value

    def announce(self, message: str) -> None:
        """Print a line about the progress, unless C{quiet}."""
        if not self.quiet:
            print(plain(message), flush=True)

    async def go(self) -> int:
        """Carry out the options. Returns the exit status: that of the builds, with C{wait}.

        @raise TryFailed: the job was not built, or its result is not known.
        """
        try:
            if self.getopt("get-builder-names"):
                await self.getAvailableBuilderNames()
                return 0
            await self.createJob()
            if self.getopt("dryrun"):
                self.fakeDeliverJob()
                return 0
            await self.deliverJob()
            await self.getStatus()
            return self.exitcode
        finally:
            self.cleanup()

    # the job

    def createJob(self) -> Deferred[None]:
        """Find the patch, and make the job. Fails with L{TryFailed}."""
        return ensureDeferred(self._createJob())

    async def _createJob(self) -> None:
        self.bsid = f"{int(time.time())}-{random.randint(0, 1_000_000)}"
        try:
            source = await self._source()
        except NoSource as error:
            raise TryFailed(str(error)) from None
        self.sourcestamp = source
        level, diff = source.patch or (0, "")
        self.job = TryJob(
            self.bsid,
            source.branch,
            source.revision,
            level,
            diff,
            repository=source.repository,
            project=self.getopt("project", ""),
            who=self.getopt("who", ""),
            comment=self.getopt("comment", ""),
            builderNames=tuple(self.builderNames),
            properties=self.getopt("properties", {}),
        )
        self._warn(diff)

    def _warn(self, diff: str) -> None:
        if not diff.strip():
            self.announce("the patch is empty: the source is built as it is in the repository")
        for line in diff.splitlines():
            if line.startswith("Binary file") or "cannot display: file marked as a binary" in line.lower():
                self.announce(f"not in the patch: {text(line, 200)}")

    async def _source(self) -> SourceStamp:
        """The source stamp: of a given patch, or of the working copy."""
        branch, repository = self.getopt("branch"), self.getopt("repository")
        path = self.getopt("diff")
        if path is not None:
            patch = (int(self.getopt("patchlevel", 0)), _read(str(path)))
            return SourceStamp(branch, self.getopt("baserev"), patch, repository=repository or "")
        system, top = self._workingCopy()
        source = await getSourceStamp(system, top, branch, repository, self._reactor)
        if self.getopt("baserev") is not None:
            raise TryFailed("--baserev belongs to --diff: the base of a working copy is found by itself")
        return source

    def _workingCopy(self) -> tuple[str, str]:
        system, here = self.getopt("vc"), os.getcwd()
        topdir, topfile = self._either("topdir"), self._either("topfile")
        if topdir:
            here = os.path.abspath(os.path.expanduser(str(topdir)))
        elif topfile:
            here = getTopdir(str(topfile))
        if not system:
            return findWorkingCopy(here)
        if system not in EXTRACTORS:
            raise TryFailed(f"--vc must be one of {', '.join(EXTRACTORS)}, not {system!r}")
        return system, here if topdir or topfile or system in _HERE else topOf(system, here)

    def _either(self, name: str) -> Any:
        """An option, under its name of 0.8 or of 0.7."""
        return self.getopt(name, self.getopt(f"try-{name}"))

    # the delivery

    def fakeDeliverJob(self) -> None:
        """Print the job."""
        job = self.job
        print(f"Branch: {plain(job.branch or '(the main line)')}")
        print(f"Revision: {'(the latest)' if job.baserev is None else plain(str(job.baserev))}")
        print(f"Builders: {', '.join(map(plain, job.builderNames)) or '(all)'}")
        print(f"Patch, level {job.patchLevel}:\n{plain(job.diff)}", end="", flush=True)

    def deliverJob(self) -> Deferred[None]:
        """Fires when the master has the job. Fails with L{TryFailed}."""
        return ensureDeferred(self._deliverSSH() if self.connect == "ssh" else self._deliverPB())

    async def _deliverSSH(self) -> None:
        data = writeJob(self.job)
        if len(data) > LONGEST_JOB:
            raise TryFailed(f"the job is too large: {len(data)} bytes, and at most {LONGEST_JOB} are taken")
        waits = bool(self.getopt("wait"))
        host, jobdir = (
            self.getopt("host", self.getopt("tryhost")),
            self.getopt("jobdir", self.getopt("trydir")),
        )
        program = str(self.getopt("buildbotbin", "buildbot"))
        try:
            command = sshCommand(host or "", self.getopt("username"), program, jobdir or "", waits)
            await RemoteTryPP(data, self._heard if waits else None).start(self._reactor, command)
        except SSHFailed as error:
            raise TryFailed(str(error)) from None
        if not waits:
            self.announce("the job has been delivered")

    def _heard(self, event: Mapping[str, Any]) -> None:
        """C{tryserver} tells an event."""
        if event["event"] == "delivered":
            self.announce("the job has been delivered")
        elif event["event"] in ("lost", "refused"):
            self._why = f"{event['event']}: {text(str(event.get('why', '')), 500)}"
        else:
            self._isOver = self._progress.replay(event) or self._isOver

    async def _login(self) -> Any:
        """Log in to the master. Returns its perspective. Raises L{TryFailed}."""
        master = str(self.getopt("master", ""))
        user, password = self.getopt("username", ""), self.getopt("passwd", "")
        self._factory = ClientFactory()
        try:
            endpoint = self._endpoint or endpointOf(master, self._reactor)
        except ValueError as error:
            raise TryFailed(f"--master: {error}") from None
        name, secret = (str(each).encode("utf-8", "surrogateescape") for each in (user, password))
        factory = self._factory

        async def login() -> Any:
            broker: Any = await endpoint.connect(factory)
            setTcpKeepAlive = getattr(broker.transport, "setTcpKeepAlive", None)
            if setTcpKeepAlive is not None:  # a long wait must notice that the master's host is gone
                setTcpKeepAlive(True)
            return await factory.login(UsernamePassword(name, secret))

        try:
            return await ensureDeferred(login()).addTimeout(TIMEOUT, self._reactor)
        except Exception as error:
            if isRefusedLogin(error, Failure()):
                why = "it has no Try_Userpass with this name and password"
                raise TryFailed(f"{master} refuses the login of {user!r}: {why}") from None
            raise TryFailed(reasonOf(error, master, TIMEOUT)) from None

    async def _deliverPB(self) -> None:
        remote = await self._login()
        job = self.job
        names = list(map(sendable, job.builderNames))
        patch = (job.patchLevel, sendable(job.diff))
        source = (sendable(job.branch), sendable(job.baserev), patch)
        place = (sendable(job.repository), sendable(job.project))
        properties = {sendable(name): sendable(value) for name, value in job.properties.items()}
        arguments = (*source, *place, names, sendable(job.who), sendable(job.comment), properties)
        if isTooLarge(arguments):
            raise TryFailed(
                "the patch is too large for --connect=pb, at most 640 KiB: send it with --connect=ssh"
            )
        self.buildsetStatus = await self._ask(remote, "try", *arguments)
        if self.buildsetStatus is None:
            offered = await self._ask(remote, "getAvailableBuilderNames")
            wanted = ", ".join(job.builderNames) or "any builder"
            raise TryFailed(
                f"the master does not build on {wanted}; it offers {', '.join(map(word, offered))}"
            )
        self.announce("the job has been delivered")

    async def _ask(self, remote: Any, message: str, *arguments: object) -> Any:
        """Call a method of the master. Raises L{TryFailed}."""
        try:
            return await remote.callRemote(message, *arguments)
        except Exception as error:
            master = str(self.getopt("master"))
            if isRemote(error, "NoSuchMethod"):
                raise TryFailed(f"{master} is too old to be asked for that") from None
            if isinstance(error, pb.RemoteError):
                raise TryFailed(f"{master} refuses the job: {text(str(error), 500)}") from None
            goesOn = "; the builds go on" if self.buildsetStatus is not None else ""
            raise TryFailed(f"{reasonOf(error, master, TIMEOUT)}{goesOn}") from None

    def getAvailableBuilderNames(self) -> Deferred[None]:
        """Print the names of the builders that a job may use."""
        return ensureDeferred(self._builderNames())

    async def _builderNames(self) -> None:
        if self.connect != "pb":
            raise TryFailed("--get-builder-names needs --connect=pb")
        remote = await self._login()
        for name in await self._ask(remote, "getAvailableBuilderNames"):
            print(text(name, 200))

    # the builds

    def getStatus(self) -> Deferred[None]:
        """With C{wait}, follow the builds, and set C{exitcode}. Fails with L{TryFailed}."""
        return ensureDeferred(self._getStatus())

    async def _getStatus(self) -> None:
        if not self.getopt("wait"):
            return
        if self.connect == "pb":
            await self._follow(self.buildsetStatus)
        elif self._why:
            raise TryFailed(f"the job is {self._why}")
        elif not self._isOver:
            raise TryFailed("the remote `buildbot tryserver` ended before the builds did")
        if not self._progress.sumUp():
            self.exitcode = 1

    async def _follow(self, buildset: object) -> None:
        requests = [(word(name), each) for name, each in await self._ask(buildset, "getBuildRequests")]
        self._progress.submitted(name for name, _ in requests)
        for _, request in requests:
            await self._ask(request, "subscribe", self)
        await self._ask(buildset, "waitUntilFinished")
        for each in self._running:
            await each
        if self._trouble is not None:
            self._trouble.raiseException()

    # called by the master

    def remote_newbuild(self, bs: object, builderName: object) -> None:
        """A build has started."""
        following = ensureDeferred(self._followBuild(bs, word(builderName)))
        self._running.append(following.addErrback(self._notFollowed))

    def _notFollowed(self, why: Failure) -> None:
        self._trouble = self._trouble or why

    async def _followBuild(self, build: object, builder: str) -> None:
        self._progress.started(builder, await self._ask(build, "getNumber"))
        await self._ask(build, "subscribe", self, ESTIMATES)
        step = await self._ask(build, "getCurrentStep")
        if step is not None:
            self._progress.stepStarted(builder, word(await self._ask(step, "getName")))
        await self._ask(build, "waitUntilFinished")
        results = await self._ask(build, "getResults")
        self._progress.finished(builder, results, await self._ask(build, "getText"))

    def remote_stepStarted(self, buildername: object, build: object, stepname: object, step: Any) -> None:
        """A step has started."""
        self._progress.stepStarted(word(buildername), word(stepname))

    def remote_stepFinished(
        self, buildername: Any, build: Any, stepname: Any, step: Any, results: Any
    ) -> None:
        """A step has ended."""
        result = results[0] if isinstance(results, (list, tuple)) else results
        self._progress.stepFinished(word(buildername), word(stepname), result)

    def remote_buildETAUpdate(self, buildername: object, build: object, eta: float) -> None:
        """A build has a new estimate."""
        self._progress.estimated(word(buildername), eta)

    def cleanup(self, res: object = None) -> None:
        """Disconnect."""
        if self._factory is not None:
            self._factory.disconnect()


def _read(path: str) -> str:
    """The text of a patch. Raises L{TryFailed}."""
    try:
        if path == "-":
            return sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        with open(path, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except OSError as why:
        raise TryFailed(f"--diff: cannot read {path}: {why.strerror}") from None

# -*- test-case-name: tests.unit.steps.source.test_base -*-
"""The base class of all steps that get the source of a build.

Slaves of 0.7 and 0.8 have a command for this, which is used if its version can do the job. Otherwise the
master runs the program of the version control on the slave, one command after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import FLAG, SECONDS, TEXT, isSeconds, isWhole, oneOf, orNone
from buildbot.events.sleep import sleep
from buildbot.model.results import FAILURE, SKIPPED, SUCCESS
from buildbot.model.sourcestamp import lastRevision
from buildbot.process.kinds import DIRECTORY, ENVIRONMENT, WORDS, isFilledIn
from buildbot.process.loggingstep import LoggingBuildStep
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.status.step import asWords
from buildbot.steps.source.checkout import (
    COPIED,
    METHODS,
    MODES,
    Checkout,
    CheckoutFailed,
    Patch,
    Slave,
    checkWords,
    copiedFrom,
    inBranch,
    methodOf,
)
from buildbot.steps.source.driving import AWAY, Driver, System, retried
from buildbot.steps.source.hiding import Hiding, secretsOf
from buildbot.steps.source.work import PartSkipped, PlainCommand, Work

RETRY = Kind(
    "a pair (seconds, times), or None",
    lambda value: (
        value is None
        or (
            isinstance(value, (tuple, list))
            and len(value) == 2
            and isSeconds(value[0])
            and isWhole(value[1])
            and value[1] >= 0
        )
    ),
)
#: A URL may have a password in it.
URL = Kind("the URL of a repository (text)", lambda value: isFilledIn(value) and value != "", isSecret=True)
SECRET = Kind("text", isFilledIn, isSecret=True)
WORD = Kind("text", isFilledIn)
BRANCH_NAME = orNone(WORD, "the default")


class Source(LoggingBuildStep):
    """I get the source of the build, in its branch and revision, with its patch.

    A site's own step overrides L{startVC}, as in 0.7.5: it adds to C{self.args}, and passes a
    C{LoggedRemoteCommand} to L{startCommand}.

    @cvar system: the version control of a subclass.
    @ivar branch: the branch of builds that have none.
    @ivar args: the arguments that all of the slaves' own commands take.
    """

    name = "source"
    haltOnFailure = True
    flunkOnFailure = True
    notReally = False
    branch: Any = None
    system: System | None = None
    #: The method of 0.8's mode "full", if none is given.
    defaultMethod = "fresh"
    description: Any = None
    descriptionDone: Any = None
    _waiting: Deferred[None] | None = None
    _about: tuple[str, ...] = ()
    _getting: Any = None  # the coroutine of startVC()

    @arguments(
        workdir=DIRECTORY,
        mode=oneOf(*MODES),
        alwaysUseLatest=FLAG,
        timeout=orNone(SECONDS, "no limit"),
        retry=RETRY,
        method=oneOf(None, *METHODS),
        env=ENVIRONMENT,
        logEnviron=FLAG,
        description=WORDS,
        descriptionDone=WORDS,
        codebase=TEXT,
    )
    def __init__(
        self,
        workdir: object = None,
        mode: str = "update",
        alwaysUseLatest: bool = False,
        timeout: float | None = 1200,
        retry: Sequence[float] | None = None,
        *,
        method: str | None = None,
        env: Mapping[str, Any] | None = None,
        logEnviron: bool = False,
        description: object = None,
        descriptionDone: Any = None,
        codebase: str = "",
        **kwargs: Any,
    ) -> None:
        """@param workdir: the directory of the source, relative to the builder's; None for the build's.
        @param codebase: the codebase to get, if the build has several.
        @param mode: C{update} or C{incremental}; C{copy}, C{clobber} or C{export}; or C{full}.
        @param method: for C{full}: C{clean}, C{fresh}, C{clobber} or C{copy}.
        @param alwaysUseLatest: whether to get the latest revision instead of that of the build.
        @param timeout: seconds without output after which a command is killed; None: never.
        @param retry: (seconds, times): wait so long after a failure, and try again so often.
        """
        super().__init__(**kwargs)
        self.workdir = workdir
        self.mode = mode
        self.method = method
        self.alwaysUseLatest = bool(alwaysUseLatest)
        self.env = env
        self.logEnviron = bool(logEnviron)
        self.codebase = codebase
        if description:
            self.description = description
        if descriptionDone:
            self.descriptionDone = descriptionDone
        pair = (retry[0], int(retry[1])) if retry else None
        self.args: dict[str, Any] = {
            "mode": mode,
            "workdir": workdir,
            "timeout": timeout,
            "retry": pair,
            "patch": None,
        }

    def describe(self, done: bool = False) -> list[str]:
        """The words for the step, with the branch and the revision."""
        words = self.descriptionDone if done else self.description
        if words is None and done:
            words = self.description
        if words is not None:
            return [*asWords(words)]
        word = {"clobber": "checkout", "export": "export"}.get(self.mode, "update")
        doing = {"checkout": "checking out", "export": "exporting", "update": "updating"}[word]
        return [*asWords(word if done else doing), *self._about]

    # for subclasses

    def computeSourceRevision(self, changes: Sequence[Any]) -> Any:
        """The revision that has all changes; None for the latest."""
        return lastRevision([change.revision for change in changes])

    def repositoryOf(self, branch: str | None) -> str:
        """The URL of a branch, with properties of the build in it.

        @raise CheckoutFailed: there is none.
        """
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        """The arguments of the version control, by name; they may have properties in them."""
        return {}

    def secrets(self, options: Mapping[str, Any]) -> list[str]:
        """The secrets among the options, besides those in the URL."""
        return []

    def startVC(self, branch: str | None, revision: Any, patch: Any) -> Any:
        """Get the source. Sites' own steps override this.

        @param branch: the branch of the build, or else my own.
        @param revision: the revision; None is the latest.
        @param patch: (level, diff) or (level, diff, directory); or None.
        """
        if self.system is None:
            raise NotImplementedError(f"{type(self).__name__} has no startVC()")
        checkout = self._checkout(branch, revision, patch)
        slave = Slave(dict(self.remote.slaveCommands or {}))
        why = self.system.whyDriven(checkout, slave)
        self._getting = self._get(self.system, checkout, slave, why)
        return self._getting

    # the checkout

    def start(self) -> Any:
        """See L{buildbot.process.basestep.BuildStep}. SKIPPED if the build only has other codebases.

        A source without a name, as that of a forced build, is good for each codebase: a build that gets
        nothing would build old files.
        """
        source = self.build.source
        isNamed = source.beside or source.codebase
        stamp = self.build.getSourceStamp(self.codebase) if isNamed else source
        if stamp is None:
            return self._skipped()
        if self.args.get("workdir") is None:
            self.args["workdir"] = self.workdir if self.workdir is not None else self.build.workdir
        self.args["workdir"] = self.build.render(self.args["workdir"])
        branch = stamp.branch or self.build.render(self.branch)
        revision = None
        if not self.alwaysUseLatest:
            revision = stamp.revision
            if revision is None and stamp.changes:
                revision = self.computeSourceRevision(stamp.changes)
        self._about = _about(branch, revision, stamp.patch)
        if self._isOneOfSeveral:
            self._about = (*filter(None, [self.codebase]), *self._about)
        self.args["patch"] = stamp.patch
        try:
            answer = self.startVC(branch, revision, stamp.patch)
        except CheckoutFailed as failed:
            return self._refused(str(failed))
        # a site's own startVC() of 0.7 calls that of its base class, and returns nothing
        return self._getting if answer is None else answer

    @property
    def _isOneOfSeveral(self) -> bool:
        """True if the build has several codebases."""
        return bool(self.build.source.beside)

    def _skipped(self) -> int:
        """Do nothing, and say that the build does not have my codebase."""
        named = f"Codebase {self.codebase}" if self.codebase else "Codebase without a name"
        has = ", ".join(each.codebase or "one without a name" for each in self.build.source.each())
        self.addCompleteLog("stdio", f"{named} not in build. The codebases of the build: {has}.\n")
        self.step_status.setText([named, "not in build"])
        return SKIPPED

    def _refused(self, why: str) -> None:
        """Fail before any command has run."""
        self.addCompleteLog("stdio", f"{why}\n")
        self._conclude(FAILURE)

    def _checkout(self, branch: str | None, revision: Any, patch: Any) -> Checkout:
        method = methodOf(self.mode, self.method, self.defaultMethod)
        checkout = Checkout(
            self.repositoryOf(branch),
            self.args["workdir"],
            branch,
            revision,
            method,
            Patch.of(patch),
            self.args["retry"],
            self.args["timeout"],
            self.build.render(self.options()),
            copiedFrom(self.codebase) if self._isOneOfSeveral else COPIED,
        )
        checkWords(checkout)
        return checkout

    def _hiding(self, checkout: Checkout) -> Hiding:
        return Hiding([*secretsOf(checkout.repository), *self.secrets(checkout.options)])

    async def _get(self, system: System, checkout: Checkout, slave: Slave, why: str | None) -> None:
        """Get the source.

        @param why: the reason why the slave's own command cannot do it; or None.
        """
        self.step_status.setColor("yellow")
        self.step_status.setText(self.describe(False))
        log = self.addLog("stdio")
        env = {**system.environment, **(self.build.render(self.env) or {})}
        hiding = self._hiding(checkout)
        work = Work(
            self,
            slave,
            log,
            hiding,
            checkout.timeout,
            env,
            self.logEnviron,
            system.skipping,
            system.doubtful,
        )
        result = SUCCESS
        try:
            if why is None:
                await self._byOwnCommand(system, work, checkout)
            else:
                work.tell(f"source: driven by the master: {why}")
                driver = Driver(system, work, checkout, self._wait)
                self.gotRevision(await driver.fetch())
                await self.fetched(work, checkout)
                await driver.patch()
        except CheckoutFailed as failed:
            result = FAILURE
            work.tell(str(failed))
        finally:
            log.finish()
        self._conclude(result)

    async def _byOwnCommand(self, system: System, work: Work, checkout: Checkout) -> None:
        """Get the source by the slave's own command. If a broken copy makes it fail, make a new copy."""
        args = checkout.asSent() | system.slaveArguments(checkout, work.slave)
        if work.slave.isUnknown():
            args["dir"] = args["workdir"]
        env = {**(self.build.render(self.env) or {}), **self.build.slaveEnvironment}
        if env:
            args["env"] = env
        version = work.slave.commands.get(system.command, "")
        work.tell(f"source: the slave's own command {system.command} {version}".rstrip())

        async def attempt() -> PlainCommand:
            command = await work.own(system.command, args)
            isKept = checkout.method in (None, "copy")
            why = _whyNot(command)
            isLeft = checkout.method is None and checkout.patch is None and _isGot(command)
            if isLeft and command.skipped:
                why = "" if await system.mended(work, checkout, checkout.place, command.skipped) else why
            if isKept and not why:
                why = await system.whyWrong(work, checkout, checkout.place)
            if why and isKept and await work.exists(f"{checkout.place}/{system.metadata}"):
                if not await system.isReachable(work, checkout):
                    raise CheckoutFailed(f"{why}; {AWAY}")
                work.tell(f"{why}; the working copy is made again")
                await work.removeDirectory(checkout.place)
                command = await work.own(system.command, args)
                why = _whyNot(command)
            if why:
                raise CheckoutFailed(why)
            return command

        command = await retried(checkout, work, self._wait, attempt)
        told = command.updates.get("got_revision")
        if told:
            self.gotRevision(told[-1])
        if command.rc != 0:
            raise CheckoutFailed("the patch does not fit")

    async def fetched(self, work: Work, checkout: Checkout) -> None:
        """Called after a checkout by commands of the master. For subclasses."""

    def _conclude(self, result: int) -> None:
        words = self.describe(True)
        failed = result == FAILURE
        self.step_status.setColor("red" if failed else "green")
        self.step_status.setText([*words, "failed"] if failed else words)
        if failed:
            self.step_status.setText2([self.name])
        self.finished(result)

    def gotRevision(self, revision: Any) -> None:
        """Keep and show the revision that was checked out; None if it is unknown.

        If the step names a codebase, or the build has several, the property is a dictionary by codebase.
        """
        if revision is None:
            return
        if isinstance(revision, bytes):
            revision = revision.decode("utf-8", "replace")
        if not self.codebase and not self._isOneOfSeveral:
            self.setProperty("got_revision", str(revision))
            return
        found = self.build.getProperty("got_revision", None)
        others = found if isinstance(found, Mapping) else {}
        self.setProperty("got_revision", {**others, self.codebase: str(revision)})

    async def _wait(self, seconds: float) -> None:
        self._waiting = sleep(self.remote.clock, seconds)
        try:
            await self._waiting
        except CancelledError:
            pass  # the next command says why
        finally:
            self._waiting = None

    def interrupt(self, reason: Any) -> Deferred[None]:
        """See L{buildbot.process.basestep.BuildStep}."""
        ended = super().interrupt(reason)
        if self._waiting is not None:
            self._waiting.cancel()
        return ended

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{LoggingBuildStep}. Keeps the revision that the slave's own command tells."""
        told = cmd.updates.get("got_revision")
        if told:
            self.gotRevision(told[-1])


class UrlSource(Source):
    """I am a step whose source has one URL, or one for each branch.

    @ivar repourl: the URL; C{%%BRANCH%%} in it is the place for the branch. With it, the branch is no part of
        the URL.
    @ivar baseURL: the URL to which the branch is appended.
    """

    @arguments(repourl=orNone(URL), baseURL=orNone(URL), defaultBranch=BRANCH_NAME)
    def __init__(
        self, repourl: object = None, baseURL: object = None, defaultBranch: object = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.repourl = repourl
        self.baseURL = baseURL
        self.branch = defaultBranch
        if (repourl is None) == (baseURL is None):
            complain(self, " needs repourl or baseURL, one of the two", "repourl", repourl)

    def options(self) -> dict[str, Any]:
        """See L{Source}."""
        return {"defaultBranch": self.branch}

    def repositoryOf(self, branch: str | None) -> str:
        """See L{Source}."""
        url: str = self.build.render(self.repourl if self.repourl is not None else self.baseURL)
        return inBranch(url, branch) if self.repourl is None or "%%" in url else url


def _isGot(command: PlainCommand) -> bool:
    """True if a slave's own command has ended well; then only the patch may have failed."""
    return command.rc == 0 or "got_revision" in command.updates


def _whyNot(command: PlainCommand) -> str:
    """The reason why a slave's own command has not got all of the source; "" if it has."""
    if not _isGot(command):
        return f"the slave's command {command.remote_command} failed"
    return str(PartSkipped(command.skipped)) if command.skipped else ""


def _about(branch: str | None, revision: object, patch: object) -> tuple[str, ...]:
    """The words for the branch, the revision and the patch."""
    words = [f"[{branch}]"] if branch else []
    if revision is not None:
        words.append(f"r{revision}" if len(str(revision)) < 60 else f"r{str(revision)[:12]}…")
    return (*words, *(["[patch]"] if patch else []))

# -*- test-case-name: tests.unit.steps.source.test_driving -*-
"""A checkout by commands of the master.

The order of the commands is the same for all version controls. Each version control makes its own commands.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from buildbot.steps.source.checkout import COPIED, Checkout, CheckoutFailed, NotInRepository, Slave
from buildbot.steps.source.work import Work, relative

#: The file with the patch. A tree with it is no longer that of the repository.
PATCHED = ".buildbot-patched"
#: Why a working copy is kept.
AWAY = "the working copy is kept: the repository does not answer, or it lacks the branch or the revision"


class System:
    """I am one version control: the arguments of the slave's own command, and my commands for the master.

    The methods that run commands raise L{CheckoutFailed}. C{place} is the directory of the working copy.

    @ivar command: the name of the slave's own command.
    @ivar metadata: a file or directory that every working copy has.
    @ivar cleans: whether I have L{clean}.
    @ivar skipping: the words of the program that it leaves a part of the working copy as it is, and ends with
        status 0 all the same; or None.
    @ivar doubtful: the lines of the program that L{whyWrong} needs; or None.
    @ivar environment: variables for the program, so that its words are those that I know, whatever is set on
        the slave. A step's own C{env} is stronger.
    """

    command = ""
    environment: Mapping[str, str] = MappingProxyType({})
    metadata = ""
    cleans = True
    skipping: re.Pattern[str] | None = None
    doubtful: re.Pattern[str] | None = None

    def canUpdate(self, checkout: Checkout) -> bool:
        """True if a working copy can be brought to the wanted revision."""
        return True

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """My arguments for the slave's own command, without those that all of these commands take."""
        raise NotImplementedError

    def whyDriven(self, checkout: Checkout, slave: Slave) -> str | None:
        """The reason why the slave's own command cannot do this; None if it can."""
        trouble = slave.lacks(self.command)
        if trouble:
            return trouble
        if checkout.oldMode() is None:
            return f"the slave's command {self.command} has no method {checkout.method}"
        if checkout.method == "copy" and checkout.place != COPIED:
            return f"the slave's command {self.command} copies from the directory {COPIED} only"
        if checkout.patch is not None and checkout.patch.isTooLarge():
            return "the patch is too large for one message to the slave"
        return self.whyTooOld(checkout, slave)

    def whyTooOld(self, checkout: Checkout, slave: Slave) -> str | None:
        """The reason why the version of the slave's command is too old for this; or None."""
        return None

    async def isOurs(self, work: Work, checkout: Checkout, place: str) -> bool:
        """True if the working copy is of this repository."""
        return True

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """Make a new working copy, or an export, in a directory that does not exist."""
        raise NotImplementedError

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """Bring a working copy to the wanted revision, without local changes."""
        raise NotImplementedError

    async def clean(self, work: Work, checkout: Checkout, place: str, ignored: bool) -> None:
        """Remove files that are not under version control; with C{ignored}, the ignored files too."""
        raise NotImplementedError

    async def whyWrong(self, work: Work, checkout: Checkout, place: str) -> str:
        """The reason why a working copy is not as wanted, though its update has succeeded; "" if it is.

        It is not about local changes in a working copy that may keep them.
        """
        return ""

    async def mended(self, work: Work, checkout: Checkout, place: str, lines: Sequence[str]) -> bool:
        """Update the parts of a working copy that the program has skipped; False if I cannot.

        @param lines: the program's words, which L{skipping} has found.
        """
        return False

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """The revision of the working copy; None if it is unknown."""
        return None

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """True if the repository answers, and has the branch and, where it can tell, the revision.

        If not, the working copy is not the cause.
        """
        return True


async def retried(
    checkout: Checkout,
    work: Work,
    wait: Callable[[float], Awaitable[None]],
    attempt: Callable[[], Awaitable[Any]],
) -> Any:
    """Make attempts until one succeeds, as often as the checkout wants; return its result.

    @raise CheckoutFailed: all attempts have failed.
    """
    delay, times = checkout.retry or (0.0, 0)
    while True:
        try:
            return await attempt()
        except CheckoutFailed as failed:
            if times <= 0:
                raise
            work.tell(f"{failed}; next try in {delay:g} s")
        times -= 1
        await wait(delay)


class Driver:
    """I carry out one checkout with commands of the master."""

    def __init__(
        self, system: System, work: Work, checkout: Checkout, wait: Callable[[float], Awaitable[None]]
    ) -> None:
        """@param wait: waits for some seconds."""
        self._system = system
        self._work = work
        self._checkout = checkout
        self._wait = wait

    async def fetch(self) -> Any:
        """Get the source, and return its revision; None if that is unknown.

        @raise CheckoutFailed: it failed each time.
        """
        return await retried(self._checkout, self._work, self._wait, self._once)

    async def _once(self) -> Any:
        system, work, checkout, place = self._system, self._work, self._checkout, self._checkout.place
        isClean = checkout.method in ("clean", "fresh")
        isNew = checkout.method in ("clobber", "export") or (isClean and not system.cleans)
        isUsable = not isNew and system.canUpdate(checkout) and await self._isUsable(place)
        isPatched = isUsable and await work.exists(f"{place}/{PATCHED}")
        if isPatched and not system.cleans:
            work.tell("the working copy has been patched: it is made again")
        if not isUsable or (isPatched and not system.cleans):
            await self._makeAgain(place)
        else:
            try:
                if isPatched:
                    work.tell("the working copy has been patched: it is cleaned")
                if isClean or isPatched:
                    await system.clean(work, checkout, place, isPatched or checkout.method == "fresh")
                await system.update(work, checkout, place)
                why = await system.whyWrong(work, checkout, place)
                if why:
                    raise CheckoutFailed(why)
            except CheckoutFailed as failed:
                if isinstance(failed, NotInRepository):
                    raise
                if not await system.isReachable(work, checkout):
                    raise CheckoutFailed(f"{failed}; {AWAY}") from failed
                work.tell(f"{failed}; the working copy is made again")
                await self._makeAgain(place)
        revision = await system.revision(work, checkout, place)
        if checkout.method == "copy":
            await work.copyDirectory(place, checkout.workdir)
        return revision

    async def _isUsable(self, place: str) -> bool:
        if not await self._work.exists(f"{place}/{self._system.metadata}"):
            return False
        if not await self._system.isOurs(self._work, self._checkout, place):
            # the program may be missing, or it has failed
            if not await self._system.isReachable(self._work, self._checkout):
                raise CheckoutFailed(AWAY)
            self._work.tell("the working copy is of another repository: it is made again")
            return False
        return True

    async def _makeAgain(self, place: str) -> None:
        await self._work.removeDirectory(place)
        await self._system.make(self._work, self._checkout, place)

    async def patch(self) -> None:
        """Apply the patch, if there is one.

        @raise CheckoutFailed: it does not fit.
        """
        patch, workdir = self._checkout.patch, self._checkout.workdir
        if patch is None:
            return
        # Write the file first: it also marks a tree that is patched only in part.
        await self._work.write(workdir, PATCHED, patch.content)
        command = ["patch", f"-p{patch.level}", "--remove-empty-files", "--force", "--forward"]
        within = ["-d", patch.directory] if patch.directory else []
        await self._work.run([*command, *within, "-i", relative(patch.directory, PATCHED)], workdir)

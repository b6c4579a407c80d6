# -*- test-case-name: tests.unit.steps.source.test_old -*-
"""Source from Monotone."""

from __future__ import annotations

from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.steps.source.base import URL, WORD, Source
from buildbot.steps.source.checkout import Checkout, Slave
from buildbot.steps.source.driving import System
from buildbot.steps.source.work import Outcome, Work, hiddenUrl


class MonotoneSystem(System):
    """I am Monotone. Its database is in the builder's directory."""

    command = "monotone"
    metadata = "_MTN"
    cleans = False

    def slaveArguments(self, checkout: Checkout, slave: Slave) -> dict[str, Any]:
        """See L{System}."""
        return {
            "server_addr": checkout.repository,
            "branch": checkout.branch,
            "db_path": checkout.options["db_path"],
            "monotone": checkout.options["monotone"],
        }

    async def make(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        program, database = checkout.options["monotone"], checkout.options["db_path"]
        if not await work.exists(database):
            await work.run([program, "--db", database, "db", "init"], ".")
        await self._pull(work, checkout)
        revision = [] if checkout.revision is None else ["--revision", str(checkout.revision)]
        how = ["checkout", "--branch", str(checkout.branch), *revision, place]
        await work.run([program, "--db", database, *how], ".")

    async def update(self, work: Work, checkout: Checkout, place: str) -> None:
        """See L{System}."""
        await self._pull(work, checkout)
        which = ["h:" + str(checkout.branch) if checkout.revision is None else str(checkout.revision)]
        await work.run([checkout.options["monotone"], "update", "--revision", *which], place)

    async def revision(self, work: Work, checkout: Checkout, place: str) -> Any:
        """See L{System}."""
        command = [checkout.options["monotone"], "automate", "get_base_revision_id"]
        return (await work.run(command, place)).line or None

    async def isReachable(self, work: Work, checkout: Checkout) -> bool:
        """See L{System}."""
        return (await self._pull(work, checkout, mayFail=True)).rc == 0

    async def _pull(self, work: Work, checkout: Checkout, mayFail: bool = False) -> Outcome:
        program, database = checkout.options["monotone"], checkout.options["db_path"]
        command = [program, "--db", database, "pull", hiddenUrl(checkout.repository), str(checkout.branch)]
        return await work.run(command, ".", mayFail)


class Monotone(Source):
    """I get the source from a Monotone server."""

    name = "monotone"
    system = MonotoneSystem()
    defaultMethod = "clobber"

    @arguments(server_addr=URL, branch=WORD, db_path=WORD, monotone=WORD)
    def __init__(
        self,
        server_addr: object = REQUIRED,
        branch: object = REQUIRED,
        db_path: object = "monotone.db",
        monotone: object = "monotone",
        **kwargs: Any,
    ) -> None:
        """@param server_addr: the address of the server; C{branch}: the branch.
        @param db_path: the slave's database, relative to the builder's directory.
        @param monotone: the program.
        """
        super().__init__(**kwargs)
        self.server_addr = server_addr
        self.branch = branch
        self._options = {"db_path": db_path, "monotone": monotone}

    def options(self) -> dict[str, Any]:
        """See L{Source}."""
        return self._options

    def repositoryOf(self, branch: str | None) -> str:
        """See L{Source}."""
        address: str = self.build.render(self.server_addr)
        return address

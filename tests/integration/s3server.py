"""The server s3rver of npm for tests: it keeps to the protocol S3, and stores objects in files."""

from __future__ import annotations

import os
import shutil
import time

from twisted.internet import threads
from twisted.trial.unittest import SkipTest, TestCase

from tests.integration.generations import InstallFailed, cacheDirectory, madeOnce, runTool
from tests.integration.processes import Child, TooLate, environment, moments
from tests.ports import freePort

VERSION = "3.7.1"
BUCKET = "logs"
#: The only keys that the server takes, as the variables of the environment that name them.
KEYS = {"AWS_ACCESS_KEY_ID": "S3RVER", "AWS_SECRET_ACCESS_KEY": "S3RVER"}  # as the program has them
#: Seconds for a busy machine to do anything.
PATIENCE = 180.0


def installed() -> str:
    """The path of the program; it is installed if it is missing. Raises InstallFailed."""
    npm = shutil.which("npm")
    if npm is None:
        raise InstallFailed("npm is not installed")
    directory = os.path.join(cacheDirectory(), f"s3rver-{VERSION}")
    with madeOnce(directory) as make:
        if make:
            words = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", directory]
            runTool([npm, *words, f"s3rver@{VERSION}"])
    return os.path.join(directory, "node_modules", ".bin", "s3rver")


class S3Server:
    """I am a server with one bucket, on a port of the loopback.

    @ivar endpoint: my address.
    @ivar directory: where the objects are.
    """

    def __init__(self, test: TestCase, directory: str) -> None:
        self._test = test
        self.directory = directory
        os.makedirs(directory, exist_ok=True)
        self.port = freePort()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._starts = 0

    async def start(self) -> None:
        """Run it; returns when it listens. Raises SkipTest if it cannot be installed."""
        try:
            program = await threads.deferToThread(installed)
        except InstallFailed as why:
            raise SkipTest(f"no s3rver: {why}") from None
        self._starts += 1
        output = os.path.join(self.directory, f"../s3-{self._starts}")
        words = ["-a", "127.0.0.1", "-p", str(self.port), "-d", self.directory]
        words += ["--no-vhost-buckets", "--configure-bucket", BUCKET]
        self.child = Child(self._test, [program, *words], self.directory, environment(self.directory), output)
        end = time.monotonic() + PATIENCE
        while "listening" not in self.child.stdout() + self.child.stderr():
            if not self.child.isAlive() or time.monotonic() > end:
                raise TooLate(f"s3rver does not run\n{self.child.stdout()}{self.child.stderr()}")
            await moments(0.02)

    async def stop(self) -> None:
        """End it at once."""
        await self.child.end()

    def objects(self) -> list[str]:
        """The keys of all objects."""
        top = os.path.join(self.directory, BUCKET)
        found = [
            os.path.relpath(os.path.join(at, name), top)
            for at, _, names in os.walk(top)
            for name in names
            if name.endswith("._S3rver_object")
        ]
        return sorted(each.removesuffix("._S3rver_object") for each in found)

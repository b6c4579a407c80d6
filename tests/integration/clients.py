"""Other people's programs that read the web pages of a master, fetched once from the package indexes.

L{tests.daemons.test_webclients} runs them. This module does not know what they ask.
"""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Sequence
from functools import partial
from glob import glob

from twisted.internet import threads
from twisted.trial.unittest import SkipTest

from tests.integration.generations import (
    InstallFailed,
    cacheDirectory,
    findPython27,
    madeOnce,
    makePython27,
    pip,
    runTool,
)

#: The last release of 0.8; its source has the programs of the folder C{contrib}.
OLD_SOURCE = "buildbot==0.8.14"
#: Readers of feeds, of CCTray's file, of event streams and of images. BuildNotify is installed without its
#: windows.
PYTHON_CLIENTS = (
    *("feedparser==6.0.14", "httpx-sse==0.4.3", "httpx==0.28.1", "pillow==11.3.0"),
    *("defusedxml==0.7.1", "requests"),
)
BUILDNOTIFY = "buildnotify==3.0.0"
#: Another reader of CCTray's file; it runs in Python 2.7 only.
OLD_CLIENTS = ("gocd-parser==1.2.1",)
_SOURCE = ("--no-deps", "--no-binary", ":all:", "--disable-pip-version-check")
#: A reader of event streams, the images of shields.io, and the recorded deliveries of GitHub. They run with
#: the Node.js of Debian 12, too.
NODE_CLIENTS = ("eventsource@3.0.7", "badge-maker@4.1.0", "@octokit/webhooks-examples@7.6.1")
#: Another reader of CCTray's file. Its parser is in C, so npm must be able to compile it.
NODE_MONITOR = ("gocd-api@0.9.0",)


async def oldPrograms() -> str:
    """The folder C{contrib} of 0.8.14. Skips the test where it cannot be fetched."""
    return await _fetched("contrib-of-0.8.14", _fetchOld, "contrib")


async def pythonClients() -> str:
    """The interpreter with the Python programs. Skips the test where they cannot be installed."""
    version = ".".join(map(str, sys.version_info[:3]))
    return await _fetched(f"web-clients-python-{version}", _makePython, os.path.join("bin", "python"))


async def oldClients() -> str:
    """The interpreter with the programs in Python 2.7. Skips the test where they cannot be installed."""
    return await _fetched("web-clients-python-2.7", _makeOld, os.path.join("bin", "python"))


async def nodeClients() -> str:
    """The folder with the Node.js programs. Skips the test where they cannot be installed."""
    return await _fetched("web-clients-node", _makeNode, "")


async def nodeMonitor() -> str:
    """The folder with gocd-api. Skips the test where it cannot be installed."""
    return await _fetched("web-monitor-node", partial(_makeNode, packages=NODE_MONITOR), "")


async def _fetched(name: str, make: Callable[[str], None], place: str) -> str:
    directory = os.path.join(cacheDirectory(), name)
    try:
        await threads.deferToThread(_once, directory, make)
    except InstallFailed as why:
        raise SkipTest(f"{name} cannot be fetched: {str(why)[-300:]}") from None
    return os.path.join(directory, place)


def _once(directory: str, make: Callable[[str], None]) -> None:
    with madeOnce(directory) as isNew:
        if isNew:
            os.makedirs(directory, exist_ok=True)
            make(directory)


def _fetchOld(directory: str) -> None:
    """Its setup runs in Python 2 only, so pip for Python 2.7 fetches the source."""
    python = findPython27()
    if python is None:
        raise InstallFailed("there is no Python 2.7")
    runTool([python, "-m", "pip", "download", "-q", "-d", directory, *_SOURCE, OLD_SOURCE])
    (packed,) = glob(os.path.join(directory, "buildbot-*.tar.gz"))
    with tarfile.open(packed) as archive:
        for member in archive.getmembers():
            _, _, name = member.name.partition("/")
            file = archive.extractfile(member) if name.startswith("contrib/") and member.isfile() else None
            if file is not None:
                path = os.path.join(directory, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as stream:
                    stream.write(file.read())


def _makePython(directory: str) -> None:
    runTool([sys.executable, "-m", "venv", directory])
    python = os.path.join(directory, "bin", "python")
    pip(python, *PYTHON_CLIENTS)
    pip(python, "--no-deps", BUILDNOTIFY)


def _makeOld(directory: str) -> None:
    python = findPython27()
    if python is None:
        raise InstallFailed("there is no Python 2.7")
    makePython27(directory, python)
    pip(os.path.join(directory, "bin", "python"), *OLD_CLIENTS)


def _makeNode(directory: str, packages: Sequence[str] = NODE_CLIENTS) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise InstallFailed("npm or node is not installed")
    runTool([npm, "install", "--prefix", directory, "--no-audit", "--no-fund", "--silent", *packages])

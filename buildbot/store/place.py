# -*- test-case-name: tests.unit.store.test_place -*-
"""Where the store of a master's directory is, as its buildbot.tac says.

The master and all commands read the same lines C{db} and C{dbPasswordFile}. Nothing is opened here but these
two files.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace

from buildbot.daemon.directory import TAC, Unusable, readTac, storeAddress, storePasswordFile
from buildbot.files.plain import readPlain
from buildbot.store.address import BadAddress, Server, parse
from buildbot.store.files import FILE

#: libpq's settings that are paths: here, relative ones begin at the master's directory.
_PATHS = ("passfile", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir")
#: The most bytes of a file with a password.
_LONGEST = 4096


@dataclass(frozen=True)
class Place:
    """I am the place of one store.

    @ivar basedir: the directory of the master.
    @ivar server: the database; None for the file in the directory.
    @ivar passwordFile: the path of the file with the password for the server; "" leaves that to libpq.
    """

    basedir: str
    server: Server | None = None
    passwordFile: str = ""

    @property
    def path(self) -> str:
        """The path of the file in the directory, whether it is the store or not."""
        return os.path.join(self.basedir, FILE)

    @property
    def shown(self) -> str:
        """The place for people: a path, or an address without a password."""
        return self.path if self.server is None else self.server.shown()

    def conninfo(self) -> str:
        """How to connect to the server, with the password. Do not show it to people.

        @raise BadAddress: the file with the password cannot be used.
        """
        assert self.server is not None
        settings = {
            name: _absolute(self.basedir, value) if name in _PATHS and value != "system" else value
            for name, value in self.server.settings.items()
        }
        return replace(self.server, settings=settings).conninfo(self._password())

    def _password(self) -> str:
        if not self.passwordFile:
            return ""
        path = _absolute(self.basedir, self.passwordFile)
        try:
            with readPlain(path) as stream:
                about = os.fstat(stream.fileno())
                text = stream.read(_LONGEST + 1)
        except OSError as error:
            raise BadAddress(f"dbPasswordFile {path}: {error.strerror}") from None
        # A container or systemd hands out files of root that one group can read.
        shared = 0o027 if about.st_uid == 0 and os.geteuid() else 0o077
        if stat.S_IMODE(about.st_mode) & shared:
            raise BadAddress(f"dbPasswordFile {path}: other users can read or change it: chmod 600 it")
        try:
            lines = text.decode().splitlines()
        except UnicodeDecodeError:
            lines = []
        if len(text) > _LONGEST or len(lines) != 1 or not lines[0] or "\0" in lines[0]:
            raise BadAddress(f"dbPasswordFile {path}: it must have one line, the password")
        return lines[0]


def placeOf(basedir: str) -> Place:
    """The place of the store of a directory. Raises L{BadAddress}."""
    tac = readTac(basedir)
    try:
        text, passwordFile = storeAddress(tac), storePasswordFile(tac)
    except Unusable as error:
        raise BadAddress(str(error)) from None
    return placeAt(basedir, text, passwordFile)


def serverOf(basedir: str) -> str:
    """The address of the server that has the store of a directory, for people; "" for a file."""
    try:
        server = placeOf(basedir).server
    except BadAddress:
        return ""
    return "" if server is None else server.shown()


def placeAt(basedir: str, text: str, passwordFile: str = "") -> Place:
    """The place with an address, for the master in a directory. Raises L{BadAddress}."""
    try:
        server = parse(text)
    except BadAddress as error:
        raise BadAddress(f"{TAC}: the address of the store (db) cannot be used: {error}") from None
    return Place(basedir, server, passwordFile if server is not None else "")


def _absolute(basedir: str, path: str) -> str:
    return os.path.join(basedir, os.path.expanduser(path))

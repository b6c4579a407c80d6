# -*- test-case-name: tests.unit.daemon.test_directory -*-
"""Check the directory of a buildmaster or a buildslave, and find out its kind.

This module changes, starts and executes nothing. It also has the names of the files in the directory.
"""

from __future__ import annotations

import ast
import errno
import os
import re
import stat
from enum import Enum

from buildbot.daemon.commandline import command
from buildbot.daemon.oserrors import inWords
from buildbot.files.plain import NotPlain, mustBePlain, readPlain

TAC = "buildbot.tac"
PID = "twistd.pid"
LOG = "twistd.log"
LOCK = "buildbot.lock"
SOCKET = "control.sock"
#: The directory of a process that only serves pages, in that of its master: with its lock, pid file and logs.
PAGES = "pages-only"
CONFIG = "master.cfg"
SAMPLE = "master.cfg.sample"


class Kind(Enum):
    """The kind of process that a directory's buildbot.tac runs. The value is the word for users."""

    MASTER = "buildmaster"
    SLAVE = "buildslave"
    OTHER = "buildbot"


class Unusable(Exception):
    """A directory cannot be used. The message is one line with the reason and the remedy."""


def enter(basedir: str, toWrite: bool = True) -> str:
    """Return the real path of a directory, after checking that this user can use it and that it has a
    buildbot.tac.

    @param toWrite: True to check that files can be written there.
    @raise Unusable: the directory is missing, is not a directory, is not accessible, or has no buildbot.tac.
    """
    here = os.path.realpath(basedir)
    try:
        mode = os.stat(here).st_mode
    except (FileNotFoundError, NotADirectoryError):
        line = f"there is no directory {here}: `{command('create-master', here)}` makes a master there"
        raise Unusable(line) from None
    except OSError as why:
        raise Unusable(f"cannot use {inWords(why)}") from None
    if not stat.S_ISDIR(mode):
        raise Unusable(f"{here} is not a directory: name the one that holds {TAC}")
    if not _mayUse(here, os.R_OK | os.X_OK):
        raise Unusable(closed(here))
    if toWrite and not _mayUse(here, os.W_OK):
        if _isReadOnly(here):
            raise Unusable(
                f"cannot use {here}: Read-only file system; a master or slave must be able to write there"
            )
        raise Unusable(closed(here))
    tac = os.path.join(here, TAC)
    try:
        os.stat(tac)
    except (FileNotFoundError, NotADirectoryError):
        line = f"no {TAC} in {here}: `{command('create-master', here)}` makes a master there"
        raise Unusable(line) from None
    except OSError as why:
        raise Unusable(f"cannot use {inWords(why)}") from None
    if not _mayUse(tac, os.R_OK):
        raise Unusable(closed(tac))
    try:
        mustBePlain(tac)
    except NotPlain as why:
        raise Unusable(f"cannot use {tac}: {why.strerror}") from None
    return here


def readTac(here: str) -> str:
    """The text of a directory's buildbot.tac; "" if it cannot be read."""
    try:
        with readPlain(os.path.join(here, TAC)) as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except OSError:
        return ""


def kindOf(tac: str) -> Kind:
    """The kind of process that a buildbot.tac runs, from the names that each release writes there."""
    if re.search(r"Application\(\s*['\"]buildmaster['\"]|\bbuildbot\.master\b", tac):
        return Kind.MASTER
    if re.search(r"Application\(\s*['\"]build(slave|bot-worker)['\"]|\bbuildbot(_worker|\.slave)\b", tac):
        return Kind.SLAVE
    return Kind.OTHER


def configFile(tac: str) -> str:
    """The name of the configuration file of a master with this buildbot.tac."""
    return namedConfigFile(tac) or CONFIG


def namedConfigFile(tac: str) -> str | None:
    """The name of the configuration file that a master's buildbot.tac sets; None without one."""
    return _setText(tac, "configfile")


def logsAsJSON(tac: str) -> bool:
    """True if a buildbot.tac sets C{logFormat = "json"}. Its log begins before it is executed."""
    return _setText(tac, "logFormat") == "json"


def storeAddress(tac: str) -> str:
    """The address of the store that a buildbot.tac sets (C{db}); "" without one.

    @raise Unusable: the file computes it, so that only running the file could tell.
    """
    return _plainText(tac, "db")


def storePasswordFile(tac: str) -> str:
    """The file with the password for L{storeAddress} (C{dbPasswordFile}). Else as L{storeAddress}."""
    return _plainText(tac, "dbPasswordFile")


def standsBy(tac: str) -> bool:
    """True if a buildbot.tac says C{standby = True}: its master waits while another one is active.

    @raise Unusable: it says something else than True or False, or computes it.
    """
    value = _plainValue(tac, "standby", "as True or False")
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Unusable(f"{TAC} says standby = {value!r}: it must be True or False")


def leaseOf(tac: str) -> float | None:
    """The seconds that a buildbot.tac sets as C{lease}; None without them.

    @raise Unusable: they are no number from 3 to 3600, or computed.
    """
    value = _plainValue(tac, "lease", "as a number of seconds")
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 3 <= value <= 3600:
        return float(value)
    raise Unusable(f"{TAC} says lease = {value!r}: it must be a number of seconds from 3 to 3600")


def pagesAddress(tac: str) -> str:
    """The address of its web server that a buildbot.tac sets (C{pagesAddress}), for processes with pages on
    other machines; "" without one.

    @raise Unusable: it is no address of HTTP, or computed.
    """
    value = _plainText(tac, "pagesAddress")
    if value and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value):
        raise Unusable(
            f"{TAC} says pagesAddress = {value!r}: it must be an address such as 'http://one.example.org:8010/'"
        )
    return value


def parsed(tac: str) -> ast.Module:
    """The statements of a buildbot.tac, whose text may be no UTF-8. Raises SyntaxError, ValueError."""
    return ast.parse(tac.encode("utf-8", "replace").decode())


def _plainText(tac: str, name: str) -> str:
    """The text that a buildbot.tac assigns to a name; "" without one. Raises L{Unusable} for other values."""
    value = _plainValue(tac, name, _QUOTED)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unusable(_UNREAD.format(name=name, how=_QUOTED))
    return value


_QUOTED = "as text in quotes"
_UNREAD = f"{TAC} must say {{name}} in one line, {{how}}: commands read that line, and do not run the file"


def _plainValue(tac: str, name: str, how: str) -> object:
    """The constant that a buildbot.tac assigns to a name; None without one.

    @raise Unusable: the file assigns no constant, or more than once.
    """
    try:
        tree = parsed(tac)
    except (SyntaxError, ValueError):
        return None
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and [target.id for target in node.targets if isinstance(target, ast.Name)] == [name]
    ]
    stored = [node for node in ast.walk(tree) if _stores(node, name)]
    value = values[0] if len(values) == 1 == len(stored) else None
    if not stored:
        return None
    if not isinstance(value, ast.Constant):
        raise Unusable(_UNREAD.format(name=name, how=how))
    return value.value


def _stores(node: ast.AST, name: str) -> bool:
    """True for each place of a program that gives a value to a name."""
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _setText(tac: str, name: str) -> str | None:
    """The text that a buildbot.tac assigns to a name; None if it does not, or computes it."""
    try:
        body = ast.parse(tac).body
    except (SyntaxError, ValueError):
        return None
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if name in names and isinstance(node.value.value, str):
                return node.value.value
    return None


def _mayUse(path: str, how: int) -> bool:
    return os.access(path, how, effective_ids=os.access in os.supports_effective_ids)


def _isReadOnly(path: str) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def closed(path: str) -> str:
    """The message about a file or directory that this user may not access."""
    return f"cannot use {inWords(PermissionError(errno.EACCES, os.strerror(errno.EACCES), path))}"

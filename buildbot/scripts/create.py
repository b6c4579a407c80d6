# -*- test-case-name: tests.unit.scripts.test_create -*-
"""The commands C{create-master} and C{create-slave}: make the directory of a master or slave.

They start nothing. Existing files are changed only with C{--force}.
"""

from __future__ import annotations

import io
import os
import platform
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress

import buildbot
from buildbot.daemon.directory import CONFIG, SAMPLE, TAC, Kind, kindOf, readTac
from buildbot.files.plain import openPlain, readPlain
from buildbot.scripts.output import CommandFailed, Config, basedir, command, say, setting

#: What libpq says if the server wants a password, and nobody has given one.
_UNSUPPLIED = "no password supplied"
#: The placeholders for passwords in the sample configuration.
_NO_PASSWORD = re.compile(r"\bchange-me(-too)?\b")

masterTAC = """\
# Run this with `buildbot start`. It may be edited.
import io
import os

from twisted.application import service

from buildbot.master import BuildMaster

basedir = os.path.dirname(os.path.abspath(__file__))
configfile = %(config)r
umask = None  # of the files that uploads make: 0o022 lets everybody read; None: private to this user
%(dbLines)s
# twistd.log is set aside at this many bytes (None: never), and this many old ones are kept.
rotateLength = %(rotateLength)r
maxRotatedFiles = %(log-count)r

application = service.Application('buildmaster')
BuildMaster(basedir, configfile).setServiceParent(application)
"""

slaveTAC = """\
# Run this with `buildbot start`. It may be edited; it holds a password.
import io
import os

from twisted.application import service

try:
    from buildbot_worker.bot import Worker
except ImportError as why:
    raise SystemExit(f"a slave needs buildbot-worker ({why}): pip install 'buildbot-classic[slave]'")

basedir = os.path.dirname(os.path.abspath(__file__))
buildmaster_host = %(host)r
port = %(port)r
slavename = %(name)r
passwd = %(passwd)r
keepalive = %(keepalive)r  # seconds; 0: never
umask = %(umaskText)s  # of the files that builds make; None: private to this user

# twistd.log is set aside at this many bytes (None: never), and this many old ones are kept.
rotateLength = %(rotateLength)r
maxRotatedFiles = %(log-count)r

application = service.Application('buildslave')
s = Worker(buildmaster_host, port, slavename, passwd, basedir, keepalive, umask=umask)
s.setServiceParent(application)
"""


def createMaster(config: Config) -> int:
    """Make a master's directory, and print the next commands. Returns the exit status, 0."""
    maker = Maker(config)
    name = setting(config, "config", str, CONFIG)
    checkForeign(maker.basedir, name)
    others = checkDatabase(maker) if config.get("db") else []
    maker.mkdir(Kind.MASTER)
    maker.makeTAC(masterTAC % tacValues(config))
    sample = sampleText()
    maker.sampleconfig(sample)
    if others:
        adviseStandby(maker, name, others[0])
        return 0
    text, passwords = withPasswords(sample)
    if not maker.write(name, text):
        passwords = []
    elif passwords:
        maker.say(f"{name} holds new passwords, for its slave and for sendchange.")
        if config.get("db"):
            maker.say(f"A second master on this store needs a copy of this {name}, not one of its own.")
    maker.say("Next:", *(f"  {line}" for line in nextCommands(maker.basedir, text, passwords)))
    return 0


def createSlave(config: Config) -> int:
    """Make a slave's directory, and print the next command. Returns the exit status, 0."""
    maker = Maker(config)
    maker.mkdir(Kind.SLAVE)
    maker.makeTAC(slaveTAC % tacValues(config))
    maker.mkinfo()
    maker.say("Next:", f"  {command('start', maker.basedir)}")
    return 0


def checkForeign(here: str, name: str) -> None:
    """Raise L{CommandFailed} if C{name} is a foreign file: outside the directory, and not a configuration."""
    path = os.path.realpath(os.path.join(here, name))
    if path.startswith(os.path.join(os.path.realpath(here), "")):
        return
    text = _read(path)
    if text is not None and "BuildmasterConfig" not in text:
        raise CommandFailed(f"{path} exists, and is not a configuration of a master: choose another name")


def adviseStandby(maker: Maker, name: str, other: str) -> None:
    """Print the next commands of a master whose store another one uses. It needs the file of that one."""
    path = os.path.join(maker.basedir, name)
    copy = [] if os.path.lexists(path) else [f"  copy {name} of that master to {path}"]
    maker.say(
        f"{other} uses this store: a master here can wait until that one is gone, and take over",
        *("Next:", *copy, f"  {command('start', '--standby', maker.basedir)}"),
        "or, for the pages alone:",
        f"  {command('start', '--pages-only', maker.basedir)}",
    )


def checkDatabase(maker: Maker) -> list[str]:
    """Say what the database of a new master has. Raises L{CommandFailed} if it cannot have the store.

    @return: the names of the other masters that use it or have used it, the active one first.
    """
    from buildbot.cluster.looking import mastersOf
    from buildbot.cluster.places import ACTIVE
    from buildbot.scripts.elsewhere import nameOf
    from buildbot.store.address import BadAddress  # most masters have a file
    from buildbot.store.direct import hasStore, held
    from buildbot.store.interface import StoreFailed
    from buildbot.store.place import placeAt, placeOf

    here = maker.basedir
    address, passwordFile = str(maker.config["db"]), str(maker.config.get("db-password-file") or "")
    try:
        place = placeAt(here, address, passwordFile)
        before = placeOf(here)
        if readTac(here) and before.server != place.server and not maker.force:
            raise CommandFailed(
                f"{os.path.join(here, TAC)} has another store, {before.shown}:"
                f" `{command('move-store', here, place.shown)}` moves it; --force makes this file anew"
            )
        if place.server is not None:
            maker.say(f"{place.shown} {held(place)}")
            if before.server is None and hasStore(here):
                maker.say(f"note: the store {before.path} is not used any more; `move-store` copies one")
        found = sorted(mastersOf(place), key=lambda each: each.state != ACTIVE)
        return [each.name for each in found if each.name != nameOf(here)]
    except (StoreFailed, BadAddress) as why:
        isBare = _UNSUPPLIED in str(why) and not passwordFile
        cure = ["--db-password-file names a file with the password"] if isBare else []
        raise CommandFailed(f"{why}", *cure, "nothing was made") from None


class Maker:
    """I make one directory and its files, all private to their owner, and print each action."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.basedir = basedir(config)
        self.force = bool(config.get("force"))

    def say(self, *lines: str) -> None:
        """Print lines for the user, unless C{--quiet} was given."""
        say(self.config, *lines)

    def mkdir(self, kind: Kind) -> None:
        """Make the directory and its missing parents, or use the existing directory.

        @raise CommandFailed: the path is in use for another kind of process, or is not a directory.
        """
        here = self.basedir
        if not os.path.lexists(here):
            made = missingAbove(here)
            os.makedirs(here, 0o700)
            self.say(*(f"made {path}" for path in (*made, here)))
            return
        if not os.path.isdir(here):
            raise CommandFailed(f"{here} exists, and is not a directory: choose another name")
        found = kindOf(readTac(here))
        if found not in (kind, Kind.OTHER):
            raise CommandFailed(f"{here} is a {found.value}'s directory: name another for a {kind.value}")
        self.say(f"kept {here}")
        if os.stat(here).st_mode & 0o077:
            self.say(f"note: other users can read it; `chmod 700 {here}` makes it private")

    def makeTAC(self, contents: str) -> None:
        """Write the buildbot.tac."""
        self.write(TAC, contents, self.force)

    def sampleconfig(self, contents: str) -> None:
        """Write the sample configuration."""
        self.write(SAMPLE, contents, self.force)

    def mkinfo(self) -> None:
        """Write the files with the slave's description of itself."""
        os.makedirs(os.path.join(self.basedir, "info"), 0o700, exist_ok=True)
        self.write(os.path.join("info", "admin"), "Please say here who looks after this slave\n")
        self.write(os.path.join("info", "host"), f"{platform.node()}: {platform.platform()}\n")

    def write(self, name: str, text: str, replace: bool = False) -> bool:
        """Write a file of the directory if it does not exist. Returns True if it was written.

        @param replace: also replace an existing file that differs.
        """
        path = os.path.join(self.basedir, name)
        old = _read(path)
        if old == text:
            self.say(f"kept {path}")
            return False
        if old is not None and not replace:
            self.say(f"kept {path}" if name not in (TAC, SAMPLE) else f"kept {path}: --force replaces it")
            return False
        # Write to a temporary name first: a full disk then never leaves half a file.
        new = f"{path}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            with open(openPlain(new, flags, follow=False), "w", encoding="utf-8") as stream:
                stream.write(text)
            os.replace(new, path)
        except OSError:
            with suppress(OSError):
                os.unlink(new)
            raise
        self.say(f"wrote {path}")
        return True


def missingAbove(path: str) -> list[str]:
    """The missing parent directories of a path, the outermost first."""
    missing: list[str] = []
    above = os.path.dirname(path)
    while not os.path.lexists(above):
        missing.insert(0, above)
        above = os.path.dirname(above)
    return missing


def tacValues(config: Config) -> Mapping[str, object]:
    """The values for the templates, from a command's options."""
    mask = config.get("umask")
    return {
        "config": CONFIG,
        "log-count": 10,
        **config,
        "rotateLength": None if config.get("no-logrotate") else config.get("log-size", 10_000_000),
        "dbLines": _dbLines(str(config.get("db") or ""), str(config.get("db-password-file") or "")),
        "umaskText": f"0o{mask:03o}" if isinstance(mask, int) else "None",
    }


def _dbLines(address: str, passwordFile: str) -> str:
    """The lines of a master's buildbot.tac about its store; "" for the file in the directory."""
    if not address:
        return ""
    lines = [f"db = {address!r}  # where changes, requests and builds are kept"]
    if passwordFile:
        lines.append(f"dbPasswordFile = {passwordFile!r}")
    return "\n{}\n".format("\n".join(lines))


def sampleText() -> str:
    """The sample configuration of this package. Raises L{CommandFailed} if it is missing."""
    scripts = os.path.dirname(os.path.abspath(__file__))
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(buildbot.__file__)))
    for place in (scripts, checkout):  # as installed, and as developed
        text = _read(os.path.join(place, SAMPLE))
        if text is not None:
            return text
    raise CommandFailed(f"this installation has no {SAMPLE}: install buildbot again")


def withPasswords(sample: str) -> tuple[str, list[str]]:
    """The sample with new passwords in place of the placeholders, and the list of these passwords."""
    passwords: list[str] = []

    def another(match: re.Match[str]) -> str:
        passwords.append(secrets.token_hex(10))
        return passwords[-1]

    return _NO_PASSWORD.sub(another, sample), passwords


def nextCommands(here: str, text: str, passwords: list[str]) -> list[str]:
    """The next commands: start the master, make a slave for it, start the slave.

    @param passwords: the passwords in the new file; empty if the file existed before.
    """
    name, password = "NAME", "PASSWORD"
    if passwords:
        found = re.search(rf"\(\s*(['\"])([^'\"]+)\1\s*,\s*['\"]{passwords[0]}['\"]", text)
        name, password = found.group(2) if found else name, passwords[0]
    port = re.search(r"slavePortnum['\"]\]\s*=\s*['\"]?(?:tcp:)?(\d+)", text) if passwords else None
    slave = f"{here}-slave"
    return [
        command("start", here),
        command("create-slave", slave, f"localhost:{port.group(1) if port else 'PORT'}", name, password),
        command("start", slave),
    ]


def _read(path: str) -> str | None:
    """The text of a file; None if it does not exist."""
    try:
        with readPlain(path) as stream:
            return io.TextIOWrapper(stream, "utf-8", "surrogateescape").read()
    except FileNotFoundError:
        return None

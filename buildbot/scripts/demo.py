# -*- test-case-name: tests.test_scripts_demo -*-
"""The command C{demo}: from nothing to a running master with a slave attached.

It does what a user would do with the other commands, says each, and leaves both processes running.
"""

from __future__ import annotations

import os
import random
import re
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors
from buildbot.daemon import asking, lock
from buildbot.daemon.place import CONFIG
from buildbot.scripts import create, startup, status, stop
from buildbot.scripts.options import MasterOptions, SlaveOptions
from buildbot.scripts.words import CommandFailed, Config, command, say

#: How many seconds the slave may take to attach.
_ATTACH = 30.0
_POLL = 0.05
#: Ports that systems do not give to outgoing connections: a slave that dials one of those while no
#: master listens there may be connected to itself.
_PORTS = range(15000, 32000)


@dataclass(frozen=True)
class Bot:
    """The slave that a configuration expects, and where."""

    name: str
    password: str
    port: int


def demo(config: Config) -> int:
    """Make and start a master and a slave, and show them. Returns the exit status.

    What is there and running already is left as it is, so that doing it twice does no harm.

    @raise CommandFailed: something went wrong; what this call has started has been stopped again.
    """
    if find_spec("buildbot_worker") is None:
        raise CommandFailed("the demo needs a slave: pip install 'buildbot-classic[slave]'")
    root = config.get("basedir") or tempfile.mkdtemp(prefix="buildbot-demo-")
    master, slave = os.path.join(str(root), "master"), os.path.join(str(root), "slave")
    undo: list[Callable[[], object]] = []
    try:
        bot = _makeMaster(config, master)
        _makeSlave(config, slave, bot)
        for here in (master, slave):
            _start(config, here, undo)
        say(config, "", f"waiting for slave {bot.name} to attach …")
        whenAttached(master, bot.name, _ATTACH, slave)
    except BaseException:
        for each in reversed(undo):
            each()
        raise
    say(config, "", f"$ {command('status', master)}")
    if not config.get("quiet"):
        status.status({"basedir": master})
    more = (("status", master, bot.name), ("stop", slave), ("stop", master))
    say(config, "", "Both go on running. To see what the slave did, and to stop them:")
    say(config, *(f"  {command(*words)}" for words in more))
    return 0


def _makeMaster(config: Config, here: str) -> Bot:
    path = os.path.join(here, CONFIG)
    fresh = not os.path.exists(path)
    _announce(config, "create-master", here)
    options = MasterOptions()
    options.parseOptions(["--quiet", "--", here])
    create.createMaster(options)
    if fresh:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
        port = freePort()
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(withPort(text, port))
        say(config, f"  (and in {path}, c['slavePortnum'] is now port {port} of this machine alone)")
    return expectedBot(path)


def _makeSlave(config: Config, here: str, bot: Bot) -> None:
    arguments = [here, f"localhost:{bot.port}", bot.name, bot.password]
    _announce(config, "create-slave", *arguments)
    options = SlaveOptions()
    options.parseOptions(["--quiet", "--", *arguments])
    create.createSlave(options)


def _start(config: Config, here: str, undo: list[Callable[[], object]]) -> None:
    _announce(config, "start", here)
    running = lock.holder(here)
    if running is not None:
        say(config, f"already running, {running}")
        return
    # Before it runs: being interrupted meanwhile must not leave it there.
    undo.append(lambda: stop.stop({"basedir": here, "quiet": True, "kill": True}))
    startup.start({"basedir": here, "quiet": config.get("quiet"), "verbose": config.get("verbose")})


def _announce(config: Config, *words: str) -> None:
    say(config, "", f"$ {command(*words)}")


def expectedBot(path: str) -> Bot:
    """The first slave of a configuration file. Raises L{CommandFailed} if none could connect."""
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    try:
        config = load(text, path, os.path.dirname(path))
    except ConfigErrors as why:
        raise CommandFailed(*map(str, why.errors)) from None
    ports = [int(number) for port in config.ports for number in re.findall(r"^tcp:(?:port=)?(\d+)", port)]
    if not config.slaves or not ports:
        raise CommandFailed(f"{path} has no slave in c['bots'], or no TCP port in c['slavePortnum']")
    slave = next(iter(config.slaves.values()))
    return Bot(slave.name, slave.password, ports[0])


def withPort(text: str, port: int) -> str:
    """A configuration with another port, of the loopback alone. Raises L{CommandFailed} if it has none."""
    setting = re.compile(r"^(\w+\[['\"]slavePortnum['\"]\]\s*=).*$", re.MULTILINE)
    changed, times = setting.subn(rf"\1 'tcp:{port}:interface=127.0.0.1'", text, count=1)
    if not times:
        raise CommandFailed("the sample of a configuration sets no c['slavePortnum']: install again")
    return changed


def freePort() -> int:
    """A port of the loopback that nobody listens on now."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def whenAttached(master: str, name: str, timeout: float, slave: str) -> None:
    """Wait until a slave is connected. Raises L{CommandFailed} if it is not in time, or has ended.

    @param slave: its directory.
    """
    giveUp = time.monotonic() + timeout
    while time.monotonic() < giveUp:
        try:
            said: Any = asking.ask(master, "status", timeout, slave=name)
        except (asking.NotRunning, asking.ControlError) as why:
            raise CommandFailed(f"the master went away: see {master}/twistd.log ({why})") from None
        if said["slaves"][0]["connected"]:
            return
        if lock.holder(slave) is None:
            raise CommandFailed(f"the slave has ended: see {slave}/twistd.log")
        time.sleep(_POLL)
    raise CommandFailed(f"slave {name} has not attached within {timeout:g} s: see {slave}/twistd.log")

# -*- test-case-name: tests.unit.scripts.test_demo -*-
"""The command C{demo}: make and start a master with a slave, and show a build of a change.

It uses the other commands, prints each one, and leaves both processes running.
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

from buildbot.changes.pb import PBChangeSource
from buildbot.config.load import load
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.control import client
from buildbot.daemon import lock
from buildbot.daemon.directory import CONFIG
from buildbot.schedulers.branches import Scheduler
from buildbot.scripts import builds, create, force, log, sendchange, startup, status, stop
from buildbot.scripts.buildoptions import SendChangeOptions
from buildbot.scripts.options import MasterOptions, SlaveOptions
from buildbot.scripts.output import CommandFailed, Config, command, say
from buildbot.web.service import WebStatus

#: The most seconds for the slave to attach.
_ATTACH = 30.0
#: The most seconds until the end of the build.
_BUILD = 60.0
_POLL = 0.05
#: Ports outside the range of outgoing connections. Otherwise a slave that dials the port while no master
#: listens may connect to itself.
_PORTS = range(15000, 32000)


@dataclass(frozen=True)
class Bot:
    """A slave of the configuration, and the port of its master.

    @ivar builder: a builder that uses the slave; None if there is none.
    @ivar auth: USER:PASSWORD for sending changes; None if no scheduler would build them.
    @ivar web: the port of the web pages; None if there is none.
    """

    name: str
    password: str
    port: int
    builder: str | None = None
    auth: str | None = None
    web: int | None = None


def demo(config: Config) -> int:
    """Make and start a master and a slave, and show them. Returns the exit status.

    Existing directories and running processes are kept, so repeating the demo is harmless.

    @raise CommandFailed: a step failed. The processes started by this call have been stopped.
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
        say(config, "", f"waiting for slave {bot.name} to connect …")
        whenAttached(master, bot.name, _ATTACH, slave)
    except BaseException:
        for each in reversed(undo):
            each()
        raise
    _show(config, status.status, {"basedir": master}, "status", master)
    more: list[tuple[str, ...]] = [("status", master, bot.name), ("stop", slave), ("stop", master)]
    if bot.builder is not None:
        _build(config, master, bot, bot.builder)
        more.insert(1, ("force", master, bot.builder))
    if bot.web is not None:
        say(config, "", f"The web pages of the master: http://localhost:{bot.web}/")
    say(config, "", "Master and slave keep running. To see the slave, to build again, and to stop them:")
    say(config, *(f"  {command(*words)}" for words in more))
    return 0


def _show(config: Config, do: Callable[[Config], int], options: Config, *words: str) -> None:
    """Announce a command that prints output, and run it."""
    _announce(config, *words)
    if not config.get("quiet"):
        do({**options, "quiet": config.get("quiet")})


def _build(config: Config, master: str, bot: Bot, builder: str) -> None:
    """Start a build, by a change if possible, and show the result."""
    before = _latest(master, builder)
    if bot.auth is not None:
        arguments = ["--master", f"localhost:{bot.port}", "--auth", bot.auth]
        arguments += ["--username", "you", "--comments", "Say hello", "hello.txt"]
        _announce(config, "sendchange", *arguments)
        options = SendChangeOptions()
        options.parseOptions(arguments)
        options["quiet"] = config.get("quiet")
        sendchange.sendchange(options)
    else:
        _announce(config, "force", master, builder)
        force.force({"basedir": master, "builder": builder, "quiet": True})
    say(config, "", f"waiting for {builder} to finish the build …")
    build = whenBuilt(master, builder, before, _BUILD)
    _show(config, builds.builds, {"basedir": master}, "builds", master)
    steps = [step for step in build["steps"] if step["logs"]]
    path = f"{builder}/{build['number']}" + (f"/{steps[0]['name']}" if steps else "")
    _show(config, log.log, {"basedir": master, "path": path}, "log", master, path)
    if build["result"] not in ("success", "warnings"):
        raise CommandFailed(f"the build ended with {build['result']}: see `{command('log', master, path)}`")


def _latest(master: str, builder: str) -> int:
    """The number of the newest build; -1 if there is none."""
    said: Any = _asked(master, "builds", builder=builder, count=1)
    return max([build["number"] for build in [*said["running"], *said["finished"]]], default=-1)


def whenBuilt(master: str, builder: str, before: int, timeout: float) -> dict[str, Any]:
    """Wait for the end of a build with a number above C{before}. Raises L{CommandFailed} after C{timeout}."""
    giveUp = time.monotonic() + timeout
    while True:
        said: Any = _asked(master, "builds", builder=builder, count=1)
        over = [build for build in said["finished"] if build["number"] > before]
        if over:
            whole: Any = _asked(master, "build", builder=builder, number=over[0]["number"])
            return dict(whole)
        if time.monotonic() > giveUp:
            break
        time.sleep(_POLL)
    why = "".join(f"; it waits: {each['why']}" for each in said["waiting"] if each["why"])
    raise CommandFailed(
        f"{builder} has not finished a build within {timeout:g} s{why}: see {master}/twistd.log"
    )


def _asked(master: str, verb: str, **params: object) -> object:
    """The master's answer. Raises L{CommandFailed} if the master does not answer."""
    try:
        return client.request(master, verb, params, _ATTACH)
    except (client.NotRunning, client.ControlError) as why:
        raise CommandFailed(f"the master has ended: see {master}/twistd.log ({why})") from None


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
        port, web = freePort(), freePort()
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(withWebPort(withPort(text, port), web))
        say(
            config,
            f"  (in {path}, c['slavePortnum'] is set to port {port}, and the web pages to port {web};",
            "  both are open to this machine only)",
        )
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
    # Added before the start, so that an interrupted start is undone, too.
    undo.append(lambda: stop.stop({"basedir": here, "quiet": True, "kill": True}))
    startup.start({"basedir": here, "quiet": config.get("quiet"), "verbose": config.get("verbose")})


def _announce(config: Config, *words: str) -> None:
    say(config, "", f"$ {command(*words)}")


def expectedBot(path: str) -> Bot:
    """The first slave of a configuration file. Raises L{CommandFailed} without a slave or a TCP port."""
    with open(path, encoding="utf-8") as stream:
        text = stream.read()
    try:
        config = load(text, path, os.path.dirname(path))
    except ConfigErrors as why:
        raise CommandFailed(*map(str, why.errors)) from None
    ports = [port for port in map(_tcpPort, config.ports) if port is not None]
    if not config.slaves or not ports:
        raise CommandFailed(f"{path} has no slave in c['bots'], or no TCP port in c['slavePortnum']")
    slave = next(iter(config.slaves.values()))
    builders = [name for name, _ in config.builderList(slave.name)]
    builder = builders[0] if builders else None
    return Bot(slave.name, slave.password, ports[0], builder, _auth(config, builder), _web(config))


def _web(config: MasterConfig) -> int | None:
    """The TCP port of the web pages; None if there is none."""
    servers = [each for each in config.status if isinstance(each, WebStatus)]
    found = [_tcpPort(each.http_port) for each in servers if each.http_port is not None]
    return next((port for port in found if port is not None), None)


def _tcpPort(description: str) -> int | None:
    """The port of a strports description; None if it is of another kind, or the port is chosen later."""
    match = re.match(r"tcp:(?:port=)?([1-9]\d*)", description)
    return None if match is None else int(match[1])


def _auth(config: MasterConfig, builder: str | None) -> str | None:
    """USER:PASSWORD for sending changes that the builder builds; None if that is not configured."""
    accounts = [
        f"{source.user}:{source.passwd}"
        for source in config.sources
        if isinstance(source, PBChangeSource) and source.port is None
    ]
    wanted = [
        scheduler
        for scheduler in config.schedulers
        if isinstance(scheduler, Scheduler)
        and scheduler.branch is None
        and builder in scheduler.listBuilderNames()
    ]
    return accounts[0] if accounts and wanted else None


def withPort(text: str, port: int) -> str:
    """The configuration with another port, on the loopback. Raises L{CommandFailed} if it sets no port."""
    setting = re.compile(r"^(\w+\[['\"]slavePortnum['\"]\]\s*=).*$", re.MULTILINE)
    changed, times = setting.subn(rf"\1 'tcp:{port}:interface=127.0.0.1'", text, count=1)
    if not times:
        raise CommandFailed("the sample configuration sets no c['slavePortnum']: install buildbot again")
    return changed


def withWebPort(text: str, port: int) -> str:
    """The configuration with another port of its web pages, if they are on the loopback."""
    return re.sub(r"tcp:\d+:interface=127\.0\.0\.1(?=\"\))", f"tcp:{port}:interface=127.0.0.1", text, count=1)


def freePort() -> int:
    """A free port of the loopback."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def whenAttached(master: str, name: str, timeout: float, slave: str) -> None:
    """Wait until a slave is connected. Raises L{CommandFailed} after C{timeout}, or if a process has ended.

    @param slave: the directory of the slave.
    """
    giveUp = time.monotonic() + timeout
    while time.monotonic() < giveUp:
        try:
            said: Any = client.ask(master, "status", timeout, slave=name)
        except (client.NotRunning, client.ControlError) as why:
            raise CommandFailed(f"the master has ended: see {master}/twistd.log ({why})") from None
        if said["slaves"][0]["connected"]:
            return
        if lock.holder(slave) is None:
            raise CommandFailed(f"the slave has ended: see {slave}/twistd.log")
        time.sleep(_POLL)
    raise CommandFailed(f"slave {name} has not connected within {timeout:g} s: see {slave}/twistd.log")

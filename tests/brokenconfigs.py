"""More than sixty invalid master.cfg files, each with its error's line and a part of the message.

Each is a valid file with one or two lines changed or added. All code that loads a configuration must refuse
all of them, with the same messages.
"""

from __future__ import annotations

from typing import NamedTuple

GOOD = (
    "from buildbot.process.factory import BuildFactory",
    "c = BuildmasterConfig = {}",
    "c['bots'] = [('b1', 'pw1'), ('b2', 'pw2')]",
    "c['slavePortnum'] = 9989",
    "c['builders'] = [",
    "    {'name': 'full', 'slavename': 'b1', 'builddir': 'full', 'factory': BuildFactory()},",
    "    {'name': 'quick', 'slavename': 'b2', 'builddir': 'quick', 'factory': BuildFactory()},",
    "]",
)
#: The number of the first line after the valid ones.
NEXT = len(GOOD) + 1


class Broken(NamedTuple):
    """A file, the line of the error (None: unknown), and a part of the message."""

    text: str
    line: int | None
    words: str


def changed(number: int, line: str, words: str, at: int | None = -1) -> Broken:
    """The valid file with one line changed; the error is there, or at line C{at}."""
    lines = list(GOOD)
    lines[number - 1] = line
    return Broken("\n".join(lines) + "\n", number if at == -1 else at, words)


def added(lines: str, words: str, at: int | None = NEXT) -> Broken:
    """The valid file with more lines at its end."""
    return Broken("\n".join((*GOOD, lines)) + "\n", at, words)


def builder(**entries: str) -> str:
    """The line of a third builder, with some entries (as Python text) changed, or removed if empty."""
    whole = {
        "name": "'third'",
        "slavename": "'b1'",
        "builddir": "'third'",
        "factory": "BuildFactory()",
        **entries,
    }
    pairs = ", ".join(f"{key!r}: {value}" for key, value in whole.items() if value)
    return f"c['builders'].append({{{pairs}}})"


def port(value: str, words: str) -> Broken:
    """The valid file with another port."""
    return changed(4, f"c['slavePortnum'] = {value}", words)


def bot(value: str, words: str) -> Broken:
    """The valid file with one more bot, in line 3."""
    return changed(3, f"c['bots'] = [('b1', 'pw1'), ('b2', 'pw2'), {value}]", words)


SCHEDULER = """
class Scheduler:
    def __init__(self, name, *builders):
        self.name, self.builders = name, builders
    def listBuilderNames(self):
        return list(self.builders)
"""
AFTER_SCHEDULER = NEXT + SCHEDULER.count("\n")

BROKEN = {
    # it does not run
    "unclosed bracket": changed(3, "c['bots'] = [('b1', 'pw1'), ('b2', 'pw2')", "never closed"),
    "python 2 print": added("print 'hello'", "Python 2"),
    "python 2 except": added("try:\n    pass\nexcept KeyError, error:\n    pass", "Python 2", NEXT + 2),
    "indentation": added("  x = 1", "IndentationError"),
    "null character": added("x = '\0'", "null character"),
    "typing error": added("f = BuildFactroy()", "did you mean 'BuildFactory'"),
    "unknown attribute": added("c.updtae({})", "did you mean 'update'"),
    "unknown import": added("import no_such_module", "No module named 'no_such_module'"),
    "unknown name in a module": added(
        "from buildbot.process.factory import BuildFactroy", "did you mean 'BuildFactory'"
    ),
    "a later Buildbot's module": added("from buildbot.www import auth", "not in this release"),
    "a missing key": added("c['nothing']['there']", "KeyError: 'nothing'"),
    "division": added("1 / 0", "ZeroDivisionError"),
    "assertion": added("assert False", "AssertionError"),
    "exit": added("import sys; sys.exit(3)", "sys.exit(3)"),
    "quiet exit": added("raise SystemExit", "SystemExit"),
    "interrupt": added("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "recursion": added("def f():\n    f()\nf()", "RecursionError", NEXT + 1),
    "memory": added("x = [0] * 10 ** 16", "MemoryError"),
    "an error that cannot be shown": added(
        "class Odd(Exception):\n    def __str__(self):\n        1 / 0\nraise Odd", "Odd: ", NEXT + 3
    ),
    "a base exception": added("raise BaseException('out')", "BaseException: out"),
    "no such file": added("open('no/such/file')", "FileNotFoundError"),
    "wrong step argument": added(
        "from buildbot.steps.shell import ShellCommand\nBuildFactory().addStep(ShellCommand, comand='ls')",
        "takes no argument comand",
        NEXT + 1,
    ),
    "no password file": added(
        "from buildbot.config.secrets import passwordFromFile\n"
        "c['bots'].append(('b3', passwordFromFile('no.such.file')))",
        "No such file",
        NEXT + 1,
    ),
    # the dictionary
    "empty": Broken("", None, "BuildmasterConfig is not defined"),
    "misspelt dictionary": Broken("c = BuildMasterConfig = {}\n", None, "did you mean 'BuildMasterConfig'"),
    "no dictionary": Broken("c = BuildmasterConfig = []\n", None, "must be a dict"),
    "no bots": changed(3, "", "must define 'bots'", None),
    "no port": changed(4, "", "must define 'slavePortnum'", None),
    "no builders": added("del c['builders']", "must define 'builders'", None),
    "bots no list": changed(3, "c['bots'] = {'b1': 'pw1', 'b2': 'pw2'}", "c['bots'] must be a list"),
    "builders no list": added("c['builders'] = None", "c['builders'] must be a list"),
    "status no list": added("c['status'] = object()", "c['status'] must be a list"),
    "title no text": added("c['projectName'] = 7", "c['projectName'] must be text"),
    "URL that UTF-8 does not know": added("c['projectURL'] = '\\udcff'", "UTF-8"),
    # bots
    "bot no pair": bot(
        "('b3',)", "bot 3 must be (name, password) or (name, password, {options}), not a tuple of 1"
    ),
    "bot of four": added("c['bots'].append(('b3', 'pw', {}, 1))", "not a tuple of 4"),
    "bot that is added": added("c['bots'] += [('b3', 7)]", "bot 'b3': the password must be text"),
    "bot of a loop": added(
        "for n in '34':\n    c['bots'].append(('b' + n, n))\nc['bots'].append((5, 'x'))",
        "must have text as its name",
        NEXT + 2,
    ),
    "bots that are one bot": added("c['bots'] = ('b1', 'pw')", "must be a list of bots, not one bot"),
    "bot of a later Buildbot": bot("object()", "bot 3 must be (name, password)"),
    "bot without a text name": bot("(7, 'pw')", "must have text as its name"),
    "bot without a name": bot("('', 'pw')", "name that is empty"),
    "bot with a control character": bot("('b\\n3', 'pw')", "control characters"),
    "bot called change": bot("('change', 'pw')", "reserved name"),
    "bot called statusClient": bot("('statusClient', 'pw')", "reserved name"),
    "duplicate bot": bot("('b1', 'pw')", "duplicate bot 'b1'"),
    "empty password": bot("('b3', '')", "password is empty"),
    "no password": bot("('b3', None)", "password must be text"),
    "bytes for a password": bot("('b3', b'pw')", "password must be text"),
    "options no dictionary": bot("('b3', 'pw', 60)", "options must be a dict"),
    "unknown option": bot("('b3', 'pw', {'keep_alive': 60})", "did you mean 'keepalive'"),
    "keepalive of nothing": bot("('b3', 'pw', {'keepalive': 0})", "keepalive must be a number"),
    # ports
    "port too large": port("99899", "from 1 to 65535"),
    "port below zero": port("-1", "0 is any that is free"),
    "port no number": port("None", "a port is a number or a text"),
    "port misspelt": port("'tpc:9989'", "did you mean 'tcp'"),
    "port without a number": port("'tcp:interface=127.0.0.1'", "names no port"),
    "port with an unknown argument": port("'tcp:9989:iface=lo'", "no argument 'iface'"),
    "no port in the list": port("[]", "empty list"),
    "one port twice": port("[9989, 'tcp:port=9989']", "are the same port"),
    # builders
    "builder a tuple": added("c['builders'].append(('third', 'b1', 'third', BuildFactory()))", "with a dict"),
    "builder None": added("c['builders'].append(None)", "must be a dict, not None"),
    "builder in a variable": added("b = {'name': 'x'}\nc['builders'].append(b)", "lacks 'factory'"),
    "builder without a name to see": added(builder(name="' '"), "name that is empty"),
    "builder without a factory": added(builder(factory=""), "lacks 'factory'"),
    "builder without a slave": added(builder(slavename=""), "lacks 'slavename'"),
    "builder with an unknown key": added(builder(catgory="'x'"), "did you mean 'category'"),
    "builder with a timer of its own": added(builder(periodicBuildTime="60"), "Periodic"),
    "undefined slave": added(builder(slavename="'b3'"), "known slaves: b1, b2"),
    "slavenames no list": added(builder(slavename="", slavenames="'b1'"), "'slavenames' must be a list"),
    "duplicate builder": added(builder(name="'full'"), "duplicate builder name 'full'"),
    "duplicate builddir": added(builder(builddir="'x/../full'"), "reuses builddir"),
    "builddir elsewhere": added(builder(builddir="'../full'"), "leads out of"),
    "builddir of the whole disk": added(builder(builddir="'/'"), "the whole disk"),
    "builddir of a drive": added(builder(builddir="'C:full'"), "names a drive, and no place on it"),
    "builddir of nobody": added(builder(builddir="'~full'"), "begins with ~"),
    "builddir too long": added(builder(builddir="'x' * 300"), "a part of more than 255 bytes"),
    "builddir with a part too long": added(
        builder(builddir="'a/' + 'ü' * 128 + '/b'"), "more than 255 bytes"
    ),
    "builddir far too long": added(builder(builddir="'x/' * 600"), "is longer than 1024 bytes"),
    "builddir with a null character": added(builder(builddir="'a\\0b'"), "control characters"),
    "builddir of the slave itself": added(builder(builddir="'Info'"), "keeps something of its own"),
    "builder with a long name": added(
        builder(name="'x' * 300"), "builder 3 has a name that is longer than 255"
    ),
    "reserved builder": added(builder(name="'_third'"), "underscore"),
    "factory a class": added(builder(factory="BuildFactory"), "make one with BuildFactory()"),
    "factory missing": added(builder(factory="None"), "must be a BuildFactory"),
    "no lock": added(builder(locks="[object()]"), "is not a lock"),
    "too many builders": added(
        "c['builders'] += [dict(c['builders'][0], name='n%d' % i, builddir='d%d' % i) for i in range(1000)]",
        "1001 builders",
        5,
    ),
    # plug-ins
    "scheduler for an unknown builder": added(
        f"{SCHEDULER}c['schedulers'] = [Scheduler('all', 'fulll')]", "did you mean 'full'", AFTER_SCHEDULER
    ),
    "duplicate scheduler": added(
        f"{SCHEDULER}c['schedulers'] = [Scheduler('all', 'full'), Scheduler('all')]",
        "duplicate scheduler name 'all'",
        AFTER_SCHEDULER,
    ),
    "scheduler that is added": added(
        "from buildbot.scheduler import Periodic\nc['schedulers'] = []\n"
        "for n in range(3):\n    c['schedulers'].append(\n        Periodic('p%d' % n, ['fulll'], 60))",
        "scheduler 'p0' uses unknown builder 'fulll'",
        NEXT + 4,
    ),
    "scheduler a class": added(f"{SCHEDULER}c['schedulers'] = [Scheduler]", "is the class", AFTER_SCHEDULER),
    "scheduler that breaks": added("c['schedulers'] = [object()]", "does not say which builders"),
    "status a text": added("c['status'] = ['html']", "cannot be a str"),
}

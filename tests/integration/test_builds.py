# -*- test-case-name: tests.integration.test_builds -*-
"""One change is built on real slaves of every generation, with non-ASCII text wherever possible.

test_build_losses has builds whose slave or master goes away.
"""

from __future__ import annotations

import base64
import codecs
import hashlib
import os
import random
import re
from typing import Any, NamedTuple

from tests.integration.generations import GENERATIONS, OLD_SLAVE, OLD_WORKER, SLAVE, WORKER, Generation
from tests.integration.masters import MasterTestCase, loopback
from tests.integration.processes import Child, LogFile, environment
from tests.integration.slaves import together

BRANCH = "zweig/größe-☃"
AUTHOR = "Zoë Ångström <zoë@example.org>"
COMMENT = "Grüße aus Ελλάδα\nзначит: \U0001f40d 'quotes' \"and\" $dollars\\"
CHANGED = ["src/größe.c", "doc/☃ mit Leerzeichen.txt"]
ARGUMENT = "Ärger mit $HOME, `ticks` und \U0001f40d"
PROPERTY = "Eigenschaft ß"
FILE = "zufällig ☃.bin"


#: Output as old programs write it: Latin-1, a split character, no final newline.
PLAIN = "ganz in UTF-8: ☃ \U0001f40d\n".encode()
RAW = (
    PLAIN
    + "nicht in UTF-8: Größe\n".encode("latin-1")
    + bytes(range(128, 256)) + b"\n"
    + b"0%\r50%\r100%\r\n"
    + b"\x00\x1b[1mfett\x1b[0m\t\xe2\x98"
)  # fmt: skip

#: Files of the master.
CONTENTS = {"raw": RAW, "plain": PLAIN}


class Difference(NamedTuple):
    """The values in C{CONFIG} that differ between generations."""

    compress: str | None  # how a directory is uploaded
    upload: str  # the name of C{FILE} in its upload
    directory: str  # another uploaded file; also the directory of a watched log
    environment: str
    watched: str  # the master's file that is written into the watched log


#: Worker 0.9.15 on Python 2 decodes all received text, but its Python needs it encoded: it cannot write
#: environments and names of uploaded files that are not ASCII, with any master. A watched log that is not
#: UTF-8 makes it hang.
DIFFERENCES = {
    OLD_SLAVE: Difference(None, "☃ zurück.bin", "bäume", "Umgebung: ñ → ☃", "raw"),
    SLAVE: Difference("gz", "☃ zurück.bin", "bäume", "Umgebung: ñ → ☃", "raw"),
    OLD_WORKER: Difference("bz2", "back.bin", "trees", "ASCII", "plain"),
    WORKER: Difference("gz", "☃ zurück.bin", "bäume", "Umgebung: ñ → ☃", "raw"),
}

#: The output of worker 4.3.0, with its default configuration: see docs/wire.
_WORKER_NEWLINE = re.compile(r"\r\n|\r(?=.)|\033\[u|\033\[[0-9]+;[0-9]+[Hf]|\033\[2J|\x08+")

#: The log line of worker 0.9.15 on Python 2 instead of a command that is not ASCII; it raises nothing.
_UNWRITABLE = re.compile(
    r"<unicode instance at \S+ with str error:\n(?:\t .*\n)+?.*UnicodeEncodeError.*\n\t>"
)

#: The rest of C{master.cfg}. Before it, C{given} is defined: a dictionary of the values that differ between
#: tests.
CONFIG = r"""
from buildbot.changes.pb import PBChangeSource
from buildbot.locks import MasterLock, SlaveLock
from buildbot.process.factory import BuildFactory, s
from buildbot.scheduler import Scheduler
from buildbot.steps.shell import SetProperty, ShellCommand, WithProperties
from buildbot.steps.transfer import DirectoryUpload, FileDownload, FileUpload

c = BuildmasterConfig = {}
c['slavePortnum'] = given['port']
c['bots'] = [(name, 'sesame', {'properties': {'eigen': given['property']}}) for name in given['slaves']]
c['sources'] = [PBChangeSource()]
c['status'] = []
oneAtATime = MasterLock('one at a time')
here = SlaveLock('here', maxCount=1)


class Tell(ShellCommand):
    def start(self):
        (change,) = self.build.allChanges()
        said = [self.getProperty('branch'), change.who, change.comments, *change.files]
        self.setCommand(['sh', '-c', 'printf "%s|" "$@" "$GREETING"', 'sh', *said, *self.command])
        return ShellCommand.start(self)


def factory(compress, upload, directory, environment, watched):
    file, log, quiet = given['file'], directory + '.log', {'usePTY': False}
    f = BuildFactory([s(Tell, name='tell', command=[given['argument'], WithProperties('%(eigen)s')],
                        env={'GREETING': environment}, **quiet)])
    f.addStep(FileDownload(name='raw', mastersrc='raw', slavedest='raw'))
    f.addStep(ShellCommand(name='cat', command='cat raw; sleep 0.1; cat raw >&2', **quiet))
    f.addStep(FileDownload(name='download', mastersrc=file, slavedest=file, blocksize=64 * 1024))
    f.addStep(SetProperty(name='sum', property='sum', command=['sha256sum', file], **quiet))
    f.addStep(ShellCommand, name='flood', command=['base64', file], **quiet)
    f.addStep(ShellCommand, name='plant',
              command=['sh', '-c', 'mkdir -p "$1/deep"; mv "$2" "$3"; cp "$3" "$1/deep/$2"; echo x > "$1/$4"',
                       'sh', directory, file, upload, given['argument'][:5]], **quiet)
    f.addStep(FileUpload(name='upload', slavesrc=upload,
                         masterdest=WithProperties('uploads/%s/' + file, 'slavename')))
    f.addStep(DirectoryUpload(name='directory', slavesrc=directory, compress=compress,
                              masterdest=WithProperties('trees/%(slavename)s')))
    f.addStep(ShellCommand, name='exclusive', locks=[oneAtATime],
              command=['sh', '-c', 'echo in >> "$1"; sleep 0.2; echo out >> "$1"', 'sh', given['witness']],
              **quiet)
    f.addStep(FileDownload(name='watched', mastersrc=watched, slavedest='watched'))
    f.addStep(ShellCommand, name='watch', logfiles={'wächter': log},
              command=['sh', '-c', 'cat watched watched > "$1"; echo done', 'sh', log], **quiet)
    return f


c['builders'] = [
    {'name': 'größe-' + name, 'slavename': name, 'builddir': name, 'factory': factory(*how), 'locks': [here]}
    for name, how in given['slaves'].items()
]
c['schedulers'] = [Scheduler('alle', given['branch'], 0.5, [each['name'] for each in c['builders']])]
"""


def asSent(generation: Generation, output: bytes) -> bytes:
    """The data that a slave of this generation sends when a command has written C{output}.

    Slaves up to 0.8 send the bytes; workers decode them; the newest ones also split them into lines.
    """
    if generation in (OLD_SLAVE, SLAVE):
        return output
    # Their decoder does not see the end of the output, so it drops a split character.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(output)
    if generation is WORKER:
        text = _WORKER_NEWLINE.sub("\n", text)
        text += "" if text.endswith("\n") else "\n"
    return text.encode("utf-8")


class Builds(MasterTestCase):
    """One change, four builders, four generations."""

    async def makeReady(self) -> None:
        """Start a master with a slave of each generation, and one builder each."""
        await super().makeReady()
        self.payload = random.Random(3).randbytes(1024 * 1024)
        self.witness = os.path.join(self.directory, "witness")
        self.master = await self.createMaster()
        given: dict[str, Any] = {
            "port": loopback(self.master.port),
            "slaves": {generation.name: tuple(how) for generation, how in DIFFERENCES.items()},
            "branch": BRANCH,
            "argument": ARGUMENT,
            "property": PROPERTY,
            "file": FILE,
            "witness": self.witness,
        }
        self.master.write(f"given = {given!r}\n{CONFIG}")
        for name, content in ((FILE, self.payload), *CONTENTS.items()):
            with open(os.path.join(self.master.basedir, name), "wb") as stream:
                stream.write(content)
        await self.master.start()
        self.slaves = await self.startSlaves(
            self.master.port, [(generation, generation.name, "sesame") for generation in GENERATIONS]
        )
        await self.master.whenConnected(*self.slaves)

    async def test_oneChangeFourGenerations(self) -> None:
        """A change sent by C{buildbot sendchange}, ours and then those of 0.7.12 and 0.8.14, is built on four
        generations. Files of 1 MB are transferred both ways unchanged, the logs have each slave's exact bytes
        in any encoding, and there is no traceback (G5, A2).
        """
        words = (
            f"--master=127.0.0.1:{self.master.port}",
            f"--branch={BRANCH}",
            f"--comments={COMMENT}",
            "--revision=1234",
        )
        sent = await self.master.run("sendchange", f"--username={AUTHOR}", *words, *CHANGED)
        self.assertEqual(sent.status, 0, sent.words)
        await self.assertAllBuilt(0)

        await self.sendWith(OLD_SLAVE, f"--username={AUTHOR}", *words, *CHANGED)
        await self.assertAllBuilt(1)

        await self.sendWith(SLAVE, f"--who={AUTHOR}", "--property=sort:Größe", *words, *CHANGED)
        await self.assertAllBuilt(2)
        for generation in GENERATIONS:
            build = await self.master.whenFinished(f"größe-{generation.name}", 2)
            self.assertEqual(build["properties"]["sort"], "Größe", generation.name)

        self.assertEqual(LogFile(self.witness).text().split(), ["in", "out"] * 3 * len(GENERATIONS))
        status = await self.master.ask("status")
        self.assertEqual((status["master"]["running"], status["master"]["waiting"]), ([], []))
        self.assertEqual({slave["running"] for slave in status["slaves"]}, {0})
        for log in (self.master, *self.slaves.values()):
            self.assertNotIn("Traceback", _UNWRITABLE.sub("", log.text()), log.path)

    async def sendWith(self, generation: Generation, *words: str) -> None:
        """Run C{buildbot sendchange} of that generation with these arguments; check that it reports
        success.
        """
        command = self.installed[generation].command("buildbot", "sendchange", *words)
        output = f"{self.directory}/client-{generation.name}"
        client = Child(self, command, self.directory, environment(self.directory), output)
        self.assertEqual(await client.whenEnded(), 0, client.stderr())

    async def assertAllBuilt(self, number: int) -> None:
        """Check that the builds of this number succeeded on all generations."""
        rows = await together(self.assertBuilt(generation, number) for generation in GENERATIONS)
        self.tell("generation", "build", "steps", "seconds", "bytes of logs", rows=rows)

    async def assertBuilt(self, generation: Generation, number: int) -> tuple[object, ...]:
        """Check that one build on the slave of this generation succeeded; return its figures."""
        name, how = generation.name, DIFFERENCES[generation]
        build = await self.master.whenFinished(f"größe-{name}", number)
        steps = {step["name"]: step["result"] for step in build["steps"]}
        self.assertEqual((build["result"], set(steps.values())), ("success", {"success"}), build)
        self.assertEqual((build["branch"], build["changes"], build["slave"]), (BRANCH, [number + 1], name))

        watched = CONTENTS[how.watched]
        words = (BRANCH, AUTHOR, COMMENT, *CHANGED, ARGUMENT, PROPERTY, how.environment)
        told = "".join(f"{word}|" for word in words).encode()
        self.assertLog(build, "tell", {0: asSent(generation, told), 1: b""})
        self.assertLog(build, "cat", {0: asSent(generation, RAW), 1: asSent(generation, RAW)})
        self.assertLog(build, "flood", {0: base64.encodebytes(self.payload), 1: b""})
        self.assertLog(build, "watch", {0: asSent(generation, watched * 2), 1: b"", 2: b""}, "wächter")
        self.assertLog(build, "watch", {0: b"done\n", 1: b""})
        self.assertEqual(build["properties"]["sum"][:64], hashlib.sha256(self.payload).hexdigest(), name)

        trees = os.path.join(self.master.basedir, "trees", name)
        for path in (f"{self.master.basedir}/uploads/{name}/{FILE}", f"{trees}/deep/{FILE}"):
            with open(path, "rb") as stream:
                self.assertEqual(stream.read(), self.payload, path)
        self.assertEqual(set(os.listdir(trees)), {"deep", ARGUMENT[:5]})
        length = sum(log["length"] for step in build["steps"] for log in step["logs"])
        seconds = build["finished"] - build["started"]
        return (name, build["result"], len(steps), f"{seconds:.1f}", length)

    def assertLog(
        self, build: dict[str, Any], step: str, wanted: dict[int, bytes], log: str = "stdio"
    ) -> None:
        """Check that a log of a build has exactly this in these channels."""
        written = self.master.output(build, step, log)
        output = {channel: written[channel] for channel in wanted}
        self.assertEqual(output, wanted, (build["slave"], step, log))

"""Files between slave and master: complete or not at all, and only in their place."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial import unittest

from buildbot.files.partial import Partials
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SUCCESS
from buildbot.steps import files, transfer
from buildbot.steps.transfer import DirectoryUpload, FileDownload, FileUpload, FileWriter
from buildbot.steps.unpack import BadArchive, Order, unpack
from tests.stepping import NEWEST, Running, StepCase

RANDOM = bytes(range(256)) * 300


class ArgumentTests(unittest.TestCase):
    """The arguments of transfers."""

    def test_arguments(self) -> None:
        """A transfer has a file on each side, and limits."""
        up = FileUpload(slavesrc="a", masterdest="b", maxsize=10, mode=0o644, haltOnFailure=True)
        self.assertEqual((up.slavesrc, up.masterdest, up.workdir, up.maxsize), ("a", "b", "build", 10))
        self.assertEqual((up.blocksize, up.mode, up.haltOnFailure), (16384, 0o644, True))
        down = FileDownload(mastersrc="a", slavedest="b", workdir="w")
        self.assertEqual(
            (down.mastersrc, down.slavedest, down.workdir, down.name), ("a", "b", "w", "download")
        )

    def test_incomplete(self) -> None:
        """A transfer without a file, or with an unknown argument, is refused."""
        self.assertRaises(TypeError, FileUpload, slavesrc="a")
        self.assertRaises(TypeError, FileDownload, mastersrc="a", slavedest="b", maxsise=1)
        self.assertRaises(ValueError, DirectoryUpload, slavesrc="a", masterdest="b", compress="zip")


class TransferCase(StepCase):
    """A master's directory that may contain one file besides its logs."""

    def path(self, *names: str) -> str:
        return os.path.join(self.basedir, *names)

    def write(self, name: str, content: bytes) -> str:
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def read(self, *names: str) -> bytes:
        with open(self.path(*names), "rb") as file:
            return file.read()

    def files(self, *names: str) -> list[str]:
        return sorted(name for name in os.listdir(self.path(*names)) if name != "logs")


class UploadTests(TransferCase):
    """A file from the slave to the master."""

    def upload(self, masterdest: str = "there", **kw: Any) -> Running:
        return self.begin(FileUpload(slavesrc="here", masterdest=masterdest, **kw))

    def test_upload(self) -> None:
        """The file arrives unchanged, and takes its place when the slave reports success."""
        running = self.upload()
        writer = running.command.args["writer"]
        for at in range(0, len(RANDOM), 16384):
            self.assertIsNone(writer.remote_write(RANDOM[at : at + 16384]))
        writer.remote_close()
        self.assertFalse(os.path.exists(self.path("there")))
        running.command.end()
        self.assertEqual((running.result, self.files(), self.read("there")), (SUCCESS, ["there"], RANDOM))
        self.assertEqual(running.step.getText(), ["uploading", "here"])

    def test_sent(self) -> None:
        """The file is named in the words of slaves or workers, and blocks fit on the wire."""
        args = self.upload(maxsize=7, blocksize=10**9, keepstamp=True).command.args
        self.assertIsInstance(args.pop("writer"), transfer.FileWriter)
        told = {"slavesrc": "here", "workersrc": "here", "workdir": "build", "maxsize": 7, "keepstamp": True}
        self.assertEqual(args, {**told, "blocksize": transfer.LARGEST_BLOCK})

    def test_noted(self) -> None:
        """H9: while a file is incomplete, the next process would find a note of it; not afterwards."""
        partials = Partials(self.path("partials"))
        ends: tuple[Callable[[FileWriter], object], ...] = (
            lambda writer: self.successResultOf(ensureDeferred(writer.keep())),
            FileWriter.discard,
        )
        for end in ends:
            writer = FileWriter(self.path("there"), partials=partials)
            writer.remote_write(b"x")
            (note,) = self.files("partials")
            self.assertIn(note, self.files())
            writer.remote_close()
            end(writer)
            self.assertEqual((self.files("partials"), self.read("there")), ([], b"x"))

    def test_replaced(self) -> None:
        """An existing file is replaced only after success; if it is a link, the link's target is."""
        self.write("old", b"old")
        os.symlink("old", self.path("there"))
        for rc, content in ((1, b"old"), (0, b"new")):
            running = self.upload()
            running.command.args["writer"].remote_write(b"new")
            running.command.args["writer"].remote_close()
            running.command.end(rc)
            self.assertEqual((self.read("there"), self.read("old")), (content, content))
            self.assertEqual(self.files(), ["old", "there"])

    def test_modeAndTimes(self) -> None:
        """The copy has the requested mode from the start, and the times of the original."""
        running = self.upload(mode=0o640, keepstamp=True)
        (temporary,) = self.files()
        self.assertEqual(os.stat(self.path(temporary)).st_mode & 0o777, 0o600)
        writer = running.command.args["writer"]
        writer.remote_write(b"x")
        writer.remote_close()
        writer.remote_utime((1000.0, 2000.0))
        running.command.end()
        there = os.stat(self.path("there"))
        self.assertEqual((there.st_mode & 0o777, there.st_atime, there.st_mtime), (0o640, 1000.0, 2000.0))

    def test_paths(self) -> None:
        """The master's path may be in a new directory, in one's home, or contain properties."""
        self.patch(os, "environ", {**os.environ, "HOME": self.basedir})
        named = WithProperties("to-%(branch)s")
        for dest, names in (("a/b/c", ("a", "b", "c")), ("~/d", ("d",)), (named, ("to-trunk",))):
            running = self.begin(FileUpload(slavesrc=named, masterdest=dest))
            self.assertEqual(running.command.args["slavesrc"], "to-trunk")
            running.command.args["writer"].remote_write(b"x")
            running.command.args["writer"].remote_close()
            running.command.end()
            self.assertEqual(self.read(*names), b"x")

    def test_refusedBySlave(self) -> None:
        """The slave's error is in a log, and no file is left."""
        running = self.upload()
        running.command.args["writer"].remote_close()
        running.command.end(1, stderr=b"Cannot open file 'here' for upload")
        self.assertEqual((running.result, self.files()), (FAILURE, []))
        self.assertEqual(running.log("stderr"), "Cannot open file 'here' for upload\n")
        self.assertEqual(running.step.getText(), ["uploading", "here", "failed"])

    def test_brokenOnSlave(self) -> None:
        """A command that ends with an error of the slave fails, and no file is left."""
        running = self.upload()
        running.command.args["writer"].remote_close()
        running.command.update(rc=0)
        running.command.complete("exceptions.OSError: no")
        self.assertEqual((running.result, self.files()), (FAILURE, []))
        self.assertIn("OSError: no", running.log("stderr"))

    def test_interruptedOnOldSlaves(self) -> None:
        """An interrupted transfer of a 0.7 slave, which ends without an exit status, has failed."""
        running = self.upload()
        running.command.args["writer"].remote_write(b"half")
        running.build.stopBuild("enough")
        self.assertEqual(running.command.interrupted, "enough")
        running.command.args["writer"].remote_close()
        running.command.complete()
        self.assertEqual((running.result, self.files()), (FAILURE, []))

    def test_notClosed(self) -> None:
        """A file without its end does not take its place."""
        running = self.upload()
        running.command.args["writer"].remote_write(b"half")
        running.command.end(0)
        self.assertEqual((running.result, self.files()), (FAILURE, []))
        self.assertIn("did not send the whole file", running.log("stderr"))

    def test_lost(self) -> None:
        """B1: if the slave is lost, no file is left, and late pieces are dropped (B4)."""
        running = self.upload()
        writer = running.command.args["writer"]
        writer.remote_write(b"half")
        running.build.lostRemote()
        self.assertEqual((running.build.results, self.files()), (RETRY, []))
        for late in (writer.remote_write(b"late"), writer.remote_close(), writer.remote_utime((1, 1))):
            self.assertIsNone(late)
        self.assertEqual(self.files(), [])

    def test_masterCannot(self) -> None:
        """P4: on a full disk the transfer is stopped, and fails with the reason; the slave gets no error."""
        running = self.upload()
        writer = running.command.args["writer"]
        writer._file.close()
        writer._file = FullDisk()
        self.assertEqual([writer.remote_write(b"x"), writer.remote_write(b"y")], [None, None])
        self.assertEqual(running.command.interrupted, "the master cannot continue the transfer")
        writer.remote_close()
        running.command.end(0)
        self.assertEqual((running.result, self.files()), (FAILURE, []))
        self.assertEqual(running.log("stderr"), f"{self.path('there')}: No space left on device\n")

    def test_nowhere(self) -> None:
        """If the path is a directory, a pipe, or below a file, nothing is sent or changed."""
        self.write("file", b"x")
        os.mkdir(self.path("directory"))
        os.mkfifo(self.path("pipe"))
        for dest in ("directory", "pipe", "file/x"):
            running = self.upload(dest)
            self.assertEqual((running.result, running.sent), (FAILURE, []))
            self.assertIn(dest, running.log("stderr"))
        self.assertEqual(self.files(), ["directory", "file", "pipe"])

    def test_cut(self) -> None:
        """0.7.5, row 7: of a file longer than maxsize the beginning is kept, and the step fails."""
        running = self.upload(maxsize=10)
        writer = running.command.args["writer"]
        writer.remote_write(b"0123456789")
        writer.remote_close()
        running.command.end(1, stderr="Maximum filesize reached, truncating file 'here'")
        self.assertEqual((running.result, self.read("there")), (FAILURE, b"0123456789"))
        running = self.upload(maxsize=10)
        running.command.args["writer"].remote_write(b"012")
        running.command.args["writer"].remote_close()
        running.command.end(1)
        self.assertEqual((running.result, self.read("there")), (FAILURE, b"0123456789"))

    def test_tooMuch(self) -> None:
        """A slave that sends more than permitted is interrupted."""
        running = self.upload(maxsize=10)
        running.command.args["writer"].remote_write(b"x" * 11)
        self.assertIsNotNone(running.command.interrupted)
        running.command.args["writer"].remote_close()
        running.command.end(0)
        self.assertEqual((running.result, self.files()), (FAILURE, []))
        self.assertIn("more than 10 bytes", running.log("stderr"))

    def test_nonsense(self) -> None:
        """If a slave sends other values than bytes, the transfer fails; the slave gets no error."""
        for method, argument in (("write", "text"), ("write", None), ("utime", 7)):
            running = self.upload()
            self.assertIsNone(getattr(running.command.args["writer"], f"remote_{method}")(argument))
            running.command.args["writer"].remote_close()
            running.command.end(0)
            self.assertEqual((running.result, self.files()), (FAILURE, []))

    def test_tooOld(self) -> None:
        """If a slave cannot move files, the step's error names it."""
        running = self.begin(FileUpload(slavesrc="a", masterdest="b"), commands={"shell": "2.0"})
        self.assertEqual((running.result, running.sent), (EXCEPTION, []))
        self.assertIn("does not know the command uploadFile", running.log("err.text"))
        self.flushLoggedErrors()


class FullDisk(io.BytesIO):
    """A file on a full disk."""

    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


class DownloadTests(TransferCase):
    """A file from the master to the slave."""

    def download(self, mastersrc: str = "here", **kw: Any) -> Running:
        return self.begin(FileDownload(mastersrc=mastersrc, slavedest="a/there", **kw))

    def test_download(self) -> None:
        """The slave reads the file in blocks to its end, and may read again."""
        self.write("here", RANDOM)
        running = self.download(mode=0o600)
        args = running.command.args
        reader = args.pop("reader")
        told = {"slavedest": "a/there", "workerdest": "a/there", "workdir": "build", "mode": 0o600}
        self.assertEqual(args, {**told, "maxsize": None, "blocksize": 16384})
        self.assertEqual(b"".join(iter(lambda: reader.remote_read(10000), b"")), RANDOM)
        reader.remote_close()
        self.assertEqual(reader.remote_read(1), b"")
        running.command.end()
        self.assertEqual((running.result, running.logs()), (SUCCESS, []))

    def test_missing(self) -> None:
        """A missing or odd file on the master is not sent, and the log has the reason; a pipe does not
        block.
        """
        os.mkfifo(self.path("pipe"))
        for source, words in (
            ("none", "No such file or directory"),
            ("logs", "not a plain file"),
            ("pipe", "not a plain file"),
        ):
            os.makedirs(self.path("logs"), exist_ok=True)
            running = self.download(source)
            self.assertEqual((running.result, running.sent), (FAILURE, []))
            self.assertIn(words, running.log("stderr"))

    def test_failed(self) -> None:
        """If a slave cannot write, or is interrupted, the step fails."""
        self.write("here", b"x")
        for say in (lambda command: command.end(1, stderr=b"no"), lambda command: command.complete()):
            running = self.download()
            say(running.command)
            self.assertEqual(running.result, FAILURE)

    def test_limits(self) -> None:
        """The slave gets no more at a time than fits on the wire."""
        self.write("here", b"x" * (transfer.LARGEST_BLOCK + 1))
        reader = self.download().command.args["reader"]
        self.assertEqual(len(reader.remote_read(10**9)), transfer.LARGEST_BLOCK)
        self.assertEqual((reader.remote_read(-1), reader.remote_read(9)), (b"", b"x"))

    def test_unreadable(self) -> None:
        """A file that cannot be read to its end fails the step, even if the slave reports success."""
        self.write("here", b"x")
        running = self.download()
        self.assertEqual(running.command.args["reader"].remote_read("much"), b"")
        running.command.end(0)
        self.assertEqual(running.result, FAILURE)

    def test_lost(self) -> None:
        """B1: if the slave is lost, the file is closed."""
        self.write("here", b"x")
        running = self.download()
        reader = running.command.args["reader"]
        running.build.lostRemote()
        self.assertEqual((running.build.results, reader.remote_read(1)), (RETRY, b""))

    def test_startFails(self) -> None:
        """If a slave refuses the command, the step fails with the slave's error."""
        self.write("here", b"x")
        running = self.prepare(FileDownload(mastersrc="here", slavedest="there"))
        running.fails = RuntimeError("cannot")
        running.begin()
        self.assertEqual((running.result, running.log("stderr")), (FAILURE, "cannot\n"))


class Unpacked:
    """I unpack an archive in this process, at once unless a test delays me."""

    waits = False

    def __init__(self, order: Order) -> None:
        self._order = order
        self._done: Deferred[None] = Deferred()

    def start(self) -> Deferred[None]:
        """See L{buildbot.steps.unpacking.Unpacking}."""
        if not self.waits:
            try:
                unpack(self._order)
                self._done.callback(None)
            except Exception as error:
                self._done.errback(BadArchive(str(error)))
        return self._done

    def stop(self) -> None:
        """See L{buildbot.steps.unpacking.Unpacking}."""
        if not self._done.called:
            self._done.errback(BadArchive("the build was stopped"))


def archive(*members: Any, mode: str = "w:") -> bytes:
    """A tar archive of (name, content) pairs and TarInfos."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            entry = tarfile.TarInfo(member[0])
            entry.size = len(member[1])
            tar.addfile(entry, io.BytesIO(member[1]))
    return out.getvalue()


def entry(name: str, kind: bytes, linkname: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """A member of an archive without content."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, linkname, mode
    return info


class DirectoryUploadTests(TransferCase):
    """A directory from the slave to the master."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(files, "Unpacking", Unpacked)

    def upload(self, data: bytes, compress: str | None = None, rc: int | None = 0, **kw: Any) -> Running:
        running = self.begin(DirectoryUpload(slavesrc="docs", masterdest="there", compress=compress, **kw))
        writer = running.command.args["writer"]
        for at in range(0, len(data), 1000):
            self.assertIsNone(writer.remote_write(data[at : at + 1000]))
        self.assertIsNone(writer.remote_unpack())
        if rc is not None:
            running.command.end(rc)
        return running

    def over(self, running: Running) -> Deferred[Running]:
        """Fires at the end of the step; unpacking is done in a thread."""
        waited: Deferred[Running] = running.status.waitUntilFinished()
        return waited.addCallback(lambda _: running)

    async def test_upload(self) -> None:
        """A directory arrives with all its content, in every kind of archive."""
        for compress, mode in ((None, "w:"), ("gz", "w:gz"), ("bz2", "w:bz2")):
            data = archive(("./a/b", RANDOM), ("c", b"c"), entry("empty", tarfile.DIRTYPE), mode=mode)
            running = await self.over(self.upload(data, compress))
            args = running.command.args
            self.assertEqual(
                (args["slavesrc"], args["workersrc"], args["compress"]), ("docs", "docs", compress)
            )
            self.assertEqual(
                (running.result, self.files(), self.files("there")), (SUCCESS, ["there"], ["a", "c", "empty"])
            )
            self.assertEqual(self.read("there", "a", "b"), RANDOM)

    async def test_merged(self) -> None:
        """Existing files stay, except those with the same name; an existing link is not followed."""
        os.makedirs(self.path("there", "a"))
        os.mkdir(self.path("other"))
        self.write("there/a/old", b"old")
        self.write("there/a/new", b"old")
        os.symlink("../other", self.path("there", "b"))
        await self.over(self.upload(archive(("a/new", b"new"), ("b/x", b"x"))))
        self.assertEqual([self.read("there", "a", name) for name in ("old", "new")], [b"old", b"new"])
        self.assertEqual((self.files("other"), self.files("there", "b")), ([], ["x"]))

    async def test_broken(self) -> None:
        """An invalid or incomplete archive fails the step; no file of it is left."""
        whole = archive(("a", RANDOM), mode="w:gz")
        for data in (b"", b"nonsense", whole[:-20], archive(("a", RANDOM))[:2000]):
            running = await self.over(self.upload(data))
            self.assertEqual((running.result, self.files("there"), self.files()), (FAILURE, [], ["there"]))
            self.assertIn("there: ", running.log("stderr"))

    async def test_missingOnSlave(self) -> None:
        """A missing directory on the slave fails the step; nothing is left of the archive."""
        for compress in (None, "gz"):
            running = self.begin(DirectoryUpload(slavesrc="d", masterdest="there", compress=compress))
            if compress:
                running.command.end(1, stderr=b"no such directory")
            else:
                running.command.complete("OSError: no such directory")
            self.assertEqual((running.result, self.files()), (FAILURE, []))
            self.assertIn("no such directory", running.log("stderr"))

    async def test_failedAfterwards(self) -> None:
        """If the slave reports a failure at the end, nothing is unpacked."""
        running = await self.over(self.upload(archive(("a", b"x")), rc=1))
        self.assertEqual((running.result, self.files()), (FAILURE, []))

    async def test_aFileIsThere(self) -> None:
        """An existing file is not replaced by a directory."""
        self.write("there", b"x")
        running = self.begin(DirectoryUpload(slavesrc="d", masterdest="there"))
        self.assertEqual((running.result, running.sent, self.read("there")), (FAILURE, [], b"x"))

    async def test_tooOld(self) -> None:
        """A slave before 0.7.12 has no such command; the step's error tells it."""
        commands = {name: "2.2" for name in NEWEST if name != "uploadDirectory"}
        running = self.begin(DirectoryUpload(slavesrc="d", masterdest="there"), commands=commands)
        self.assertEqual((running.result, running.sent), (EXCEPTION, []))
        self.flushLoggedErrors()

    async def test_limits(self) -> None:
        """H4: the unpacked size is limited by maxsize, if it is set."""
        data = archive(("zeros", bytes(1_000_000)), mode="w:gz")
        running = await self.over(self.upload(data, "gz", maxsize=900_000))
        self.assertEqual((running.result, self.files("there"), self.files()), (FAILURE, [], ["there"]))
        self.assertIn("its contents are more than 900000 bytes", running.log("stderr"))
        running = await self.over(self.upload(data, "gz"))
        self.assertEqual((running.result, self.files("there")), (SUCCESS, ["zeros"]))

    def test_stoppedWhileUnpacking(self) -> None:
        """H4: a build that is stopped while an archive is unpacked ends at once, and leaves no file."""
        self.patch(Unpacked, "waits", True)
        for end in (lambda build: build.stopBuild("enough"), lambda build: build.lostRemote()):
            running = self.upload(archive(("a", b"x")))
            self.assertFalse(running.status.isFinished())
            end(running.build)
            self.assertIn(running.build.results, (FAILURE, RETRY))
            self.assertEqual((running.status.isFinished(), self.files()), (True, []))

    async def test_modes(self) -> None:
        """F11: with mode=0o755 a web server can read the upload; programs stay executable."""
        program, page = tarfile.TarInfo("d/run"), tarfile.TarInfo("d/page")
        program.mode, page.mode = 0o700, 0o600
        running = self.begin(DirectoryUpload(slavesrc="d", masterdest="www/all", mode=0o755))
        writer = running.command.args["writer"]
        writer.remote_write(archive(program, page))
        writer.remote_unpack()
        running.command.end(0)
        await self.over(running)
        modes = [
            os.stat(self.path("www", *names)).st_mode & 0o7777
            for names in ((), ("all",), ("all", "d"), ("all", "d", "run"), ("all", "d", "page"))
        ]
        self.assertEqual(modes, [0o755, 0o755, 0o755, 0o755, 0o644])


class SaidBySlaveTests(TransferCase):
    """H5: paths on the master that contain properties."""

    def setUp(self) -> None:
        super().setUp()
        os.makedirs(self.path("dist", "bot2"))
        self.write("dist/bot2/x", b"honest")
        self.write("master.cfg", b"secret")

    def begun(self, step: Any, said: str) -> Running:
        """Start this step in a build whose slave has set a property."""
        running = self.prepare(step)
        given = running.build._setupStatus

        def setup() -> None:
            given()
            running.build.setProperty("said", said)

        running.build._setupStatus = setup  # type: ignore[method-assign]
        return running.begin()

    def test_upload(self) -> None:
        """H5: a slave can name a file in its own directory; a path elsewhere is refused."""
        dest = WithProperties("dist/%(slavename)s/%(said)s")
        running = self.begun(FileUpload(slavesrc="x", masterdest=dest), "1.0-rc+1")
        running.command.args["writer"].remote_write(b"x")
        running.command.args["writer"].remote_close()
        running.command.end(0)
        self.assertEqual((running.result, self.read("dist", "bot1", "1.0-rc+1")), (SUCCESS, b"x"))
        for said in ("../bot2/x", "a/b", "..", "", ".htaccess", "/etc/passwd", "a\0b", "a\nb", "a\\b"):
            for step in (
                FileUpload(slavesrc="x", masterdest=dest),
                DirectoryUpload(slavesrc="x", masterdest=dest),
                FileDownload(mastersrc=dest, slavedest="x"),
            ):
                running = self.begun(step, said)
                self.assertEqual((running.result, running.sent), (EXCEPTION, []), said)
                self.assertIn("the property 'said'", running.log("err.text"))
                self.assertNotIn("Traceback", running.log("err.text"))
        self.assertEqual(self.read("dist", "bot2", "x"), b"honest")

    def test_download(self) -> None:
        """H5: a slave cannot download master.cfg or any file beside it."""
        for source, said in (("configs/%(said)s", "../master.cfg"), ("%(said)s", "master.cfg")):
            running = self.begun(FileDownload(mastersrc=WithProperties(source), slavedest="x"), said)
            self.assertEqual((running.result, running.sent), (EXCEPTION, []))

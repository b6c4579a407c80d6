"""Links to uploads, times of files, and uploads of several files."""

from __future__ import annotations

import os
import stat
from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.model.interpolate import Interpolate, Property
from buildbot.model.properties import WithProperties
from buildbot.model.records import StepRecord
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS
from buildbot.process.basestep import BuildStep
from buildbot.steps.transfer import DirectoryUpload, FileUpload, MultipleFileUpload
from tests.stepping import NEWEST, Running
from tests.unit.steps.test_transfer import TransferCase

#: The commands of a slave of 0.8, of one of 0.7.12, and of one of 0.7.5.
NEW = {**NEWEST, "stat": "2.16"}
MIDDLE = dict.fromkeys(("shell", "uploadFile", "uploadDirectory"), "2.9")
OLD = dict.fromkeys(("shell", "uploadFile"), "2.2")


def sendFile(running: Running, content: bytes = b"x", rc: int = 0) -> None:
    """Let the slave send a file, and end the transfer."""
    command = running.command
    command.args["writer"].remote_write(content)
    command.args["writer"].remote_close()
    command.end(rc)


class LinkTests(TransferCase):
    """An upload shows a link to the copy."""

    def urls(self, rc: int = 0, **kw: Any) -> dict[str, str]:
        """The links of an upload that ends with this status."""
        running = self.begin(FileUpload(slavesrc="a", masterdest="pub/docs.html", **kw))
        sendFile(running, rc=rc)
        urls: dict[str, str] = running.step.getURLs()
        return urls

    def test_link(self) -> None:
        """After a success there is a link, with the name of the copy or with another text."""
        self.assertEqual(self.urls(), {})
        self.assertEqual(self.urls(url="http://h/d"), {"docs.html": "http://h/d"})
        url, text = WithProperties("http://h/%(branch)s"), Interpolate("docs of %(prop:branch)s")
        self.assertEqual(self.urls(url=url, urlText=text), {"docs of trunk": "http://h/trunk"})

    def test_failed(self) -> None:
        """There is no link to a copy that was not made."""
        self.assertEqual(self.urls(rc=1, url="http://h/d"), {})

    def test_directory(self) -> None:
        """A directory has such a link, too."""
        step = DirectoryUpload(slavesrc="a", masterdest="pub/docs/", url="http://h/docs")
        self.assertEqual((step.url, step.urlText), ("http://h/docs", None))

    def test_kept(self) -> None:
        """The record of the step keeps its links."""
        running = self.begin(FileUpload(slavesrc="a", masterdest="b", url="http://h/b"))
        sendFile(running)
        record = StepRecord.fromRecord(running.step.toRecord().toRecord())
        self.assertEqual(record.urls, {"b": "http://h/b"})

    def test_interpolated(self) -> None:
        """The path of the copy may be an Interpolate; a property of the slave cannot lead elsewhere."""
        named: Any = Interpolate
        running = self.begin(FileUpload(slavesrc="a", masterdest=named("pub/%(prop:branch)s.txt")))
        sendFile(running)
        self.assertEqual(self.read("pub", "trunk.txt"), b"x")
        running = self.prepare(FileUpload(slavesrc="a", masterdest=named("pub/%(prop:evil)s")))
        running.build.properties.setProperty("evil", "../master.cfg", "step")
        self.assertEqual(running.begin().result, EXCEPTION)
        self.assertIn("is more than one name", running.log("err.text"))

    def test_workdir(self) -> None:
        """A directory with a property that is not set leaves no file behind."""
        running = self.begin(FileUpload(slavesrc="a", masterdest="b", workdir=WithProperties("%(no)s")))
        self.assertEqual((running.result, self.files()), (EXCEPTION, []))

    def test_oldSlave(self) -> None:
        """A slave that cannot tell the times of files is not asked for them; a log says so."""
        running = self.begin(FileUpload(slavesrc="a", masterdest="b", keepstamp=True), commands=OLD)
        self.assertFalse(running.command.args["keepstamp"])
        self.assertIn("slave bot1 is too old for keepstamp", running.log("notes"))
        sendFile(running)
        self.assertEqual(running.result, SUCCESS)


class MultipleFileUploadTests(TransferCase):
    """Several files and directories are copied in one step."""

    def upload(self, *sources: Any, commands: dict[str, str] = NEW, **kw: Any) -> Running:
        """An upload of these sources, started."""
        step = MultipleFileUpload(slavesrcs=list(sources), masterdest="pub", **kw)
        return self.begin(step, commands=commands)

    def test_files(self) -> None:
        """Each file is copied under its name; then there is a link to the directory."""
        running = self.upload("dist/a.txt", WithProperties("%s.txt", "branch"), url="http://h/pub")
        self.assertEqual(running.step.getText(), ["uploading", "2 files"])
        for name, content in (("dist/a.txt", b"a"), ("trunk.txt", b"t")):
            self.assertEqual(
                (running.command.name, running.command.args), ("stat", {"file": name, "workdir": "build"})
            )
            running.command.end(stat=(stat.S_IFREG, *range(9)))
            self.assertEqual((running.command.name, running.command.args["slavesrc"]), ("uploadFile", name))
            sendFile(running, content)
        self.assertEqual((running.result, running.step.getURLs()), (SUCCESS, {"pub": "http://h/pub"}))
        self.assertEqual((self.read("pub", "a.txt"), self.read("pub", "trunk.txt")), (b"a", b"t"))

    def test_directory(self) -> None:
        """A directory is copied as one."""
        running = self.upload("docs", compress="gz")
        running.command.end(stat=(stat.S_IFDIR, *range(9)))
        args = running.command.args
        self.assertEqual((running.command.name, args["compress"]), ("uploadDirectory", "gz"))
        running.command.end(1)
        self.assertEqual(running.result, FAILURE)

    def test_missing(self) -> None:
        """A missing file ends the step; the others are not copied."""
        running = self.upload("a", "b")
        running.command.end(2, header="no such file")
        self.assertEqual(running.command.name, "uploadFile")
        running.command.args["writer"].remote_close()
        running.command.end(1, stderr=b"Cannot open file 'a' for upload")
        self.assertEqual((running.result, self.files("pub"), len(running.sent)), (FAILURE, [], 2))
        self.assertEqual(running.step.getText(), ["uploading", "a", "failed"])
        self.assertIn("Cannot open file", running.log("stderr"))

    def test_oldSlaves(self) -> None:
        """A slave of 0.7 runs test; one that cannot send directories sends files."""
        for commands in (MIDDLE, OLD):
            running = self.upload("a", commands=commands)
            self.assertEqual(running.command.args["command"], ["test", "-d", "a"])
            running.command.end(1)
            sendFile(running)
            self.assertEqual(running.result, SUCCESS)
        running = self.upload("a", commands=OLD)
        running.command.end(0)
        self.assertEqual(running.result, EXCEPTION)
        self.assertIn("does not know the command uploadDirectory", running.log("err.text"))

    def test_sources(self) -> None:
        """The sources may be one name, or a property with a list; without any the step is skipped."""
        running = self.begin(MultipleFileUpload("one", "pub"), commands=NEW)
        self.assertEqual(running.command.args["file"], "one")
        running = self.prepare(MultipleFileUpload(Property("found"), "pub"), commands=NEW)
        running.build.properties.setProperty("found", ["x/a", "b"], "step")
        self.assertEqual(running.begin().command.args["file"], "x/a")
        self.assertEqual((self.upload().result, self.upload(Property("no")).result), (SKIPPED, SKIPPED))

    def test_names(self) -> None:
        """H5: a name from the slave cannot be that of a hidden file; no source may lack a name."""
        running = self.prepare(MultipleFileUpload(Property("found"), "pub"), commands=NEW)
        running.build.properties.setProperty("found", ["x/.bashrc"], "step")
        self.assertEqual(running.begin().result, EXCEPTION)
        self.assertIn("it would name a hidden file", running.log("err.text"))
        self.assertEqual(self.upload("docs/..").result, EXCEPTION)

    def test_stopped(self) -> None:
        """A stopped build starts no further transfer."""
        running = self.upload("a", "b")
        running.build.stopBuild("enough")
        running.command.end(stat=(stat.S_IFREG, *range(9)))
        self.assertEqual((len(running.sent), running.result), (1, FAILURE))
        self.assertEqual(os.listdir(self.path("pub")), [])

    def test_arguments(self) -> None:
        """Its arguments are those of the other uploads."""
        self.assertRaises(BadArguments, MultipleFileUpload, slavesrcs=["a"])
        self.assertRaises(BadArguments, MultipleFileUpload, slavesrcs=[3], masterdest="b")
        self.assertRaises(BadArguments, FileUpload, slavesrc="a", masterdest="b", url=3)
        step: BuildStep = MultipleFileUpload(["a"], "b", mode=0o644, maxsize=7, keepstamp=True)
        kind, args = step.getStepFactory()
        self.assertEqual(kind(**args), step)

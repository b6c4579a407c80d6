"""Files on the slave that are made of texts, of values, and of the properties of the build."""

from __future__ import annotations

import json
from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.model.interpolate import Interpolate, Property
from buildbot.model.properties import WithProperties
from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS
from buildbot.steps.files import LARGEST_BLOCK
from buildbot.steps.transfer import JSONPropertiesDownload, JSONStringDownload, StringDownload
from tests.stepping import Running, StepCase


class ContentCase(StepCase):
    """A slave that reads what it is given."""

    def content(self, running: Running) -> bytes:
        """What the slave reads; it ends the transfer then."""
        command = running.command
        self.assertEqual(command.name, "downloadFile")
        content = b""
        while block := command.args["reader"].remote_read(7):
            content += block
        command.args["reader"].remote_close()
        command.end()
        return content


class StringDownloadTests(ContentCase):
    """A text becomes a file."""

    def test_text(self) -> None:
        """The slave reads the text in UTF-8; bytes stay as they are."""
        texts: list[tuple[Any, bytes]] = [
            *(("größe\n", "größe\n".encode()), ("", b""), (b"\xff\0", b"\xff\0")),
            (WithProperties("on %(branch)s"), b"on trunk"),
            (Interpolate("%(prop:branch)s" * 9), b"trunk" * 9),
        ]
        for text, content in texts:
            running = self.begin(StringDownload(text, slavedest="conf/x.ini", mode=0o600))
            self.assertEqual(running.step.getText(), ["downloading", "to", "x.ini"])
            self.assertEqual(self.content(running), content)
            self.assertEqual(running.result, SUCCESS)

    def test_sent(self) -> None:
        """The file is named in the words of slaves and of workers."""
        step = StringDownload("x", slavedest=WithProperties("%s.txt", "branch"), workdir="w", maxsize=9)
        args = self.begin(step).command.args
        del args["reader"]
        named = {"slavedest": "trunk.txt", "workerdest": "trunk.txt", "workdir": "w"}
        self.assertEqual(args, {**named, "maxsize": 9, "blocksize": 16384, "mode": None})

    def test_block(self) -> None:
        """H7: a slave that asks for more than a message can hold gets less."""
        reader = self.begin(StringDownload("x" * (LARGEST_BLOCK + 1), "y")).command.args["reader"]
        self.assertEqual([len(reader.remote_read(10**9)) for _ in range(3)], [LARGEST_BLOCK, 1, 0])
        self.assertEqual((reader.remote_read(-1), reader.remote_read("many")), (b"", b""))

    def test_failed(self) -> None:
        """The slave's error is in a log."""
        running = self.begin(StringDownload("x", "y"))
        running.command.end(1, stderr=b"Cannot open file 'y' for download")
        self.assertEqual(
            (running.result, running.log("stderr")), (FAILURE, "Cannot open file 'y' for download\n")
        )

    def test_noText(self) -> None:
        """A property that is no text is an exception with the reason."""
        running = self.begin(StringDownload(Property("buildnumber"), "y"))
        self.assertEqual(running.result, EXCEPTION)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assertIn("the content of y must be text, not an int", running.log("err.text"))
        self.assertRaises(BadArguments, StringDownload, s=3, slavedest="y")
        self.assertRaises(BadArguments, StringDownload, "x")


class JSONTests(ContentCase):
    """Values become JSON."""

    def test_value(self) -> None:
        """A value may have properties in it."""
        value = {"branch": Property("branch"), "list": [1, None, WithProperties("%(buildnumber)s")]}
        running = self.begin(JSONStringDownload(value, slavedest="x.json"))
        self.assertEqual(json.loads(self.content(running)), {"branch": "trunk", "list": [1, None, "7"]})

    def test_refused(self) -> None:
        """A value that JSON cannot hold is an error of the configuration."""
        for value in ({"a": object()}, {(1, 2): 3}, {1, 2}):
            self.assertRaises(BadArguments, JSONStringDownload, value, slavedest="x")

    def test_properties(self) -> None:
        """The properties and the source of the build are in one dictionary."""
        running = self.begin(JSONPropertiesDownload(slavedest="build.json"), files=["a.c"])
        told = json.loads(self.content(running))
        self.assertEqual((told["properties"]["slavename"], told["properties"]["buildnumber"]), ("bot1", 7))
        source = told["sourcestamp"]
        self.assertEqual((source["branch"], source["revision"], source["patch"]), (None, None, None))
        self.assertEqual([change["files"] for change in source["changes"]], [["a.c"]])

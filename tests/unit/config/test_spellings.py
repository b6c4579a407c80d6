"""Arguments under their names of later releases."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.process.buildfactory import BuildFactory
from buildbot.steps.transfer import (
    DirectoryUpload,
    FileDownload,
    FileUpload,
    JSONPropertiesDownload,
    JSONStringDownload,
    MultipleFileUpload,
    StringDownload,
)


class SpellingTests(unittest.SynchronousTestCase):
    """Transfers take the files of workers."""

    def test_transfers(self) -> None:
        """workersrc, workersrcs and workerdest are other names of slavesrc, slavesrcs and slavedest."""
        kinds: list[tuple[Any, dict[str, Any], str]] = [
            (FileUpload, {"workersrc": "x", "masterdest": "y"}, "slavesrc"),
            (DirectoryUpload, {"workersrc": "x", "masterdest": "y"}, "slavesrc"),
            (MultipleFileUpload, {"workersrcs": "x", "masterdest": "y"}, "slavesrcs"),
            (FileDownload, {"mastersrc": "y", "workerdest": "x"}, "slavedest"),
            (StringDownload, {"s": "y", "workerdest": "x"}, "slavedest"),
            (JSONStringDownload, {"o": "y", "workerdest": "x"}, "slavedest"),
            (JSONPropertiesDownload, {"workerdest": "x"}, "slavedest"),
        ]
        factory = BuildFactory()
        for kind, args, name in kinds:
            step = kind(**args)
            self.assertEqual(getattr(step, name), "x")
            factory.addStep(step)
            factory.addStep(kind, **args)
        self.assertEqual(factory.stepTroubles(), [])

    def test_wrong(self) -> None:
        """Both names at once, and a wrong value, are refused."""
        upload: Any = FileUpload
        self.assertRaises(BadArguments, upload, slavesrc="a", workersrc="b", masterdest="c")
        self.assertRaises(BadArguments, upload, workersrc=3, masterdest="c")

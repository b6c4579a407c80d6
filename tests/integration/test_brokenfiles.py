"""Broken configuration files, each in a child process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors
from buildbot.reconfig.configchild import Order
from tests.brokenconfigs import BROKEN, GOOD
from tests.integration.processes import ROOT, environment

#: The time limit of a file in seconds; far more than it needs, on any machine.
PLENTY = 300.0
#: A child for each order. What a load imports is imported once, by the load of a good file.
PROGRAM = """
import os, sys
from buildbot.config.load import load
from buildbot.reconfig.configchild import main
load(sys.argv[1], "master.cfg", sys.argv[2])
for order in sys.stdin.read().splitlines():
    if os.fork() == 0:
        main(order)
    os.wait()
"""


class CorpusTests(unittest.TestCase):
    """Sixty broken files."""

    def test_corpus(self) -> None:
        """Each gives the same errors in a child process as in the master's own load (R12).

        L{tests.processes.test_childload} starts the children of some as a master does.
        """
        home = Path(self.mktemp()).resolve()
        wanted, orders = {}, []
        with ExitStack() as opened:
            for number, (name, broken) in enumerate(BROKEN.items()):
                here = home / str(number)
                here.mkdir(parents=True)
                (here / "master.cfg").write_text(broken.text, encoding="utf-8")
                with self.assertRaises(ConfigErrors) as caught:
                    load(broken.text, "master.cfg", str(here))
                wanted[name] = [[each.message, each.filename, each.line] for each in caught.exception.errors]
                report = opened.enter_context(open(here / "report", "wb")).fileno()
                orders.append(Order("master.cfg", str(here), PLENTY, report))
            subprocess.run(
                [sys.executable, "-c", PROGRAM, "\n".join(GOOD), str(home)],
                input="".join(json.dumps(asdict(each)) + "\n" for each in orders),
                text=True,
                env=environment(str(home), PYTHONPATH=ROOT),
                pass_fds=[each.report for each in orders],
                timeout=10 * PLENTY,
                check=True,
            )
        for name, order in zip(BROKEN, orders, strict=True):
            with open(os.path.join(order.basedir, "report")) as stream:
                self.assertEqual(json.load(stream)["errors"], wanted[name], name)

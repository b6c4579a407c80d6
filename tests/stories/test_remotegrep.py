"""C{grep} on a master on another machine."""

from __future__ import annotations

import io
import sys
import time
from itertools import product

from buildbot.scripts import remotegrep
from buildbot.web.pages import logsearch
from tests.examples import sample
from tests.stories.test_remotecommands import URL, RemoteCommandCase
from tests.unit.control.test_remote import refusal


class RemoteGrepTests(RemoteCommandCase):
    """C{grep --url}."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(sys, "stderr", io.StringIO())
        for output in (b"one\nan error\n", b"fine\nThe Error\n"):
            self.force()
            for result in (2, 0) if b"an error" in output else (0, 0):
                self.commands[-1].update(stdout=output)
                self.commands[-1].end(result)
                self.wait(2)

    def remote(self, *words: str) -> str:
        """What the command prints with --url."""
        return self.run_("grep", "--url", URL, *words)

    def test_text(self) -> None:
        """A text is found, the newest build first; options choose the logs. A second time it is the same."""
        wanted = "full/0/compile/stdio:2: an error\nfull/0/test/stdio:2: an error\n0"
        for _ in range(2):
            self.assertEqual(self.remote("an error"), wanted)
        for words in (["-i", "error"], ["--step=t*", "rro"], ["-l", "rror"], ["rror", "full/1"]):
            self.assertIn("full/1/", self.remote(*words), words)
        self.assertIn("full/0/", self.remote("-f", "rror", "full/0"))
        self.assertNotIn("full/", self.remote("-f", "rror", "full/1"))
        self.assertIn('"line": ', self.remote("--json", "fine"))
        self.assertEqual(self.remote("nothing at all"), "1")
        self.assertEqual(len(self.remote("-c1", "error").splitlines()), 2)

    def test_pages(self) -> None:
        """Many builds are listed some at a time."""
        self.patch(remotegrep, "PAGE", 1)
        self.assertEqual(len(self.remote("rror").splitlines()), 5)

    def test_context(self) -> None:
        """Lines around those that match are printed once, in order, also if they come in many answers."""
        matching = (3, 5, 9, 10, 20, 300)
        texts = {line: f"{'hit' if line in matching else 'line'} {line}" for line in range(1, 402)}
        self.force()
        self.commands[-1].update(stdout="\n".join(texts.values()).encode())
        self.commands[-1].end(0)
        self.wait(2)
        for hits, context, count in sample(product((100, 3, 2, 1), (1, 2, 3), (1, 4, 100)), 12):
            self.patch(logsearch, "HITS", hits)
            found = self.remote("-C", str(context), "-c", str(count), "hit", "full/2")
            printed = [line.partition("stdio")[2] for line in found.splitlines() if "stdio" in line]
            shown = matching[:count]
            near = [at for at in texts if any(abs(at - each) <= context for each in shown)]
            wanted = [f"{mark}{at}{mark} {texts[at]}" for at in near for mark in ":-"[at not in shown]]
            self.assertEqual(printed, wanted, (hits, context, count))

    def test_wrong(self) -> None:
        """An unknown builder or build is told, and so is an option that needs the machine of the master."""
        self.assertIn("There is no builder ful", self.remote("x", "ful"))
        self.assertIn("99", self.remote("x", "full/99"))

    def test_busy(self) -> None:
        """A server with too many searches is asked again; in the end the refusal is told."""
        searched = self.open
        left = [2]

        def busy(asked: object, timeout: float) -> object:
            if left[0] and "/search" in asked.full_url:  # type: ignore[attr-defined]
                left[0] -= 1
                raise refusal(503, b'{"title": "Too many searches"}')
            return searched(asked, timeout)  # type: ignore[arg-type]

        slept: list[float] = []
        self.patch(time, "sleep", slept.append)
        self.open = busy  # type: ignore[method-assign,assignment]
        self.assertIn("full/0/compile/stdio", self.remote("an error"))
        self.assertEqual(len(slept), 2)
        left[0] = 100
        self.assertIn("Too many searches", self.remote("an error"))

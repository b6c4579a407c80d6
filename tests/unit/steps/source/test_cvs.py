"""Source from CVS, on scripted slaves."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.steps.source.cvs import CVS, CvsSystem
from buildbot.steps.source.work import Skipped
from tests.unit.steps.source.scripted import (
    ANCIENT_SLAVE,
    OLD_SLAVE,
    SLAVE,
    WORKER,
    Scripted,
    SourceCase,
    change,
)

ROOT = ":pserver:me:sekrit@host:/cvs"
THERE: dict[str, Any] = {
    "stat build/.buildbot": 1,
    "stat build/CVS": 0,
    "cat": ":pserver:me@host:/cvs\nmodule\n",
}


class CvsTests(SourceCase):
    """The slave's own command, and commands of the master."""

    def test_own(self) -> None:
        """The slave's command gets a branch, and a date of the changes."""
        told = self.own(CVS("/cvs", "module", ["-q"], login=""))
        self.assertEqual((told[""], told["cvsroot"], told["cvsmodule"]), ("cvs", "/cvs", "module"))
        self.assertEqual((told["global_options"], told["branch"], told["login"]), (["-q"], "HEAD", ""))
        told = self.own(CVS("/cvs", "module", checkoutDelay=10), changes=[change(when=50), change(when=90)])
        self.assertEqual(told["revision"], "Thu, 01 Jan 1970 00:01:40 -0000")
        self.assertIsNone(told["branch"])
        told = self.own(CVS("/cvs", "module", branch="rel"), changes=[change(branch="rel")])
        self.assertEqual(told["branch"], "rel")

    def test_gates(self) -> None:
        """Old slaves do not change branches; slaves that cannot tell get the words of their time."""
        step = CVS("/cvs", "module")
        self.assertEqual(self.play(step, ANCIENT_SLAVE).said, ["cvs"])
        self.assertNotIn("cvs", self.play(step, ANCIENT_SLAVE, {"test": 1}, branch="b").said)
        self.assertNotIn("cvs", self.play(CVS("/c", "m", extra_options=["-l"]), OLD_SLAVE, {"test": 1}).said)
        told = self.own(CVS("/cvs", "module", copydir="x"), {})
        self.assertEqual((told["copydir"], told["clobber"], told["tag"]), ("source", False, "HEAD"))

    def test_new(self) -> None:
        """A new working copy, after a login."""
        step = CVS(ROOT, "module", ["-q"], login="pass word")
        played = self.play(step, branch="b", revision="yesterday")
        root = ":pserver:me:XXXXXX@host:/cvs"
        wanted = [
            "rmdir build",
            f"cvs -d {root} login @.",
            f"cvs -d {root} -q -z3 checkout -r b -D yesterday -d build module @.",
        ]
        self.assertEqual((played.programs, played.result, played.got()), (wanted, SUCCESS, "yesterday"))
        login = next(each for each in played.sent if "login" in each.args.get("command", ()))
        self.assertEqual(login.args["initial_stdin"], "pass word\n")

    def test_update(self) -> None:
        """An old working copy is updated, without sticky tags of another branch."""
        played = self.play(CVS(ROOT, "module"), answers=THERE)
        self.assertEqual(played.programs[1], "cvs -z3 update -dP -C -A @build")
        self.assertEqual(played.got(), "1970-01-01 00:00:00 +0000")
        played = self.play(CVS(ROOT, "other"), answers=THERE)
        self.assertIn("rmdir build", played.programs)

    def test_skipped(self) -> None:
        """A working copy of which CVS skips a part is made again, though CVS says that all is well."""
        skips = {"stderr": b"? a\ncvs update: ignoring sub (CVS/Entries missing)\n", "rc": 0}
        step = CVS("/cvs", "module")
        for commands, answers in (
            (OLD_SLAVE, {"cvs -d": 0, "cvs": [dict(skips), 0], "test -e build/CVS": 0}),
            (WORKER, {**THERE, "cat": "/cvs\nmodule\n", "cvs -z3 update": skips}),
        ):
            played = self.play(step, commands, answers)
            self.assertEqual(played.result, SUCCESS)
            self.assertIn("made again", played.log)
        answers = {"cvs -d": 0, "cvs": skips, "test -e build/CVS": 0}
        self.assertEqual(self.play(step, OLD_SLAVE, answers).result, FAILURE)

    def test_pieces(self) -> None:
        """The words by which CVS tells that it skips a part are found wherever the output is cut."""
        text = "? a\ncvs update: ignoring sub (CVS/Entries missing)\nU b\n"
        for cut in range(len(text)):
            skipped = Skipped(CvsSystem.skipping)
            for piece in (text[:cut], text[cut:]):
                skipped.hear(piece)
            self.assertEqual(skipped.line, "cvs update: ignoring sub (CVS/Entries missing)")

    def test_now(self) -> None:
        """Without a wanted date, the revision is the time of the system clock, not that of the timers."""
        running = self.prepare(CVS("/cvs", "module"), commands=WORKER)
        running.build.source, running.status.ahead = SourceStamp(), 1e9
        self.assertEqual(Scripted(running, lambda words: None).got(), "2001-09-09 01:46:40 +0000")

    def test_methods(self) -> None:
        """Files that are not under version control are removed; an export has none of CVS."""
        for method, flags in (("clean", ""), ("fresh", " -I ! -I CVS")):
            answers = {**THERE, "cvs -n": "? left\nM mine\n"}
            played = self.play(CVS(ROOT, "module", mode="full", method=method), answers=answers)
            self.assertIn(f"cvs -n -q update{flags} @build", played.programs)
            self.assertIn("rmdir build/left", played.programs)
        played = self.play(CVS("/cvs", "module", export=True))
        self.assertIn("cvs -d /cvs -z3 export -r HEAD -d build module @.", played.programs)

    def test_password(self) -> None:
        """S3: no log has the password."""
        for commands in (SLAVE, OLD_SLAVE):
            played = self.play(
                CVS(ROOT, "m", login="pass word"), commands, {"cvs": {"stdout": ROOT.encode()}}
            )
            self.assertNotIn("sekrit", played.log)

"""Source from CVS, on scripted slaves."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.steps.source.cvs import CVS, CvsSystem
from buildbot.steps.source.work import Heard
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
            "cat CVS/Root CVS/Repository CVS/buildbot-module @build",
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
        text = "? a\ncvs update: ignoring sub (CVS/Entries missing)\nC b"
        for cut in range(len(text)):
            heard = Heard(CvsSystem.skipping)
            for piece in (text[:cut], "", text[cut:]):
                heard.hear(piece)
                heard.hear("U c\n? ", "stderr")
            heard.end()
            self.assertEqual(heard.lines, ["cvs update: ignoring sub (CVS/Entries missing)", "C b"])

    def test_conflict(self) -> None:
        """A working copy with a conflict is made again, though CVS ends with status 0."""
        answers = {"cvs -d": 0, "cvs": [{"stdout": b"U a\nC b\n"}, 0], "test -e build/CVS": 0}
        played = self.play(CVS("/cvs", "module"), OLD_SLAVE, answers)
        self.assertEqual((played.result, played.said.count("cvs")), (SUCCESS, 2))

    def test_unknown(self) -> None:
        """A directory that lacks the files of CVS is looked for in the repository, at its path there."""
        listed = "src/m/sub dir:\nD/e////\n/f/1.1/Mon Nov 30 19:28:06 2026//\n"
        empty = "src/m/sub dir:\nD/e////\n\nsrc/m/sub dir/e:\n"
        other = "src/m:\n/f/1.1/Mon Nov 30 19:28:06 2026//\n"
        update = {"stdout": b"? a.txt\n? sub dir\nU c\n", "rc": 0}
        asked = "cvs -d /cvs -Q rls -R -e -r side src/m/sub dir @."
        for path, rls, times in (
            ("src/m", listed, 2),
            ("/cvs/src/m", listed, 2),
            ("src/m", empty, 1),
            ("src/m", other, 1),
            ("src/m", 1, 1),
        ):
            answers: dict[str, Any] = {"ls -d": "sub dir/.\n", "cvs -d /cvs -Q rls": rls, "cvs -d": 0}
            answers |= {"cvs": [update, 0], "test -e build/CVS": 0, "cat CVS/Repository": f"{path}\n"}
            played = self.play(CVS("/cvs", "name"), OLD_SLAVE, answers, branch="side")
            self.assertEqual((played.result, played.said.count("cvs")), (SUCCESS, times))
            self.assertIn("ls -d a.txt/. sub dir/. @build", played.programs)
            self.assertIn(asked, played.programs)
            answers |= {**THERE, "cat": f"/cvs\n{path}\nname\n", "cvs -z3 update": dict(update)}
            played = self.play(CVS("/cvs", "name"), WORKER, answers, branch="side")
            self.assertEqual((played.result, "rmdir build" in played.programs), (SUCCESS, times == 2))
            self.assertIn(asked, played.programs)
        answers |= {"cat CVS/Repository": ".\n", "cat": "/cvs\n.\n"}
        played = self.play(CVS("/cvs", "."), WORKER, answers)
        self.assertIn("cvs -d /cvs -Q rls -R -e sub dir @.", played.programs)

    def test_missing(self) -> None:
        """A working copy is kept if the repository does not have the branch."""
        answers = {**THERE, "cat": "/cvs\nmodule\n", "cvs -z3 update": 1, "cvs -d /cvs rls -r nosuch": 1}
        played = self.play(CVS("/cvs", "module"), WORKER, answers, branch="nosuch")
        self.assertEqual((played.result, "rmdir build" in played.programs), (FAILURE, False))

    def test_otherModule(self) -> None:
        """A working copy of a module whose name ends like that of the wanted one is made again."""
        for there, isOurs in (("module", True), ("/cvs/module", True), ("mymodule", False)):
            answers = {**THERE, "cat": f"/cvs\n{there}\n"}
            played = self.play(CVS("/cvs", "module"), WORKER, answers)
            self.assertEqual("rmdir build" in played.programs, not isOurs, there)

    def test_named(self) -> None:
        """A working copy of a module that is a name for another path is known by that name."""
        there = {**THERE, "cat": "/cvs\nsrc/project\n"}
        played = self.play(CVS("/cvs", "named"), WORKER, there)
        self.assertIn("rmdir build", played.programs)
        self.assertIn("downloadFile build CVS/buildbot-module", played.programs)
        reader = next(each for each in played.sent if each.name == "downloadFile").args["reader"]
        self.assertEqual(reader.remote_read(99), b"named\n")
        for name, isOurs in (("named", True), ("src/project", True), ("other", False)):
            answers = {**there, "cat": "/cvs\nsrc/project\nnamed\n"}
            played = self.play(CVS("/cvs", name), WORKER, answers)
            self.assertEqual("rmdir build" in played.programs, not isOurs, name)
        without = self.play(CVS("/cvs", "named"), WORKER, {"stat": 1})
        self.assertNotIn("downloadFile", " ".join(without.programs))

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

    def test_stay(self) -> None:
        """The step ends also if many files stay, because their names cannot be told."""
        step = CVS(ROOT, "module", mode="full", method="clean")
        answers = {**THERE, "cat": "/cvs\nmodule\n", "cvs -n": "? left\n" * 200_000}
        self.assertEqual(self.play(step, answers=answers).result, SUCCESS)

    def test_password(self) -> None:
        """S3: no log has the password."""
        for commands in (SLAVE, OLD_SLAVE):
            played = self.play(
                CVS(ROOT, "m", login="pass word"), commands, {"cvs": {"stdout": ROOT.encode()}}
            )
            self.assertNotIn("sekrit", played.log)

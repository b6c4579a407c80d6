"""The commands for builds that ask the master: C{builds}, C{force}, C{stopbuild}, C{pause} …"""

from __future__ import annotations

import json
import os
import pwd
from typing import Any

from buildbot.control import client
from buildbot.scripts import builds, force, output, tables
from buildbot.scripts.tables import fitted, moment, outcome, table
from buildbot.status.report import reportSource
from buildbot.text.printable import width
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests

NOW = 1_800_000_000.0
ME = pwd.getpwuid(os.getuid()).pw_name
SOURCE: dict[str, Any] = {"branch": None, "revision": None, "changes": []}
RUNNING: dict[str, Any] = {
    **SOURCE,
    "builder": "full",
    "number": 7,
    "slave": "bot1",
    "started": NOW - 75,
    "finished": None,
    "result": None,
    "results": None,
    "text": [],
    "reason": "forced by me",
    "step": "compile",
    "eta": 130.2,
    "note": "",
}
FINISHED: dict[str, Any] = {
    **RUNNING,
    "number": 6,
    "finished": NOW - 10,
    "result": "success",
    "results": 0,
    "text": ["build", "successful"],
    "changes": [4],
    "branch": "trunk",
}
WAITING: dict[str, Any] = {"builder": "full", "requests": 3, "since": NOW - 4000, "why": "slave bot1: busy"}
NOTHING: dict[str, Any] = {"running": [], "waiting": [], "requests": [], "finished": [], "storeTrouble": ""}


class BuildsTests(AskingTests):
    """C{builds}."""

    def page(self, **said: Any) -> list[str]:
        return builds.buildsPage({**NOTHING, **said}, NOW)

    def test_nothing(self) -> None:
        """A master without builds gives one line."""
        self.answer = NOTHING
        said = command("builds", self.here)
        self.assertEqual((said.status, said.out), (0, "no builds yet\n"))

    def test_storeTrouble(self) -> None:
        """F5: while the disk is full, it prints that builds are missing here, not that there are none."""
        lines = self.page(storeTrouble="state.sqlite: database or disk is full")
        (line,) = lines
        self.assertIn("TROUBLE: no build starts", line)
        self.assertIn("disk is full", line)

    def test_conditions(self) -> None:
        """Each condition reaches the master; without a build that meets them, that is said."""
        self.answer = NOTHING
        said = command("builds", "-f", "--slave=bot1", "-b", "", "--since", "1970-01-03", self.here, "full")
        self.assertEqual((said.status, said.out), (0, "no build meets these conditions\n"))
        asked: Any = self.asked[0][2]
        self.assertAlmostEqual(asked.pop("since"), 2 * 86400, delta=86400)
        chosen = {"builder": "full", "slave": "bot1", "branch": "", "failed": True}
        self.assertEqual(asked, {"count": 20, **chosen})
        self.assertEqual(command("builds", "--since=soon", self.here).status, 2)

    def test_noneWanted(self) -> None:
        """With --count=0 it does not print that there are no builds."""
        self.answer = NOTHING
        said = command("builds", "-c", "0", self.here)
        self.assertEqual(said.out, "no build is running, and none is waiting\n")

    def test_running(self) -> None:
        """A running build is shown with its slave, its step, its time so far and to come, and its source."""
        _, line = self.page(running=[RUNNING])
        self.assertEqual(
            line.split("  "),
            ["full/7", " bot1", " compile", "1 min 15 s", "about 2 min 10 s", "latest", "forced by me"],
        )
        _, line = self.page(running=[{**RUNNING, "step": None, "eta": None, "revision": "r12"}])
        self.assertRegex(line, r"^full/7 +bot1 +- +1 min 15 s +- +r12 +forced")

    def test_finished(self) -> None:
        """A finished build is shown with its result, and the reason of a bad one."""
        failed = {**FINISHED, "result": "failure", "text": ["failed", "compile"], "changes": [3, 4, 5]}
        _, good, bad = self.page(finished=[FINISHED, failed])
        self.assertRegex(
            good, r"^full/6 +success +bot1 +20\d\d-.* +1 min 5 s +change 4 in trunk +forced by me$"
        )
        self.assertRegex(bad, r"^full/6 +failed: compile .*  3 changes up to 5 in trunk ")

    def test_outcomes(self) -> None:
        """A result is shown once, in words: who stopped it, which step failed, where an exception was."""
        for result, text, said in (
            ("success", ["build", "successful"], "success"),
            ("failure", ["failed", "warn"], "failed: warn"),
            ("failure", ["failed"], "failed"),
            ("failure", ["interrupted", "stopped by root: too slow"], "stopped by root: too slow"),
            ("exception", ["exception", "mine"], "exception in mine"),
            ("exception", ["exception", "mine", "exception"], "exception in mine"),
            ("exception", ["exception", "no room for it"], "exception: no room for it"),
            ("warnings", ["warnings", "compile"], "warnings: compile"),
            ("retry", ["slave", "lost", "(killed)"], "slave lost (killed), built again"),
        ):
            self.assertEqual(outcome({"result": result, "text": text}), said)
        failed = {"result": "failure", "text": ["failed", "warn"]}
        self.assertEqual(outcome(failed, "failure"), "failure: warn", "as the page of a build begins")

    def test_sortedBy(self) -> None:
        """The list shows the column by which it is sorted: the start."""
        heading, line = self.page(finished=[FINISHED])
        self.assertIn("STARTED", heading)
        self.assertIn(moment(FINISHED["started"]), line)

    def test_fits(self) -> None:
        """A table is no wider than the terminal: its widest columns are wrapped, and nothing is left out."""
        evil = {**FINISHED, "reason": "a reason of several words, and one-that-is-long-" + "x" * 40}
        for room in (40, 60, 80, 100):
            lines = builds.buildsPage({**NOTHING, "finished": [evil] * 3}, NOW, room=room)
            self.assertLessEqual(max(map(len, lines)), room)
            self.assertGreater(len(lines), 4)
        whole = builds.buildsPage({**NOTHING, "finished": [evil]}, NOW)
        self.assertEqual(builds.buildsPage({**NOTHING, "finished": [evil]}, NOW, room=1000), whole)
        self.assertEqual(fitted([30, 8, 20], 60), [28, 8, 20])
        self.assertEqual(fitted([30, 8, 20], 25), [15, 8])
        self.assertEqual(fitted([30], 5), [10])
        wide = table(("A", "B"), [("one two", "漢字" * 12)], 22)
        self.assertEqual(wide[1:3], ["one two  漢字漢字漢字", "         漢字漢字漢字"])
        self.assertEqual(max(map(width, wide)), 21)

    def test_manyChanges(self) -> None:
        """F12: of many changes only the last are named, but all are counted."""
        stamp = {"branch": None, "revision": "r250", "changes": [{"number": each} for each in range(1, 251)]}
        reported = reportSource(stamp)
        self.assertEqual((len(reported["changes"]), reported["changeCount"]), (100, 250))
        _, line = self.page(finished=[{**FINISHED, **reported}])
        self.assertIn("r250 (250 changes up to 250)", line)

    def test_source(self) -> None:
        """F2: the source is shown: the revision, the number of changes, and the branch."""
        sha = "0123456789abcdef0123456789abcdef01234567"
        for build, wanted in (
            ({"revision": "r7", "changes": [4]}, "r7 (change 4)"),
            (
                {"revision": sha, "changes": [3, 4], "branch": "dev"},
                "0123456789ab (2 changes up to 4) in dev",
            ),
            ({"revision": sha}, "0123456789ab"),
            ({"gotRevision": sha, "branch": "dev"}, "0123456789ab in dev"),
            ({"revision": 12, "gotRevision": "13"}, "12"),
            ({"branch": "dev"}, "latest in dev"),
        ):
            said = builds.source(
                {"revision": None, "branch": None, "changes": [], "gotRevision": None, **build}
            )
            self.assertEqual(said, wanted)

    def test_codebases(self) -> None:
        """The source of a build with several codebases names each, with the revision found."""
        sha = "0123456789abcdef0123456789abcdef01234567"
        empty: dict[str, Any] = {"revision": None, "branch": None, "changes": []}
        app = {**empty, "codebase": "app", "revision": "r7", "branch": "dev", "changes": [4]}
        build = {**app, "beside": [{**empty, "codebase": "lib"}, {**empty, "codebase": ""}]}
        self.assertEqual(
            builds.source({**build, "gotRevision": {"app": "r7", "lib": sha}}),
            "app r7 (change 4) in dev, lib 0123456789ab, latest",
        )
        self.assertEqual(
            builds.source({**build, "revision": None, "changes": [], "gotRevision": "r9"}),
            "app r9 in dev, lib latest, latest",
        )

    def test_waiting(self) -> None:
        """B8: waiting requests are shown with their number, the time since when, and the reason."""
        (line,) = self.page(waiting=[WAITING])
        self.assertEqual(line, "waiting for full: 3 requests, the oldest for 1 h 6 min: slave bot1: busy")
        (line,) = self.page(waiting=[{**WAITING, "requests": 1, "why": ""}])
        self.assertIn("1 request, the oldest for 1 h 6 min: about to start", line)

    def test_strangers(self) -> None:
        """No text from others can move the cursor or break a row."""
        evil = "\x1b[2J\nx" * 50
        lines = self.page(
            running=[{**RUNNING, "reason": evil, "slave": evil, "step": evil, "branch": evil}],
            waiting=[{**WAITING, "builder": evil, "why": evil}],
            finished=[{**FINISHED, "reason": evil, "text": [evil], "result": "failure"}],
        )
        self.assertEqual(len(lines), 7)
        self.assertNotIn("\x1b", "".join(lines))

    def test_asks(self) -> None:
        """The builder and the number of builds are sent; with --json it prints the master's own answer."""
        self.answer = {**NOTHING, "running": [RUNNING]}
        said = command("builds", "--json", "--count", "3", self.here, "full")
        self.assertEqual(json.loads(said.out), self.answer)
        command("builds", self.here)
        self.assertEqual([asked[2] for asked in self.asked], [{"count": 3, "builder": "full"}, {"count": 20}])

    def test_durations(self) -> None:
        """A duration is shown in its two largest units."""
        for seconds, said in (
            (-3, "0 s"),
            (0.4, "0 s"),
            (59.6, "1 min"),
            (61, "1 min 1 s"),
            (3600, "1 h"),
            (90000, "1 d 1 h"),
        ):
            self.assertEqual(tables.duration(seconds), said)


class ForceTests(AskingTests):
    """C{force}."""

    def test_begun(self) -> None:
        """It prints the started build, and the command to look at it."""
        self.answer = {"builder": "full", "request": 3, "build": 7, "why": ""}
        said = command("force", self.here, "full")
        self.assertEqual(said.status, 0)
        self.assertEqual(
            said.out,
            f"build 7 of full has started\n  buildbot log -f {self.here} full/7\n",
        )
        self.assertEqual(self.asked, [(self.here, "force", {"builder": "full", "who": ME}, output.PATIENCE)])

    def test_waits(self) -> None:
        """B8: it prints why the build has not started."""
        self.answer = {"builder": "full", "request": 3, "build": None, "why": "slave bot1: not attached"}
        said = command("force", self.here, "full")
        self.assertEqual(said.out, "request 3 for full waits: slave bot1: not attached\n")
        self.answer = {**self.answer, "why": ""}
        self.assertEqual(command("force", self.here, "full").out, "request 3 for full waits\n")

    def test_everything(self) -> None:
        """All options are sent to the master."""
        self.answer = {"builder": "full", "request": 3, "build": None, "why": ""}
        arguments = ["-b", "größe", "--revision=12", "--reason", "why not", "--property", "a=b=c", "-p", "d="]
        said = command("force", *arguments, "--json", self.here, "full")
        self.assertEqual(json.loads(said.out), self.answer)
        self.assertEqual(
            self.asked[0][2],
            {
                "builder": "full",
                "who": ME,
                "branch": "größe",
                "revision": "12",
                "reason": "why not",
                "properties": {"a": "b=c", "d": ""},
            },
        )

    def test_wrongProperty(self) -> None:
        """A property without a name or a value is refused before the master is asked."""
        for word in ("novalue", "=noname"):
            said = command("force", "--property", word, self.here, "full")
            self.assertEqual(said.status, 2)
            self.assertIn("NAME=VALUE", said.err)
        self.assertEqual(self.asked, [])

    def test_scheduler(self) -> None:
        """The parameters of a scheduler are sent as lists: one of them may be given several times."""
        self.answer = {"builder": "full", "request": 3, "build": None, "why": ""}
        arguments = ["--scheduler=form", "--param", "jobs=4", "-P", "tag=a", "-P", "tag=b=c", "-P", "none="]
        command("force", *arguments, self.here, "full")
        params = {"jobs": ["4"], "tag": ["a", "b=c"], "none": [""]}
        self.assertEqual(
            self.asked[0][2], {"builder": "full", "who": ME, "scheduler": "form", "params": params}
        )

    def test_paramAlone(self) -> None:
        """A parameter needs its scheduler, and a value; the master is not asked."""
        for arguments, told in (
            (["-P", "jobs=4"], "--param belongs to a scheduler: give --scheduler too"),
            (["-s", "form", "-P", "jobs"], "--param must be NAME=VALUE, not 'jobs'"),
        ):
            said = command("force", *arguments, self.here, "full")
            self.assertEqual(said.status, 2)
            self.assertIn(told, said.err)
        self.assertEqual(self.asked, [])

    def test_parameters(self) -> None:
        """With --list-parameters it prints the parameters of all schedulers of the builder."""
        one = {
            **{"name": "mode", "label": "Mode:", "type": "list", "required": False, "default": "quick"},
            **{"multiple": True, "choices": ["quick", "slow"], "pattern": "^[a-z]", "person": False},
            "free": True,
        }
        plain = {**one, "label": "mode", "multiple": False, "choices": [], "pattern": None}
        parameters = [{**plain, "name": "who", "person": True}, one, {**plain, "name": "n", "required": True}]
        form = {"scheduler": "form", "label": "form", "parameters": parameters}
        self.answer = {"builder": "full", "schedulers": [form]}
        said = command("force", "--list-parameters", self.here, "full")
        self.assertEqual(
            [line.split(None, 3) for line in said.out.splitlines()[1:]],
            [
                ["PARAMETER", "KIND", "DEFAULT", "MEANING"],
                ["who", "list", "your", "login name  mode"],
                [
                    "mode",
                    "list",
                    '"quick"',
                    "Mode:; one of quick, slow, or another text; matches ^[a-z]; may be repeated",
                ],
                ["n", "list", "required", "mode"],
            ],
        )
        self.assertEqual(said.out.splitlines()[0], "scheduler form:")
        self.assertEqual(self.asked, [(self.here, "parameters", {"builder": "full"}, output.PATIENCE)])
        self.assertEqual(json.loads(command("force", "-lj", self.here, "full").out), self.answer)

    def test_noForm(self) -> None:
        """A builder without a ForceScheduler has no parameters."""
        self.answer = {"builder": "full", "schedulers": []}
        said = command("force", "-l", self.here, "full")
        self.assertEqual(
            said.out, "no ForceScheduler has the builder full: it is forced without --scheduler\n"
        )


class StopBuildTests(AskingTests):
    """C{stopbuild}."""

    def test_stopped(self) -> None:
        """It prints which build is being stopped."""
        self.answer = {"builder": "full", "stopped": [7], "cancelled": []}
        said = command("stopbuild", self.here, "full", "7", "--reason", "wrong")
        self.assertEqual((said.status, said.out), (0, "build 7 of full is being stopped\n"))
        self.assertEqual(
            self.asked[0][2], {"builder": "full", "who": ME, "pending": False, "number": 7, "reason": "wrong"}
        )

    def test_pending(self) -> None:
        """With --pending it prints the number of cancelled requests."""
        for ids, words_ in (
            ([], "0 waiting requests"),
            ([4], "1 waiting request"),
            ([4, 5], "2 waiting requests"),
        ):
            self.answer = {"builder": "full", "stopped": [], "cancelled": ids}
            self.assertEqual(
                command("stopbuild", self.here, "full", "--pending").out, f"{words_} cancelled\n"
            )

    def test_json(self) -> None:
        """With --json it prints the master's own answer."""
        self.answer = {"builder": "full", "stopped": [7], "cancelled": []}
        self.assertEqual(json.loads(command("stopbuild", self.here, "full", "-j").out), self.answer)

    def test_asPrinted(self) -> None:
        """A build can be given as C{builds} and C{log} print it, unless a builder has such a name."""
        builders = ["full", "linux/64", "linux"]

        def answer(config: object, verb: str, params: dict[str, Any], *more: object) -> object:
            if params["builder"] not in builders:
                raise output.CommandFailed(f"no builder {params['builder']!r} in c['builders']")
            if params.get("number") == 99:
                raise output.CommandFailed("build 99 of full does not run")
            return {"builder": params["builder"], "stopped": [params.get("number", 7)], "cancelled": []}

        self.patch(force, "askMaster", answer)
        for given, said in (
            ("full/13", "build 13 of full is being stopped\n"),
            ("full/13/compile/stdio", "build 13 of full is being stopped\n"),
            ("linux/64", "build 7 of linux/64 is being stopped\n"),
            ("linux/64/3", "build 3 of linux/64 is being stopped\n"),
        ):
            self.assertEqual(command("stopbuild", self.here, given).out, said)
        self.assertIn("build 99 of full does not run", command("stopbuild", self.here, "full/99").err)
        self.assertIn("no builder 'none/7'", command("stopbuild", self.here, "none/7").err)
        self.assertIn("no builder 'full/13'", command("stopbuild", self.here, "full/13", "5").err)

    def test_onlyWaiting(self) -> None:
        """If no build runs, but requests wait, it prints how to cancel them."""
        self.waiting = [WAITING]
        refusal = client.ControlError("no build of full runs")
        self.patch(client, "request", lambda here, verb, *more: self.answered(refusal, verb))
        hint = "3 requests wait for it: --pending cancels them\n"
        self.assertEqual(self.failure("stopbuild", self.here, "full"), f"no build of full runs\n{hint}")
        self.assertEqual(self.failure("stopbuild", self.here, "full", "7"), "no build of full runs\n")
        self.waiting = []
        self.assertEqual(self.failure("stopbuild", self.here, "full"), "no build of full runs\n")

    def answered(self, refusal: Exception, verb: str) -> object:
        """The master's answer if there is no build to stop."""
        if verb == "builds":
            return {**NOTHING, "waiting": self.waiting}
        raise refusal


class PauseTests(AskingTests):
    """C{pause}, C{drain}, C{unpause}."""

    def test_pause(self) -> None:
        """O7: the name in a pause is the account that runs the command, whatever the environment says."""
        self.patch(os, "environ", {**os.environ, "LOGNAME": "mallory", "USER": "mallory"})
        self.answer = {"slave": "bot1", "kind": "paused", "running": 0}
        said = command("pause", self.here, "bot1", "--reason", "new disk")
        self.assertEqual((said.status, said.out), (0, "slave bot1 is paused\n"))
        self.assertEqual(self.asked[0][1:3], ("pause", {"slave": "bot1", "who": ME, "why": "new disk"}))

    def test_drain(self) -> None:
        """It prints which builds still run there."""
        for running, more in ((1, "; 1 build still running there"), (2, "; 2 builds still running there")):
            self.answer = {"slave": "bot1", "kind": "draining", "running": running}
            self.assertEqual(command("drain", self.here, "bot1").out, f"slave bot1 is draining{more}\n")
        self.assertEqual(self.asked[0][1:3], ("drain", {"slave": "bot1", "who": ME, "why": ""}))

    def test_unpause(self) -> None:
        """It prints whether the slave was paused."""
        self.answer = {"slave": "bot1", "unpaused": True}
        self.assertEqual(command("unpause", self.here, "bot1").out, "slave bot1 is no longer paused\n")
        self.answer = {"slave": "bot1", "unpaused": False}
        self.assertIn("was not paused", command("unpause", self.here, "bot1").out)

    def test_json(self) -> None:
        """With --json it prints the master's own answer."""
        self.answer = {"slave": "bot1", "kind": "paused", "running": 0, "unpaused": True}
        for verb in ("pause", "drain", "unpause"):
            self.assertEqual(json.loads(command(verb, "--json", self.here, "bot1").out), self.answer)

    def test_nameless(self) -> None:
        """An account without a name, as in some containers, is shown by its number."""

        def getpwuid(uid: int) -> Any:
            raise KeyError(uid)

        self.patch(pwd, "getpwuid", getpwuid)
        self.assertEqual(output.loginName(), f"uid {os.getuid()}")

"""Source from Perforce, on scripted slaves: the exact commands."""

from __future__ import annotations

from typing import Any

from buildbot.model.results import SUCCESS
from buildbot.steps.source.p4 import P4, P4Sync
from tests.unit.steps.source.scripted import OLD_SLAVE, SLAVE, SourceCase, change

P4ARGS: dict[str, Any] = {
    "p4port": "host:1666",
    "p4user": "me",
    "p4passwd": "sekrit",
    "p4extra_views": [("//depot/lib", "lib dir")],
}
FLAGS = "p4 -p host:1666 -u me -P XXXXXX -c buildbot_bot1_full"


class P4Tests(SourceCase):
    """The slave's own command, and commands of the master."""

    def test_own(self) -> None:
        """The slave's command gets all that 0.7.5 sends."""
        told = self.own(
            P4("//depot/x", "trunk", **P4ARGS), OLD_SLAVE, changes=[change(7, "b"), change(5, "b")]
        )
        wanted = {
            "": "p4",
            "p4port": "host:1666",
            "p4user": "me",
            "p4passwd": "sekrit",
            "p4client": "buildbot_bot1_full",
            "p4base": "//depot/x",
            "p4extra_views": [("//depot/lib", "lib dir")],
            "branch": "b",
            "revision": 7,
            "mode": "update",
        }
        self.assertEqual({name: told[name] for name in wanted}, wanted)
        self.assertNotIn("p4line_end", told)
        self.assertEqual(self.own(P4("//d", p4line_end="unix"))["p4line_end"], "unix")

    def test_driven(self) -> None:
        """The master describes the client, and syncs it."""
        answers = {f"{FLAGS} changes": "Change 17 on 2026/11/29 by me\n", "pwd": "/slave/full/build\n"}
        played = self.play(P4("//depot/x", "trunk", mode="clobber", **P4ARGS), answers=answers, revision=17)
        wanted = [
            "rmdir build",
            "mkdir build",
            "pwd @build",
            f"{FLAGS} client -i @build",
            f"{FLAGS} sync -f //buildbot_bot1_full/...@17 @build",
            f"{FLAGS} changes -m 1 //buildbot_bot1_full/...#have @build",
        ]
        self.assertEqual((played.programs, played.result, played.got()), (wanted, SUCCESS, "17"))
        spec = next(each.args["initial_stdin"] for each in played.sent if "initial_stdin" in each.args)
        for line in (
            "Client: buildbot_bot1_full\n",
            "Root: /slave/full/build\n",
            "LineEnd: local\n",
            "\t//depot/x/trunk/... //buildbot_bot1_full/...\n",
            '\t//depot/lib/... "//buildbot_bot1_full/lib dir/..."\n',
        ):
            self.assertIn(line, spec)
        self.assertNotIn("sekrit", played.log)

    def test_update(self) -> None:
        """A tree that is there is only synced."""
        played = self.play(P4("//d", **P4ARGS), answers={"stat build/.buildbot": 1, "stat build/.": 0})
        self.assertIn(f"{FLAGS} sync //buildbot_bot1_full/... @build", played.programs)
        self.assertNotIn("rmdir build", played.programs)

    def test_viewspec(self) -> None:
        """A view may be given as a whole."""
        step = P4(p4viewspec=[("//depot/a/...", "b/...")], p4branch="x", p4client="me")
        played = self.play(step, SLAVE, {"stat": 1})
        spec = next(each.args["initial_stdin"] for each in played.sent if "initial_stdin" in each.args)
        self.assertIn("View:\n\t//depot/a/... //me/b/...\n", spec)

    def test_sync(self) -> None:
        """P4Sync uses the slave's client."""
        step = P4Sync("host:1666", "me", "sekrit", "mine", mode="copy")
        told = self.own(step, OLD_SLAVE, revision=7)
        self.assertEqual(
            (told[""], told["p4client"], told["revision"], told["mode"]), ("p4sync", "mine", "7", "copy")
        )
        played = self.play(step, answers={"stat source": 1}, revision=7)
        wanted = [
            "rmdir source",
            "mkdir source",
            "p4 -p host:1666 -u me -P XXXXXX -c mine sync -f @7 @source",
            "rmdir build",
            "cpdir source build",
        ]
        self.assertEqual((played.programs, played.result), (wanted, SUCCESS))

    def test_wrong(self) -> None:
        """A wrong view is refused; no message shows the password."""
        with self.assertRaises(TypeError) as caught:
            P4("//d", p4passwd=b"sekrit", p4extra_views=["x"])
        self.assertIn("p4extra_views must be a list of pairs", str(caught.exception))
        self.assertNotIn("sekrit", str(caught.exception))

"""The P4Source, with a program that answers as p4 does."""

from __future__ import annotations

import json
import sys
from typing import Any

from buildbot.changes.p4poller import P4Source, get_simple_split
from tests.processes.pollercase import PollerCase

#: A p4 that reads its depot from a file beside it, and writes down how it was called.
_P4 = """\
#!{python}
import json, marshal, os, pathlib, sys, time
here = pathlib.Path(__file__).parent
depot = json.loads((here / "depot").read_text())
arguments = sys.argv[1:]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps([arguments, os.environ.get("P4PASSWD")]) + "\\n")


def tell(**record):
    told = {{}}
    for key, value in record.items():
        told[key.encode()] = value if isinstance(value, int) else value.encode()
    sys.stdout.buffer.write(marshal.dumps(told, 0))


def fail(text):
    tell(code="error", data=text + "\\n", severity=3, generic=5)
    sys.exit(1)


if arguments[-2:] == ["login", "-p"]:
    password = sys.stdin.readline().strip()
    if password != depot["password"]:
        sys.stderr.write("Password invalid: " + password + "\\n")
        sys.exit(1)
    print("Enter password: ")
    print(depot["ticket"])
    sys.exit()
if depot["wanted"] and os.environ.get("P4PASSWD") != depot["wanted"]:
    fail("Perforce password (P4PASSWD) invalid or unset: " + str(os.environ.get("P4PASSWD")))
verb, *rest = arguments[arguments.index("-G") + 1 :]
if verb == "changes":
    path, _, since = rest[-1].partition("@")
    path = path.removesuffix("...")
    first = int(since.partition(",")[0] or 0)
    numbers = [n for n in range(len(depot["changes"]), 0, -1) if n >= first]
    numbers = [n for n in numbers if any(f.startswith(path) for f in depot["changes"][n - 1]["files"])]
    for number in numbers[: int(rest[rest.index("-m") + 1])] if "-m" in rest else numbers:
        tell(code="stat", change=number, user="zoë", client="c", status="submitted", desc="trunc", time=1)
elif verb == "describe":
    change = depot["changes"][int(rest[-1]) - 1]
    files = {{f"depotFile{{at}}": file for at, file in enumerate(change["files"])}}
    about = {{"change": rest[-1], "user": "zoë", "client": "c", "time": str(1000 + int(rest[-1]))}}
    tell(code="stat", desc=change["desc"], **about, **files)
"""


class P4Case(PollerCase):
    """A depot of Perforce."""

    def setUp(self) -> None:
        super().setUp()
        self.p4 = self.here / "p4"
        self.p4.write_text(_P4.format(python=sys.executable))
        self.p4.chmod(0o755)
        self.depot: dict[str, Any] = {"changes": [], "wanted": None, "password": "s3cret", "ticket": "T1CKET"}
        self.save()
        self.start()

    def save(self) -> None:
        """Write the depot down."""
        (self.here / "depot").write_text(json.dumps(self.depot))

    def commit(self, *files: str, comments: str = "because\n") -> str:
        """Submit some files as one changelist. Returns its number."""
        paths = [f"//depot/p/{file}" for file in files or ("trunk/a.c",)]
        self.depot["changes"].append({"files": paths, "desc": comments})
        self.save()
        return str(len(self.depot["changes"]))

    def start(self, **kw: Any) -> None:
        """Start a new master on the same store, with a poller."""
        options: dict[str, Any] = {"p4base": "//depot/p/", "split_file": get_simple_split}
        self.use(P4Source(**{"p4port": "h:1666", "p4user": "joe", "p4bin": str(self.p4), **options, **kw}))

    def calls(self) -> list[tuple[list[str], str | None]]:
        """The arguments and the password of each call of p4."""
        return [tuple(json.loads(line)) for line in (self.here / "calls").read_text().splitlines()]


class LookTests(P4Case):
    """The poller finds new changelists."""

    async def test_changes(self) -> None:
        """Each changelist makes a change, with all that is known of it; the first look makes none."""
        self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.changes(), self.poller.failure), ([], ""))
        self.commit("trunk/b ü.c", "trunk/x%40y", comments="one\n\n two ü\n")
        self.depot["changes"].append({"files": ["//depot/other"], "desc": ""})
        self.commit()
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["2", "4"], ""))
        change = self.changes()[0]
        self.assertEqual((change.who, change.files, change.branch), ("zoë", ["b ü.c", "x@y"], "trunk"))
        self.assertEqual((change.comments, change.when), ("one\n\n two ü\n", 1002.0))
        self.assertEqual(self.calls()[0][0][:5], ["-p", "h:1666", "-u", "joe", "-G"])

    async def test_branches(self) -> None:
        """A changelist on two branches makes two changes; a file outside of all branches makes none."""
        await self.poller.doPoll()
        self.commit("b1/x", "b2/y", "b1/z", "notes")
        self.commit("notes")
        self.commit("b2/y")
        await self.poller.doPoll()
        found = [(each.revision, each.branch, each.files) for each in self.changes()]
        self.assertEqual(found, [("1", "b1", ["x", "z"]), ("1", "b2", ["y"]), ("3", "b2", ["y"])])

    async def test_options(self) -> None:
        """A change has the project, the category, the link and the author that the configuration gives."""
        options = {
            "project": "pr",
            "category": "c",
            "revlink": "http://x/{}/{}".format,
            "resolvewho": str.upper,
        }
        self.start(**options)
        await self.poller.doPoll()
        self.commit()
        await self.poller.doPoll()
        (change,) = self.changes()
        self.assertEqual((change.project, change.category, change.who), ("pr", "c", "ZOË@C"))
        self.assertEqual(change.revlink, "http://x/trunk/1")

    async def test_split(self) -> None:
        """A split_file that fails is an error of the look, and loses nothing."""
        await self.poller.doPoll()
        self.commit("x")
        self.start(split_file=lambda path: path.split("/", 1))
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "^split_file failed on 'x': ValueError")
        self.start(split_file=lambda path: (None, path))
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["1"], ""))

    def test_simple(self) -> None:
        """The usual layout of a depot: each branch is a directory."""
        for path, wanted in (
            ("a/b/c", ("a", "b/c")),
            ("a", (None, None)),
            ("/b", ("", "b")),
            ("a/", ("a", "")),
        ):
            self.assertEqual(get_simple_split(path), wanted)


class PasswordTests(P4Case):
    """The password reaches p4, and nobody else (S3)."""

    def assertHidden(self, *secrets: str) -> None:
        """Check that no secret is among arguments, states and errors."""
        states = self.successResultOf(self.store.getStates(""))
        arguments = [each for each, _ in self.calls()]
        told = f"{self.poller.failure} {self.poller.describe()} {states} {arguments}"
        for secret in secrets:
            self.assertNotIn(secret, told)

    async def test_password(self) -> None:
        """The password is in the environment of p4. A wrong one is told without showing it."""
        self.depot["wanted"] = "s3cret"
        self.commit()
        self.start(p4passwd="s3cret")
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.calls()[0][1]), ("", "s3cret"))
        self.assertHidden("s3cret")
        self.start(p4passwd="wr0ng")
        await self.poller.doPoll()
        self.assertEqual(
            self.poller.failure, "p4 changes: Perforce password (P4PASSWD) invalid or unset: XXXX"
        )
        self.assertHidden("wr0ng")

    async def test_tickets(self) -> None:
        """One login gives a ticket for all commands; after a failure there is a new login."""
        self.depot["wanted"] = self.depot["ticket"]
        self.save()
        self.start(p4passwd="s3cret", use_tickets=True)
        await self.poller.doPoll()
        self.commit()
        await self.poller.doPoll()
        verbs = [arguments[-2] if arguments[-1] == "-p" else arguments[5] for arguments, _ in self.calls()]
        self.assertEqual(verbs, ["login", "changes", "changes", "describe"])
        self.assertHidden("s3cret", "T1CKET")
        self.depot["wanted"] = self.depot["ticket"] = "N3W"
        self.commit()
        await self.poller.doPoll()
        self.assertRegex(self.poller.failure, "invalid or unset: XXXX")
        self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.poller.failure, self.revisions()), ("", ["1", "2", "3"]))

    async def test_oldTicket(self) -> None:
        """After ticket_login_interval there is a new login."""
        self.start(p4passwd="s3cret", use_tickets=True, ticket_login_interval=1e-6)
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual([arguments[-2:] for arguments, _ in self.calls()].count(["login", "-p"]), 2)

    async def test_badLogin(self) -> None:
        """A login that fails is told without the password."""
        self.start(p4passwd="wr0ng", use_tickets=True)
        await self.poller.doPoll()
        self.assertEqual(self.poller.failure, "p4 login: Password invalid: XXXX")
        self.assertHidden("wr0ng")


class TroubleTests(P4Case):
    """Servers that are away, and programs that are no p4."""

    async def test_trouble(self) -> None:
        """The look fails for each of these reasons, and nothing is lost."""
        await self.poller.doPoll()
        self.commit()
        for script, why in (
            ("echo 'Perforce client error:' >&2; exit 1", "p4 changes: Perforce client error:"),
            ("echo nonsense", "p4 printed something other than records"),
        ):
            program = self.here / "bad"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            self.start(p4bin=str(program))
            await self.poller.doPoll()
            self.assertEqual(self.poller.failure, why)
        self.start()
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["1"], ""))

    async def test_killed(self) -> None:
        """Each branch of each changelist makes one change, however often the master dies between two."""
        await self.poller.doPoll()
        for _ in range(3):
            self.commit("b1/a", "b2/b")
        for _ in range(20):
            self.start()
            if not await self.lookAndDie():
                break
        self.assertEqual(self.revisions(), ["1", "1", "2", "2", "3", "3"])
        self.assertGreater(len(self.masters), 6)

    async def test_killedOften(self) -> None:
        """20 changelists make 20 changes while the master is killed 10 times."""
        await self.killOften()

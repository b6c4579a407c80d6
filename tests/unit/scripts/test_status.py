"""The command C{status}: a table, a page, or JSON."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial import unittest

from buildbot.control import client
from buildbot.scripts import status, tables
from buildbot.text.printable import width
from tests.commandline import Spoken, command, directory

NOW = 1_800_000_000.0
MASTER: dict[str, Any] = {
    "pid": 7,
    "since": NOW - 90,
    "version": "1.0",
    "basedir": "/m",
    "projectName": "Example",
    "generation": 3,
    "ports": ["tcp 9989", "tls 9990"],
    "slaves": 2,
    "connected": 1,
    "builders": 1,
}
BOT: dict[str, Any] = {
    "name": "bot1",
    "connected": True,
    "state": "ready",
    "since": NOW - 7200,
    "address": "10.0.0.1:4711",
    "generation": "worker 4.3.0 (python 3)",
    "version": "4.3.0",
    "admin": "me",
    "host": "a machine",
    "builders": ["full", "quick"],
    "note": None,
    "events": [],
}
ABSENT: dict[str, Any] = {
    **dict.fromkeys(BOT),
    "name": "bot2",
    "connected": False,
    "state": "absent",
    "builders": [],
    "events": [],
}


RUNNING: dict[str, Any] = {
    "builder": "full",
    "number": 7,
    "slave": "bot1",
    "step": "compile",
    "started": NOW - 75,
    "eta": 130.2,
}
WAITING: dict[str, Any] = {"builder": "full", "requests": 2, "since": NOW - 60, "why": "slave bot1: busy"}
PAUSE: dict[str, Any] = {"slave": "bot1", "who": "ann", "when": NOW - 60, "why": "new disk", "kind": "paused"}


class PageTests(unittest.TestCase):
    """The output."""

    def test_builds(self) -> None:
        """B8: running builds with their remaining time, and waiting requests with the reason, are below the
        table.
        """
        lines = status.masterPage({**MASTER, "running": [RUNNING], "waiting": [WAITING]}, [BOT], NOW)
        self.assertEqual(
            lines[-3:],
            [
                "",
                "running: full/7 on bot1, compile, for 1 min 15 s, about 2 min 10 s to go",
                "waiting for full: 2 requests, the oldest for 1 min: slave bot1: busy",
            ],
        )
        quiet = {**RUNNING, "step": None, "eta": None}
        lines = status.masterPage({**MASTER, "running": [quiet]}, [BOT], NOW)
        self.assertEqual(lines[-1], "running: full/7 on bot1, about to start, for 1 min 15 s")

    def test_refused(self) -> None:
        """A slave whose login is refused is shown as such, below the table."""
        lost = {"when": NOW - 9, "text": "disconnected from 10.0.0.2:4: the connection was lost"}
        refusal = {"when": NOW - 5, "text": "login from 10.0.0.2:5 refused: wrong password\x1b[2J"}
        for bot, events, told in (
            (ABSENT, [lost, refusal], True),
            (ABSENT, [refusal, lost], False),
            (ABSENT, [], False),
            (BOT, [refusal], False),
        ):
            lines = status.masterPage(MASTER, [{**bot, "events": events}], NOW)
            about = [line for line in lines if "wrong password" in line]
            at = tables.moment(NOW - 5)
            said = f"{bot['name']} at {at}: login from 10.0.0.2:5 refused: wrong password\\x1b[2J"
            self.assertEqual(about, [said] if told else [])

    def test_pages(self) -> None:
        """It tells where the pages are; a master without pages, or of an earlier release, tells nothing."""
        for told, found in (
            ({"pages": ["http://ci/", "tcp 8010"]}, ["pages: http://ci/, tcp 8010"]),
            ({"pages": []}, []),
            ({}, []),
        ):
            lines = status.masterPage({**MASTER, **told}, [], NOW)
            self.assertEqual([each for each in lines if each.startswith("pages:")], found)

    def test_pagesOnly(self) -> None:
        """The processes with pages are named."""
        master = {**MASTER, "pagesOnly": [{"name": "m2:/pages (pid 7)", "since": NOW - 60}]}
        lines = status.masterPage(master, [BOT], NOW)
        (line,) = (each for each in lines if "pages in" in each)
        self.assertIn("pages in m2:/pages (pid 7), followed", line)

    def test_logStorage(self) -> None:
        """Logs that wait for object storage are shown, with the limit and the next attempt."""
        idle = {"place": "http://s3/logs/", "waiting": 0, "waitingBytes": 0, "removals": 0, "reason": ""}
        lines = status.masterPage({**MASTER, "logStorage": {**idle, "spoolLimit": None}}, [BOT], NOW)
        self.assertIn("logs go to http://s3/logs/", lines)
        waits = {**idle, "waiting": 2, "waitingBytes": 5 << 20, "spoolLimit": 10 << 30, "removals": 1}
        waits |= {"reason": "no route", "retryAt": NOW + 60}
        (line,) = [
            each
            for each in status.masterPage({**MASTER, "logStorage": waits}, [BOT], NOW)
            if each.startswith("logs go to")
        ]
        self.assertEqual(
            line,
            f"logs go to http://s3/logs/: {tables.size(5 << 20)} of 2 builds wait, no build begins beyond"
            f" {tables.size(10 << 30)}; 1 removal to do; the next attempt comes in 1 min",
        )

    def test_outgoing(self) -> None:
        """Messages that wait for another server are shown, with the reason."""
        waits = {"target": "mail to localhost", "waiting": 2, "failures": 3, "since": NOW - 60}
        idle = {**waits, "target": "mail to other", "waiting": 0}
        lines = status.masterPage({**MASTER, "outgoing": [{**waits, "reason": "refused"}, idle]}, [BOT], NOW)
        self.assertIn("mail to localhost: 2 messages waiting, failing for 1 min: refused", lines)
        later = {**waits, "reason": "refused", "retryAt": NOW + 120}
        lines = status.masterPage({**MASTER, "outgoing": [later]}, [BOT], NOW)
        self.assertIn("refused; the next attempt comes in 2 min", "".join(lines))
        left = {**waits, "failures": 0, "reason": "nothing uses it"}
        lines = status.masterPage({**MASTER, "outgoing": [left]}, [BOT], NOW)
        self.assertIn("mail to localhost: 2 messages waiting: nothing uses it", lines)
        self.assertNotIn("mail to other", "\n".join(lines))

    def test_paused(self) -> None:
        """O7: a paused slave is shown as such, with who, since when and why, in the table and on its page."""
        bot = {**BOT, "paused": PAUSE, "running": 1}
        lines = status.masterPage(MASTER, [bot], NOW)
        self.assertIn("connected, paused", lines[5])
        self.assertRegex(lines[-1], r"^bot1 is paused by ann 1 min ago: new disk$")
        page = status.slavePage(bot, NOW)
        self.assertIn("builds:   1 running", page)
        self.assertRegex("\n".join(page), r"\npaused:   paused by ann 1 min ago: new disk\n")
        away = {**ABSENT, "paused": {**PAUSE, "kind": "draining", "why": "", "who": ""}}
        lines = status.masterPage(MASTER, [away], NOW)
        self.assertIn("not connected, draining", lines[5])
        self.assertRegex(lines[-1], r"^bot2 is draining by somebody 1 min ago$")
        drained = status.masterPage(MASTER, [{**away, "drained": True}], NOW)
        self.assertIn("not connected, drained", drained[5])
        self.assertEqual(drained[-1], "bot2 is drained, safe to switch off (by somebody 1 min ago)")

    def test_store(self) -> None:
        """P4, P8, F5: the size of the store is shown; if it fails, so is what to do."""
        keeps = {"builds": 500, "days": 365.0}
        said = "keeps the last 500 builds of each builder"
        trouble = {
            "subject": "store",
            "what": "no build begins",
            "why": "disk is full",
            "cure": "make room",
            "since": NOW - 60,
        }
        lines = status.masterPage({**MASTER, "keeps": keeps, "troubles": [trouble]}, [], NOW)
        self.assertEqual(lines[3], f"{said}, none older than 365 days")
        self.assertRegex(lines[4], r"^TROUBLE since .* \(1 min\): no build begins: disk is full$")
        self.assertEqual(lines[5:], ["  what to do: make room"])
        lines = status.masterPage(
            {**MASTER, "storeServer": "PostgreSQL 15.4, database ci at db:5432"}, [], NOW
        )
        self.assertEqual(lines[3], "store: PostgreSQL 15.4, database ci at db:5432")
        lines = status.masterPage({**MASTER, "keeps": {"builds": 1, "days": 1.0}}, [], NOW)
        self.assertEqual(lines[3], "keeps the last 1 build of each builder, none older than 1 day")
        lines = status.masterPage({**MASTER, "keeps": {**keeps, "days": None}, "troubles": []}, [], NOW)
        self.assertEqual(lines[3:], [said])

    def test_masters(self) -> None:
        """With a shared store, the page says who is active, who waits, and who does not answer."""
        other = {"name": "two:/m", "state": "standby", "heard": 0.4, "isReady": True, "release": "1"}
        masters = {"state": "active", "epoch": 3, "release": "1", "trouble": "", "others": [other]}

        def lines(**changes: object) -> list[str]:
            return status.masterPage({**MASTER, "masters": {**masters, **changes}}, [], NOW)[3:]

        self.assertEqual(lines(), ["active in epoch 3: two:/m waits, heard 0 s ago"])
        self.assertEqual(lines(others=[]), ["active in epoch 3: no other master waits"])
        dead = {**other, "heard": 18.2, "isReady": False, "release": "2"}
        self.assertEqual(
            lines(others=[dead]), ["active in epoch 3: two:/m does not answer (buildbot 2), heard 18 s ago"]
        )
        before = "standby, takes over when the active master is gone: "
        active = {**other, "state": "active"}
        self.assertEqual(
            lines(state="standby", others=[active]), [before + "two:/m is active, heard 0 s ago"]
        )
        self.assertEqual(
            lines(state="standby", others=[], trouble="no route"),
            [before + "no master is active; the database does not answer: no route"],
        )
        lost = "; the database does not answer: no route"
        self.assertEqual(
            lines(state="standby", others=[{**active, "heard": 18.2}], trouble="no route"),
            [f"{before}two:/m was active, heard 18 s ago{lost}"],
        )
        self.assertEqual(
            lines(others=[dead], trouble="no route"),
            [f"active in epoch 3: two:/m waited (buildbot 2), heard 18 s ago{lost}"],
        )

    def test_stops(self) -> None:
        """A master that stops, or hands over, once its builds have ended says so: no build starts."""
        stop = {"who": "ann", "when": NOW - 90}
        ask = "`buildbot stop --cancel` takes it back"
        (line,) = status.masterPage({**MASTER, "shutdown": stop}, [], NOW)[3:]
        ends = "once the running builds have ended, and starts no others"
        self.assertEqual(line, f"stops {ends} (asked by ann 1 min ago; {ask})")
        masters = {"state": "active", "epoch": 3, "release": "1", "trouble": "", "others": []}
        masters["handOver"] = {"to": "two:/m", "givenUp": ""}
        stopping = {**MASTER, "shutdown": {**stop, "who": ""}, "masters": masters}
        self.assertEqual(
            status.masterPage(stopping, [], NOW)[4], f"hands over to two:/m {ends} (asked 1 min ago; {ask})"
        )

    def test_table(self) -> None:
        """The master has three lines, then each slave a line, in columns."""
        lines = status.masterPage(MASTER, [BOT, ABSENT], NOW)
        self.assertRegex(lines[0], r"^buildmaster in /m \(Example\): pid 7, since .* \(1 min\)$")
        self.assertEqual(lines[1], "buildbot 1.0, generation 3 of the configuration")
        self.assertEqual(lines[2], "slaves: tcp 9989, tls 9990; 1 builder, 1 of 2 slaves connected")
        heading, first, second = lines[4:]
        self.assertRegex(first, r"^bot1   connected      .* \(2 h\)  10\.0\.0\.1:4711  worker 4\.3\.0")
        self.assertRegex(second, r"^bot2   not connected  -  +-  +-  +-$")
        for column in ("STATE", "ADDRESS", "BUILDERS"):
            where = heading.index(column)
            self.assertEqual({first[where - 1], second[where - 1]}, {" "})
            self.assertNotIn(" ", (first[where], second[where]))

    def test_between(self) -> None:
        """A slave that is attaching or being disconnected is shown as such."""
        self.assertIn("displacing", status.masterPage(MASTER, [{**BOT, "state": "displacing"}], NOW)[5])
        self.assertIn("connected, updating", status.masterPage(MASTER, [{**BOT, "pending": True}], NOW)[5])

    def test_manyBuilders(self) -> None:
        """A slave with two hundred builders takes one readable line."""
        names = [f"builder-{number:03d}" for number in range(200)]
        line = status.masterPage(MASTER, [{**BOT, "builders": names}], NOW)[5]
        self.assertTrue(line.endswith("  builder-000 builder-001 +198"), line)
        line = status.masterPage(MASTER, [{**BOT, "builders": ["x" * 50, "y"]}], NOW)[5]
        self.assertTrue(line.endswith(f"{'x' * 50} +1"), line)

    def test_empty(self) -> None:
        """A master without slaves has no table, and one without a port says so."""
        lines = status.masterPage({**MASTER, "ports": [], "projectName": None}, [], NOW)
        self.assertEqual(len(lines), 3)
        self.assertTrue(lines[2].startswith("slaves: no port;"))

    def test_unwanted(self) -> None:
        """A latent slave that logs in while nobody waits for it is not told as one with a wrong password."""
        guess = {"when": NOW - 5, "address": "10.0.0.2:5", "logins": 1}
        latent = {**BOT, "refused": guess, "instance": {"words": "can be started", "why": None}}
        lines = [line for line in status.masterPage(MASTER, [latent], NOW) if "10.0.0.2:5" in line]
        self.assertEqual([line.partition(":")[0] for line in lines], ["refused logins of latent slave bot1"])

    def test_guesses(self) -> None:
        """H2: wrong passwords for slaves and for other accounts are shown."""
        guess = {"when": NOW - 5, "address": "10.0.0.2:5", "logins": 5000}
        slaves = [{**BOT, "refused": guess}, {**ABSENT, "refused": {**guess, "when": NOW - 90_000}}]
        lines = status.masterPage({**MASTER, "guesses": [{**guess, "name": "change"}]}, slaves, NOW)
        latest = f"5000 times, the latest from 10.0.0.2:5 at {tables.moment(NOW - 5)}"
        self.assertEqual(lines[-2:], [f"wrong password for {name}: {latest}" for name in ("bot1", "change")])
        self.assertNotIn("bot2: 5000", "\n".join(lines))
        page = "\n".join(status.slavePage(slaves[0], NOW))
        self.assertIn("refused:  5000 logins, the latest from 10.0.0.2:5", page)

    def test_files(self) -> None:
        """H6: if no file descriptors are left for slaves, this is shown with the remedy."""
        files = {"limit": 64, "reserved": 24, "turnedAway": 80, "when": NOW - 5}
        lines = status.masterPage({**MASTER, "files": files}, [BOT], NOW)
        self.assertTrue(
            any("80 connections turned away" in line and "raise the limit" in line for line in lines)
        )
        for quiet in ({**files, "turnedAway": 0, "when": None}, {**files, "when": NOW - 7200}):
            lines = status.masterPage({**MASTER, "files": quiet}, [BOT], NOW)
            self.assertNotIn("turned away", "\n".join(lines))

    def test_notes(self) -> None:
        """Notes about slaves, and refused logins, follow the table (O9)."""
        refused = {"name": "bot9", "when": NOW, "address": "10.0.0.9:1", "logins": 3}
        conflict = {**BOT, "note": "two processes log in under this name"}
        lines = status.masterPage({**MASTER, "refused": [refused]}, [conflict], NOW)
        self.assertEqual(lines[-2], "note on bot1: two processes log in under this name")
        self.assertEqual(
            lines[-1],
            "login 'bot9' refused, no slave in c['bots'] and no PBChangeSource has this name: 3 times, "
            f"the latest from 10.0.0.9:1 at {tables.moment(NOW)}",
        )
        lines = status.masterPage({**MASTER, "refused": [{**refused, "name": "change"}]}, [BOT], NOW)
        self.assertIn("change source: login 'change' refused, no PBChangeSource has this user: 3", lines[-1])

    def test_strangers(self) -> None:
        """No text of a slave can move the cursor or disturb the columns."""
        evil = {**BOT, "name": "漢\x1b[2J", "generation": "a\nb\t\u202ec", "version": "a", "note": "\x07"}
        lines = status.masterPage(MASTER, [evil, ABSENT], NOW)
        text = "".join(lines)
        self.assertEqual([char for char in text if ord(char) < 32 or char == "\u202e"], [])
        self.assertIn("漢\\x1b[2J", lines[5])
        self.assertEqual(
            width(lines[5][: lines[5].index("connected")]), width(lines[6][: lines[6].index("not connected")])
        )

    def test_slave(self) -> None:
        """The page of a slave has its info, and its latest 20 events with their times (O9)."""
        events = [{"when": NOW + number, "text": f"refused: bad\npassword {number}"} for number in range(30)]
        lines = status.slavePage({**BOT, "note": "odd", "events": events}, NOW)
        self.assertIn("admin:    me", lines)
        self.assertIn("host:     a machine", lines)
        self.assertIn("builders: full, quick", lines)
        self.assertIn("note:     odd", lines)
        self.assertEqual(lines[-21], "latest events:")
        self.assertRegex(lines[-1], r"^  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  refused: bad password 29$")

    def test_absentSlave(self) -> None:
        """The page of a slave that never connected has no info."""
        self.assertEqual(
            status.slavePage(ABSENT, NOW),
            ["slave:    bot2", "state:    not connected", "", "no events since the master started"],
        )

    def test_lostSlave(self) -> None:
        """The address and version of an ended connection are not shown as current."""
        lost = {**BOT, "connected": False, "state": "absent"}
        self.assertIn("address:  10.0.0.1:4711 (when it was last connected)", status.slavePage(lost, NOW))
        self.assertIn(
            "version:  worker 4.3.0 (python 3) (when it was last connected)", status.slavePage(lost, NOW)
        )
        table = "\n".join(status.masterPage(MASTER, [lost], NOW))
        self.assertIn("not connected", table)
        self.assertNotIn("10.0.0.1", table)
        self.assertNotIn("4.3.0", table)

    def test_since(self) -> None:
        """A duration is shown in one unit; a clock that was set back does no harm."""
        passed = {3: "3 s", 59: "59 s", 60: "1 min", 7199: "1 h", 86400 * 3: "3 d", -5: "0 s"}
        for seconds, words in passed.items():
            self.assertTrue(tables.since(NOW - seconds, NOW).endswith(f"({words})"), words)
        self.assertEqual(tables.since(None, NOW), "")


class StatusTests(unittest.TestCase):
    """The command."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.asked: list[object] = []
        self.patch(client, "request", self.request)

    def request(self, here: str, verb: str, params: object, patience: float) -> object:
        """Replaces the control socket."""
        self.asked.append(params)
        return {"master": MASTER, "slaves": [{**BOT, "admin": "\x1b[2J"}]}

    def status(self, *words: str) -> Spoken:
        """Run the command."""
        return command("status", self.here, *words)

    def test_all(self) -> None:
        """Without a name, all slaves are shown."""
        said = self.status()
        self.assertEqual((said.status, self.asked), (0, [{}]))
        self.assertIn("SLAVE", said.out)

    def test_standby(self) -> None:
        """A standby whose database does not answer is a trouble."""
        masters = {"state": "standby", "epoch": 0, "release": "1", "trouble": "no route", "others": []}
        self.patch(client, "request", lambda *args: {"master": {**MASTER, "masters": masters}, "slaves": []})
        self.assertEqual(self.status().status, status.TROUBLE)

    def test_one(self) -> None:
        """With a name, that slave is shown."""
        said = self.status("bot1")
        self.assertEqual((said.status, self.asked), (0, [{"slave": "bot1"}]))
        self.assertIn("no events since the master started", said.out)

    def test_json(self) -> None:
        """With --json everything is printed, without raw control characters."""
        said = self.status("--json")
        self.assertEqual(json.loads(said.out)["slaves"][0]["admin"], "\x1b[2J")
        self.assertNotIn("\x1b", said.out)

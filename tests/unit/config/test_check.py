"""The rules of the configuration, called with dictionaries; see tests/brokenconfigs.py for whole files."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service
from twisted.trial import unittest

from buildbot import scheduler
from buildbot.changes.pb import PBChangeSource
from buildbot.config import check
from buildbot.config.messages import Report
from buildbot.config.model import KEEPALIVE, SlaveConfig
from buildbot.schedulers.trysched import Try_Userpass

CANARY = "canary-in-a-coal-mine"


class Factory:
    """A factory that makes no builds."""

    steps: tuple[object, ...] = ()

    def __init__(self) -> None:
        self.steps = ()


class Scheduler:
    """A scheduler for some builders."""

    upstream: object = None

    def __init__(self, name: str, *builders: str) -> None:
        self.name = name
        self._builders = builders

    def listBuilderNames(self) -> list[str]:
        """The given names."""
        return list(self._builders)


def raw(**changes: Any) -> dict[str, Any]:
    """A valid dictionary with some keys changed."""
    builder = {"name": "full", "slavename": "b1", "builddir": "full", "factory": Factory()}
    return {"bots": [("b1", "pw")], "slavePortnum": 9989, "builders": [builder], **changes}


def errors(**changes: Any) -> list[str]:
    """The errors of a valid dictionary with some keys changed."""
    return [each.message for each in check.errors(raw(**changes), Report("master.cfg", lambda *where: None))]


def warnings(**changes: Any) -> list[str]:
    """The warnings of the same."""
    return [
        each.message for each in check.warnings(raw(**changes), Report("master.cfg", lambda *where: None))
    ]


class KeyTests(unittest.TestCase):
    """The keys of c = BuildmasterConfig."""

    def test_good(self) -> None:
        """A minimal configuration has neither errors nor warnings."""
        self.assertEqual((errors(), warnings()), ([], []))

    def test_globalKeys(self) -> None:
        """Wrong values of c['properties'] and c['prioritizeBuilders'] are told."""
        wanted = "c['prioritizeBuilders'] must be a function of (master, builders)"
        for changes, told in (
            ({"properties": ["a"]}, "c['properties'] must be a dict of property names and values"),
            ({"properties": {"": 1}}, "c['properties'] must be a dict of property names and values"),
            (
                {"revlink": "http://x/%s"},
                "c['revlink'] must be a function of (revision, repository), not a str",
            ),
            (
                {"codebaseGenerator": {"git://x": "x"}},
                "c['codebaseGenerator'] must be a function of a change's dictionary, which returns the name"
                " of its codebase, not a dict",
            ),
            (
                {"codebaseGenerator": lambda: ""},
                "c['codebaseGenerator'] must be a function of a change's dictionary, which returns the name"
                " of its codebase: this one does not take one argument",
            ),
            ({"whenStoreIsAway": "wait"}, "c['whenStoreIsAway'] must be 'cut' or None, not 'wait'"),
            ({"whenStoreIsAway": True}, "c['whenStoreIsAway'] must be 'cut' or None, not a bool"),
            ({"prioritizeBuilders": "low"}, f"{wanted}, not a str"),
            ({"prioritizeBuilders": lambda one: one}, f"{wanted}: this one does not take two arguments"),
        ):
            self.assertEqual(errors(**changes), [told])
        self.assertEqual(errors(properties=None, prioritizeBuilders=None, whenStoreIsAway=None), [])

    def test_everyKey(self) -> None:
        """Every key of 0.7.5 is known, and so are those of 0.8 that work."""
        given = raw(
            sources=[Service()],
            schedulers=[Scheduler("all", "full")],
            status=(Service(),),
            debugPassword="sesame",
            manhole=Service(),
            projectName="P",
            projectURL="http://p/",
            buildbotURL=None,
            mergeRequests=False,
            properties={"a": 1},
            prioritizeBuilders=lambda master, builders: builders,
            revlink=lambda revision, repository: None,
            codebaseGenerator=lambda change: "",
            whenStoreIsAway="cut",
            buildHorizon=None,
            buildDays=7.5,
            logHorizon=10,
            eventHorizon=50,
            changeHorizon=100,
            logMaxTotalSize=10**9,
            logStorage=None,
        )
        self.assertEqual(sorted(given), sorted(check.KEYS))
        self.assertEqual((errors(**given), warnings(**given)), ([], []))

    def test_unknownKey(self) -> None:
        """An unknown key causes a warning with the nearest known key."""
        self.assertEqual(
            warnings(slavePortNum=1),
            ["unknown key c['slavePortNum'] does nothing; did you mean 'slavePortnum'?"],
        )
        for key in ("xyzzy", "bogus", "notes"):  # and not c['bots']
            self.assertEqual(warnings(**{key: 1}), [f"unknown key c[{key!r}] does nothing"])
        self.assertEqual(
            warnings(titel=1),
            ["unknown key c['titel'] does nothing; did you mean 'title'?"],
        )

    def test_laterKeys(self) -> None:
        """The keys of later Buildbots cause a warning with the key to use here."""
        for key, meant in (
            ("www", "c['status']"),
            ("services", "c['status']"),
            ("db", "leave it out"),
        ):
            [warning] = warnings(**{key: object()})
            self.assertIn(f"c[{key!r}]", warning)
            self.assertIn(meant, warning)

    def test_keyNotText(self) -> None:
        """A key that is not text causes a warning."""
        self.assertEqual(warnings(**{}), [])
        found = check.warnings({**raw(), 7: 1}, Report("x", lambda *where: None))  # type: ignore[dict-item]
        self.assertEqual(
            [each.message for each in found], ["c has a key that is not text but an int; it does nothing"]
        )


class BotTests(unittest.TestCase):
    """c['bots']."""

    def test_reservedNames(self) -> None:
        """A bot cannot have the name of another login of the master (S1)."""
        for name in ("debug", "change", "status", "statusClient"):
            [error] = errors(bots=[("b1", "pw"), (name, "pw")])
            self.assertIn("reserved name", error)

    def test_oddButFine(self) -> None:
        """Names and passwords may have spaces, slashes and letters of any alphabet."""
        self.assertEqual(errors(bots=[("b1", "pw"), ("böt /2", "pässwört ✓")]), [])

    def test_surrogates(self) -> None:
        """A password with lone surrogates is refused: it cannot be sent."""
        self.assertEqual(len(errors(bots=[("b1", "\udcff")])), 1)

    def test_longName(self) -> None:
        """A name that is too long for a login is refused."""
        self.assertEqual(errors(bots=[("b1", "pw"), ("x" * 255, "pw")]), [])
        [error] = errors(bots=[("b1", "pw"), ("ü" * 128, "pw")])
        self.assertIn("more than 255 bytes", error)

    def test_keepalive(self) -> None:
        """The option keepalive is a number of seconds, and is used (L2)."""
        value: object
        for value in (7, 0.5 + 0.5, 86400, True + 1):
            self.assertEqual(errors(bots=[("b1", "pw", {"keepalive": value})]), [])
        for value in (0, -1, 0.5, 86401, float("nan"), float("inf"), "60", None, True):
            [error] = errors(bots=[("b1", "pw", {"keepalive": value})])
            self.assertIn("keepalive", error)
        config = check.configuration(raw(bots=[("b1", "pw", {"keepalive": 7}), ["b2", "pw"]]))
        self.assertEqual(
            list(config.slaves.values()), [SlaveConfig("b1", "pw", 7.0), SlaveConfig("b2", "pw", KEEPALIVE)]
        )

    def test_unknownOption(self) -> None:
        """An unknown option is refused (L2)."""
        [error] = errors(bots=[("b1", "pw", {"keepalive_interval": 7})])
        self.assertIn("unknown option 'keepalive_interval'", error)
        self.assertIn("keepalive", error)

    def test_lineEnd(self) -> None:
        """A password with a line end, probably from a file, causes a warning."""
        [warning] = warnings(bots=[("b1", "pw\n")])
        self.assertIn("line end", warning)
        self.assertEqual(errors(bots=[("b1", "pw\n")]), [])

    def test_noPasswordTold(self) -> None:
        """No message shows a password, even one in a wrong place (S2)."""
        bots = [("b1", CANARY + "\n"), ("b1", CANARY), (CANARY,), ("b2", CANARY, CANARY), ("b3", [CANARY])]
        told = errors(bots=[*bots, CANARY, {"x": CANARY}], debugPassword=[CANARY]) + warnings(bots=bots[:2])
        self.assertGreater(len(told), 6)
        self.assertNotIn(CANARY, " ".join(told))


class PluginTests(unittest.TestCase):
    """Schedulers, sources and status targets."""

    def test_knownBuilders(self) -> None:
        """A scheduler for a builder that exists is fine."""
        self.assertEqual(errors(schedulers=[Scheduler("all", "full"), Scheduler("none")]), [])

    def test_unknownBuilder(self) -> None:
        """A scheduler for an unknown builder is refused, with the known ones."""
        [error] = errors(schedulers=[Scheduler("all", "full", "gone")])
        self.assertEqual(error, "scheduler 'all' uses unknown builder 'gone'; known builders: full")

    def test_upstream(self) -> None:
        """A scheduler may follow one that is in the list, or that equals one there."""
        one, other = (scheduler.Scheduler("up", None, 60, ["full"]) for _ in range(2))
        for followed in (one, other):
            self.assertEqual(errors(schedulers=[scheduler.Dependent("after", followed, ["full"]), one]), [])

    def test_forgottenUpstream(self) -> None:
        """A scheduler that follows one outside of the list would never build, and is refused."""
        up = scheduler.Scheduler("up", None, 60, ["full"])
        other = scheduler.Scheduler("up", None, 61, ["full"])
        for given in ([], [other]):
            self.assertEqual(
                errors(schedulers=[*given, scheduler.Dependent("after", up, ["full"])]),
                [
                    "scheduler 'after' follows scheduler 'up', which is not in c['schedulers']:"
                    " it would never build"
                ],
            )

    def test_oddUpstream(self) -> None:
        """An upstream that cannot be compared is valid if it is in the list itself."""

        class Odd(Scheduler):
            def __eq__(self, other: object) -> bool:
                raise RuntimeError("odd")

        odd, after = Odd("odd", "full"), Scheduler("after", "full")
        after.upstream = odd
        self.assertEqual(errors(schedulers=[Scheduler("other"), odd, after]), [])
        self.assertEqual(len(errors(schedulers=[after, Odd("odd", "full")])), 1)

    def test_otherUpstream(self) -> None:
        """A plug-in may use the attribute upstream for something else."""
        plugin = Scheduler("all", "full")
        for value in ("ssh://git/upstream", None, 7):
            plugin.upstream = value
            self.assertEqual(errors(schedulers=[plugin]), [])

    def test_single(self) -> None:
        """A scheduler outside of a list is refused, even an iterable one."""
        self.assertEqual(
            errors(schedulers=Scheduler("all")), ["c['schedulers'] must be a list, not a Scheduler"]
        )

    def test_accountOfAnother(self) -> None:
        """A change source cannot have the account of a bot, of the master itself, or of another source."""
        sources = [PBChangeSource(user=user) for user in ("hook", "b1", "debug", "hook")]
        self.assertEqual(
            [error.partition(", ")[2] for error in errors(sources=sources)],
            [
                "but a bot has this name",
                "which is a login of the master's own",
                "but an entry before it has the same: give each a user= of its own",
            ],
        )

    def test_accountOfItsOwn(self) -> None:
        """Change sources with different names or ports are valid."""
        own = PBChangeSource(user="b1", port=9990)
        self.assertEqual(errors(sources=[PBChangeSource(), PBChangeSource(user="hook"), own]), [])

    def test_noneInList(self) -> None:
        """None and plain values are not status targets."""
        self.assertEqual(len(errors(status=[None, 7, "x", {}])), 4)


class PortTests(unittest.TestCase):
    """c['slavePortnum']."""

    def ports(self, value: object) -> tuple[str, ...]:
        """The ports of a configuration with this value."""
        self.assertEqual(errors(slavePortnum=value), [])
        return check.configuration(raw(slavePortnum=value)).ports

    def test_forms(self) -> None:
        """A port is a number, a text, or a list of them, with and without TLS (S5)."""
        self.assertEqual(self.ports(9989), ("tcp:9989",))
        self.assertEqual(self.ports("9989"), ("tcp:9989",))
        self.assertEqual(self.ports("tcp:0"), ("tcp:0",))
        both = [9989, "ssl:9990:privateKey=m.pem"]
        self.assertEqual(self.ports(both), ("tcp:9989", "ssl:9990:privateKey=m.pem"))

    def test_samePort(self) -> None:
        """One port cannot be opened twice, in any spelling; two free ports can."""
        self.assertEqual(len(errors(slavePortnum=[9989, "9989"])), 1)
        self.assertEqual(len(errors(slavePortnum=["tcp:9989", "ssl:port=9989"])), 1)
        self.assertEqual(errors(slavePortnum=["tcp:0", "tcp:0:interface=127.0.0.1"]), [])
        self.assertEqual(errors(slavePortnum=["tcp:1:interface=127.0.0.1", "tcp:1:interface=127.0.0.2"]), [])

    def test_portOfPlugin(self) -> None:
        """A change source or a try scheduler cannot listen on a port that is taken."""

        def tryOn(port: int) -> Try_Userpass:
            return Try_Userpass(f"try {port}", ["full"], port, [("ann", "x")])

        for schedulers, sources, told in (
            ([tryOn(8031)], [PBChangeSource(port=8032)], []),
            ([tryOn(0)], [PBChangeSource(port=0)], []),
            (
                [tryOn(9989)],
                [],
                [
                    "entry 1 of c['schedulers'] listens on tcp:9989, but that port is taken by "
                    "c['slavePortnum']: give each a port of its own"
                ],
            ),
            (
                [tryOn(8031)],
                [PBChangeSource(port="tcp:8031")],
                [
                    "entry 1 of c['sources'] listens on tcp:8031, but that port is taken by "
                    "entry 1 of c['schedulers']: give each a port of its own"
                ],
            ),
        ):
            self.assertEqual(errors(slavePortnum=9989, schedulers=schedulers, sources=sources), told)

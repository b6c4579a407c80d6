"""The difference between two configurations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Protocol, TypeVar

from twisted.trial import unittest

from buildbot.changes.pb import PBChangeSource
from buildbot.config.compare import ComparableMixin
from buildbot.config.diff import SETTINGS, ConfigChange, diff
from buildbot.config.model import BuilderConfig, ConfigError, MasterConfig, SlaveConfig
from buildbot.scheduler import Periodic, Scheduler

try:
    from hypothesis import given
    from hypothesis import strategies as st
except ImportError:  # the extra "dev" installs it
    st = None  # type: ignore[assignment]

CANARY = "canary-in-a-coal-mine"


class Named(Protocol):
    """An object with a name."""

    @property
    def name(self) -> str:
        """The name."""


Item = TypeVar("Item", bound=Named)


class Plugin(ComparableMixin):
    """A scheduler or similar, compared by its name and its period."""

    compare_attrs = ("name", "period")

    def __init__(self, name: str, period: int = 0) -> None:
        self.name = name
        self.period = period


class Broken:
    """A user's object whose comparison raises."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("bug")

    __hash__ = None  # type: ignore[assignment]


def slaves(*names: str, **changes: Any) -> dict[str, SlaveConfig]:
    """Slaves with these names."""
    return {name: replace(SlaveConfig(name, "pw"), **changes) for name in names}


def builders(*names: str, **changes: Any) -> dict[str, BuilderConfig]:
    """Builders with these names, on slave b1."""
    return {name: replace(BuilderConfig(name, ("b1",), name, "factory"), **changes) for name in names}


OLD = MasterConfig(slaves=slaves("b1", "b2", "b3"), builders=builders("full", "quick"), ports=("tcp:1",))


def change(**changes: Any) -> ConfigChange:
    """The difference after giving the old configuration these values."""
    return diff(OLD, replace(OLD, **changes))


def applied(
    old: Mapping[str, Item],
    removed: Iterable[str],
    added: Iterable[Item],
    altered: Iterable[tuple[Item, Item]],
) -> dict[str, Item]:
    """The content of a mapping after a change, in the new order."""
    result = {name: item for name, item in old.items() if name not in set(removed)}
    result.update((new.name, new) for _, new in altered)
    result.update((new.name, new) for new in added)
    return result


class DiffTests(unittest.TestCase):
    """The difference has everything that changed, and nothing else."""

    def test_nothing(self) -> None:
        """An equal configuration has no changes (R5)."""
        same = MasterConfig(
            slaves=slaves("b1", "b2", "b3"), builders=builders("full", "quick"), ports=("tcp:1",)
        )
        found = diff(OLD, replace(same, warnings=(ConfigError("odd"),), modules=("m.py",)))
        self.assertTrue(found.isEmpty())
        self.assertEqual(found.describe(), ())

    def test_bots(self) -> None:
        """Added and removed bots, and changed passwords and options, are reported (R3, R7)."""
        found = change(slaves={**slaves("b1"), **slaves("b3", password="new"), **slaves("b4")})
        self.assertEqual(found.slavesRemoved, ("b2",))
        self.assertEqual(found.slavesAdded, (SlaveConfig("b4", "pw"),))
        self.assertEqual(found.slavesAltered, ((SlaveConfig("b3", "pw"), SlaveConfig("b3", "new")),))
        self.assertEqual(found.listsChanged, ())
        self.assertEqual(found.describe(), ("- bot b2", "+ bot b4", "~ bot b3: new password"))

    def test_keepalive(self) -> None:
        """A changed option is reported with both values (L2)."""
        found = change(slaves=slaves("b1", "b2", "b3", keepalive=7.0))
        self.assertEqual(found.describe()[0], "~ bot b1: keepalive 120 -> 7")

    def test_assignmentOnly(self) -> None:
        """If only the slaves of a builder change, the change is reported for both slaves (R6)."""
        found = change(builders={**OLD.builders, **builders("full", slavenames=("b2",))})
        self.assertEqual(found.listsChanged, ("b1", "b2"))
        self.assertEqual(found.describe(), ("~ builder full: slavenames +b2 -b1",))

    def test_builders(self) -> None:
        """Added, removed and changed builders are reported, with each change."""
        new = {
            **builders("quick", builddir="fast", factory="other", category="x", locks=("lock",)),
            **builders("nightly"),
        }
        found = change(builders=new)
        self.assertEqual(found.buildersRemoved, ("full",))
        self.assertEqual(found.buildersAdded, (new["nightly"],))
        self.assertEqual(found.buildersAltered, ((OLD.builders["quick"], new["quick"]),))
        self.assertEqual(found.listsChanged, ("b1",))
        self.assertEqual(
            found.describe(),
            (
                "- builder full",
                "+ builder nightly",
                "~ builder quick: builddir quick -> fast; factory; category none -> x; locks",
            ),
        )

    def test_factoryOnly(self) -> None:
        """A builder with another factory sends nothing to slaves (R5)."""
        found = change(builders={**OLD.builders, **builders("full", factory="other")})
        self.assertEqual((found.listsChanged, found.describe()), ((), ("~ builder full: factory",)))

    def test_addedSlave(self) -> None:
        """A new slave gets its list when it attaches, not by this change."""
        found = change(
            slaves={**OLD.slaves, **slaves("b4")}, builders=builders("full", slavenames=("b1", "b4"))
        )
        self.assertEqual(found.listsChanged, ("b1",))

    def test_order(self) -> None:
        """Another order alone is a change that sends nothing to slaves."""
        found = change(slaves=slaves("b3", "b1", "b2"), builders=builders("quick", "full"))
        self.assertEqual(found.reordered, ("bots", "builders"))
        self.assertEqual((found.listsChanged, found.isEmpty()), ((), False))
        self.assertEqual(found.describe(), ("~ bots: in another order", "~ builders: in another order"))

    def test_inserted(self) -> None:
        """An inserted entry is reported as added; the shift of the others is not reported."""
        found = change(slaves=slaves("b0", "b1", "b2", "b3"), builders=builders("new", "full", "quick"))
        self.assertEqual(found.describe(), ("+ bot b0", "+ builder new"))

    def test_ports(self) -> None:
        """Added and removed ports are reported."""
        found = change(ports=("tcp:2", "ssl:3"))
        self.assertEqual((found.portsRemoved, found.portsAdded), (("tcp:1",), ("tcp:2", "ssl:3")))
        self.assertEqual(found.describe(), ("- port tcp:1", "+ port tcp:2", "+ port ssl:3"))

    def test_plugins(self) -> None:
        """A plug-in that equals a former one stays; a different one is replaced."""
        old = replace(OLD, schedulers=(Plugin("a"), Plugin("b")), status=(Plugin("web", 1),))
        new = replace(
            OLD, schedulers=(Plugin("b"), Plugin("c")), status=(Plugin("web", 2),), sources=(object(),)
        )
        found = diff(old, new)
        self.assertEqual((found.schedulersRemoved, found.schedulersAdded), ((Plugin("a"),), (Plugin("c"),)))
        self.assertEqual(
            found.describe(),
            ("- scheduler a", "+ scheduler c", "+ source object", "~ status web: period 1 -> 2"),
        )
        self.assertTrue(diff(old, replace(old, schedulers=(Plugin("a"), Plugin("b")))).isEmpty())

    def test_alteredPlugin(self) -> None:
        """A scheduler or source with changed settings is reported with them, without passwords."""
        dependent = Scheduler("other", None, 60, ["full"])
        old = replace(
            OLD,
            schedulers=(Scheduler("quick", None, 60, ["quick", "full"]), dependent),
            sources=(PBChangeSource("u", CANARY),),
        )
        new = replace(
            OLD,
            schedulers=(Scheduler("quick", "b", 5, ["full", "fast"], bool), Periodic("other", ["full"], 60)),
            sources=(PBChangeSource("u", CANARY + "2", prefix="x" * 100),),
        )
        self.assertEqual(
            diff(old, new).describe(),
            (
                "- scheduler other",
                "+ scheduler other",
                "~ scheduler quick: treeStableTimer 60 -> 5; builderNames -quick +fast; branch None -> b;"
                " new fileIsImportant",
                "~ source PBChangeSource: new passwd; new prefix",
            ),
        )

    def test_secretArguments(self) -> None:
        """A setting that is named as a secret has no value in a description, and a URL no password."""

        class Poller(Plugin):
            compare_attrs = ("name", "token", "apiKey", "repourl", "mirrors")  # type: ignore[assignment]

        def poller(number: int, host: str = "h") -> Poller:
            found = Poller("poller")
            found.token = found.apiKey = f"{CANARY}{number}"  # type: ignore[attr-defined]
            found.repourl = f"https://me:{CANARY}{number}@{host}/"  # type: ignore[attr-defined]
            found.mirrors = [f"https://me:{CANARY}{number}@m/"]  # type: ignore[attr-defined]
            return found

        for host, told in (("h", "new repourl"), ("g", "repourl https://me:XXXX@h/ -> https://me:XXXX@g/")):
            found = diff(replace(OLD, sources=(poller(1),)), replace(OLD, sources=(poller(2, host),)))
            mirrors = "mirrors -https://me:XXXX@m/ +https://me:XXXX@m/"
            line = f"~ source poller: new token; new apiKey; {told}; {mirrors}"
            self.assertEqual(found.describe(), (line,))

    def test_pluginTitle(self) -> None:
        """A plug-in without a usable name is shown by its class."""
        odd = Plugin("x")
        odd.name = [CANARY]  # type: ignore[assignment]
        found = change(status=(odd, Plugin("")))
        self.assertEqual(found.describe(), ("+ status Plugin", "+ status Plugin"))

    def test_pluginTwice(self) -> None:
        """One of two equal plug-ins can be removed."""
        old = replace(OLD, status=(Plugin("mail"), Plugin("mail")))
        found = diff(old, replace(OLD, status=(Plugin("mail"),)))
        self.assertEqual((found.statusRemoved, found.statusAdded), ((Plugin("mail"),), ()))

    def test_brokenComparison(self) -> None:
        """An object that cannot be compared counts as changed."""
        old = replace(OLD, builders=builders("full", factory=Broken()), status=(Broken(),), manhole=Broken())
        new = replace(OLD, builders=builders("full", factory=Broken()), status=(Broken(),), manhole=Broken())
        found = diff(old, new)
        self.assertEqual(
            found.describe(),
            ("~ builder full: factory", "~ status Broken: made anew", "~ manhole: new value"),
        )

    def test_settings(self) -> None:
        """Changed values of other keys are reported by the key."""
        found = change(debugPassword="x", projectName="P", projectURL="u", buildbotURL="b", manhole=7)
        self.assertEqual(
            found.settings, ("debugPassword", "manhole", "projectName", "projectURL", "buildbotURL")
        )

    def test_noPassword(self) -> None:
        """No description shows a password, old or new (S2)."""
        old = MasterConfig(slaves=slaves("b1", password=CANARY), debugPassword=CANARY, manhole=CANARY)
        new = MasterConfig(slaves=slaves("b1", "b2", password=CANARY + "2"), debugPassword=CANARY + "2")
        text = " ".join(diff(old, new).describe())
        self.assertIn("new password", text)
        self.assertNotIn(CANARY, text)


class DiffPropertyTests(unittest.TestCase):
    """diff, for any two configurations."""

    if st is None:
        skip = "hypothesis is not installed"
    else:
        names = st.sampled_from([f"n{i}" for i in range(6)])
        values = st.builds(
            lambda bots, some, ports: MasterConfig(
                slaves={name: SlaveConfig(name, password) for name, password in bots.items()},
                builders={
                    name: BuilderConfig(name, tuple(on), folder, "factory")
                    for name, (on, folder) in some.items()
                },
                ports=tuple(ports),
            ),
            st.dictionaries(names, st.sampled_from(["x", "y"])),
            st.dictionaries(names, st.tuples(st.lists(names, unique=True), st.sampled_from(["d", "e"]))),
            st.lists(st.sampled_from(["tcp:1", "tcp:2", "tcp:3"]), unique=True),
        )

        @given(values, values)
        def test_appliedGivesNew(self, old: MasterConfig, new: MasterConfig) -> None:
            """Applying the change from one configuration to another gives the other; a new order is
            reported.
            """
            found = diff(old, new)
            bots = applied(old.slaves, found.slavesRemoved, found.slavesAdded, found.slavesAltered)
            self.assertEqual(bots, new.slaves)
            some = applied(
                old.builders,
                found.buildersRemoved,
                found.buildersAdded,
                found.buildersAltered,
            )
            self.assertEqual(some, new.builders)
            for key, before, after in (
                ("bots", old.slaves, new.slaves),
                ("builders", old.builders, new.builders),
            ):
                stay = [name for name in before if name in after]
                self.assertEqual(key in found.reordered, stay != [name for name in after if name in before])
            self.assertEqual(set(old.ports) - set(found.portsRemoved) | set(found.portsAdded), set(new.ports))
            kept = [name for name in new.slaves if name in old.slaves]
            told = [name for name in kept if set(old.builderList(name)) != set(new.builderList(name))]
            self.assertEqual(list(found.listsChanged), told)
            if found.isEmpty():
                self.assertEqual((old.slaves, old.builders), (new.slaves, new.builders))
            self.assertEqual(found.isEmpty(), found.describe() == ())
            self.assertTrue(diff(new, new).isEmpty())


class EveryKeyTests(unittest.SynchronousTestCase):
    """The keys of a configuration."""

    def test_compared(self) -> None:
        """A reconfig compares every key: a change of a forgotten one would not be reported."""
        lists = {"slaves", "builders", "schedulers", "sources", "status", "ports"}
        keys = {each.name for each in fields(MasterConfig) if each.compare}
        self.assertEqual(keys - lists, set(SETTINGS), "SETTINGS in buildbot/config/diff.py lacks a key")

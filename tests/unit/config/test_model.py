"""The values of a configuration."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any, cast

from twisted.trial import unittest

from buildbot.config.model import BuilderConfig, ConfigError, ConfigErrors, MasterConfig, SlaveConfig

CANARY = "canary-in-a-coal-mine"


def config(**builders: tuple[str, ...]) -> MasterConfig:
    """A configuration whose builders have these slaves."""
    names = dict.fromkeys(name for slaves in builders.values() for name in slaves)
    return MasterConfig(
        slaves={name: SlaveConfig(name, "pw") for name in names},
        builders={
            name: BuilderConfig(name, slaves, f"dir-{name}", None) for name, slaves in builders.items()
        },
    )


class ErrorTests(unittest.TestCase):
    """Errors are printed with their location."""

    def test_places(self) -> None:
        """An error begins with its file and its line, if they are known."""
        self.assertEqual(str(ConfigError("no", "master.cfg", 9)), "master.cfg:9: no")
        self.assertEqual(str(ConfigError("no", "master.cfg")), "master.cfg: no")
        self.assertEqual(str(ConfigError("no")), "no")

    def test_oneALine(self) -> None:
        """All errors are printed, one a line, without the warnings."""
        errors = ConfigErrors([ConfigError("one", "a", 1), ConfigError("two")], [ConfigError("odd")])
        self.assertEqual(str(errors), "a:1: one\ntwo")
        self.assertEqual(errors.warnings, (ConfigError("odd"),))

    def test_sorted(self) -> None:
        """Errors with locations can be sorted."""
        one, two = ConfigError("a", "f", 1), ConfigError("b", "f", 1)
        self.assertEqual(sorted([two, one]), [one, two])


class MasterConfigTests(unittest.TestCase):
    """A configuration is a value."""

    def test_builderLists(self) -> None:
        """Each slave has the list of its builders and their directories, in the order of the file."""
        told = config(z=("b1", "b2"), a=("b1",))
        self.assertEqual(told.builderList("b1"), (("z", "dir-z"), ("a", "dir-a")))
        self.assertEqual(told.builderList("b2"), (("z", "dir-z"),))
        self.assertEqual(told.builderList("nobody"), ())

    def test_equality(self) -> None:
        """Two configurations with the same settings are equal, whatever their warnings and imports."""
        one = config(full=("b1",))
        same = replace(config(full=("b1",)), warnings=(ConfigError("odd"),), modules=("helpers.py",))
        self.assertEqual(one, same)
        self.assertNotEqual(one, replace(one, ports=("tcp:1",)))

    def test_frozen(self) -> None:
        """A configuration in force cannot be changed."""
        given = {"b1": SlaveConfig("b1", "pw")}
        told = MasterConfig(slaves=given)
        given["b2"] = SlaveConfig("b2", "pw")
        self.assertEqual(list(told.slaves), ["b1"])
        with self.assertRaises(TypeError):
            cast(Any, told.slaves)["b2"] = None
        with self.assertRaises(FrozenInstanceError):
            cast(Any, told).ports = ()

    def test_noPasswordShown(self) -> None:
        """No repr of a configuration or a part of it shows a password (S2)."""
        told = MasterConfig(slaves={"b1": SlaveConfig("b1", CANARY)}, debugPassword=CANARY)
        self.assertNotIn(CANARY, repr(told) + repr(told.slaves["b1"]))
        self.assertIn("b1", repr(told))

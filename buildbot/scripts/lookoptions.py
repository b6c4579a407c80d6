# -*- test-case-name: tests.unit.scripts.test_options -*-
"""The options of the commands that answer an administrator's questions, such as C{show} and C{changes}."""

from __future__ import annotations

from buildbot.scripts.arguments import RemoteBase, count
from buildbot.scripts.moments import pointIn


class ShowOptions(RemoteBase):
    """The options of C{show}."""

    synopsis = "[options] DIR BUILDER[/BUILD]"
    optFlags = [["json", "j", "Print the build as JSON."]]
    longdesc = (
        "Shows one build: its result, slave, times, reason and source, steps with logs, changes and "
        "properties. Without BUILD, the newest build of BUILDER."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR PATH."""
        self["path"] = self._dirAndMust("builder", "BUILDER/BUILD", self._placed(args))


class ChangesOptions(RemoteBase):
    """The options of C{changes}."""

    optFlags = [["json", "j", "Print the changes as JSON."]]
    optParameters = [
        ["count", "c", 20, "How many changes to show, at most 10000.", count("--count")],
        ["branch", "b", None, "Only changes of this branch; '' is the main line."],
        ["author", "a", None, "Only changes whose author has this text in the name."],
        ["revision", "r", None, "Only changes with this revision, or the beginning of its hash."],
        ["project", "", None, "Only changes of this project."],
        ["repository", "", None, "Only changes of this repository."],
        [
            "since",
            "s",
            None,
            "Only changes that came since: 2h, 3d, 2026-11-30.",
            pointIn("--since"),
        ],
        ["until", "u", None, "Only changes that came before this time.", pointIn("--until")],
    ]
    longdesc = "Shows the changes that the master in DIR has received, the newest first."


class ChangeOptions(RemoteBase):
    """The options of C{change}."""

    synopsis = "[options] DIR NUMBER"
    optFlags = [["json", "j", "Print the change as JSON."]]
    longdesc = (
        "Shows one change: who made it, when, what, its files, its builds, and what still waits to build it."
    )

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR NUMBER."""
        self["number"] = self._number("change", self._dirAndMust("change", "NUMBER", self._placed(args)))


class SlaveOptions(RemoteBase):
    """The options of C{slave}."""

    synopsis = "[options] DIR SLAVE"
    optFlags = [["json", "j", "Print the slave and its builds as JSON."]]
    optParameters = [["count", "c", 10, "How many finished builds to show, at most 1000.", count("--count")]]
    longdesc = "Shows one slave: its state, its builds, and its latest events."

    def parseArgs(self, *args: str) -> None:
        """Parse the arguments: DIR SLAVE."""
        self["slave"] = self._dirAndMust("slave", "SLAVE", self._placed(args))


class SchedulersOptions(RemoteBase):
    """The options of C{schedulers}."""

    optFlags = [["json", "j", "Print the schedulers as JSON."]]
    longdesc = (
        "Shows the schedulers of the running master in DIR: when each builds next, and what it waits for."
    )


def least(text: str) -> int:
    """Parse a limit to try. Raises ValueError."""
    found = count("a limit")(text)
    if not found:
        raise ValueError("a limit must be at least 1")
    return found


class DiskOptions(RemoteBase):
    """The options of C{disk}."""

    optFlags = [["json", "j", "Print the sizes as JSON, in bytes."]]
    optParameters = [
        ["count", "c", 20, "How many builders to name, the largest first.", count("--count")],
        ["build-horizon", "", None, "Tell what c['buildHorizon'] with this value would remove.", least],
        ["build-days", "", None, "Tell what c['buildDays'] with this value would remove.", least],
        ["log-horizon", "", None, "Tell what c['logHorizon'] with this value would remove.", least],
    ]
    longdesc = (
        "Shows what takes room in the directory of a master, and what will be removed by its limits, such as "
        "c['buildHorizon']."
    )

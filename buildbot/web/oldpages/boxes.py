# -*- test-case-name: tests.stories.test_ownpages -*-
"""The boxes of the tables of 0.7.6 to 0.8: the state of a builder, its last build, a build or a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from twisted.python.components import registerAdapter
from zope.interface import Interface

from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.status.step import BuildStepStatus
from buildbot.status.urls import buildPath
from buildbot.web.markup import escape
from buildbot.web.oldpages.paths import build_get_class


class IBox(Interface):
    """It makes a box for a table."""

    def getBox(request: Any) -> Box:
        """The L{Box}."""


class ITopBox(Interface):
    """It makes a box about the last build of a builder."""

    def getBox(request: Any) -> Box:
        """The L{Box}."""


class ICurrentBox(Interface):
    """It makes a box about the present activity of a builder."""

    def getBox(status: Any) -> Box:
        """The L{Box}."""


class Box:
    """I am a cell of a table.

    @ivar text: lines of HTML.
    @ivar class_: its classes, for style sheets.
    """

    def __init__(
        self,
        text: Sequence[str] | str = (),
        color: str | None = None,
        class_: str | None = None,
        urlbase: str | None = None,
        show_idle: bool = False,
        **parms: object,
    ) -> None:
        self.text = text
        self.color = color
        self.class_ = class_
        self.urlbase = urlbase
        self.show_idle = show_idle
        self.parms = parms

    def td(self, **props: object) -> str:
        """My HTML. C{props} are attributes of the cell."""
        lines = [self.text] if isinstance(self.text, str) else list(self.text)
        if not lines and self.show_idle:
            lines = ["[idle]"]
        attributes = {**self.parms, **props, "class": props.pop("class_", None) or self.class_}
        attributes.pop("class_", None)
        written = "".join(
            f" {name}={quoteattr(str(value))}" for name, value in attributes.items() if value is not None
        )
        return f"<td{written}>{'<br />'.join(lines)}</td>"


class CurrentBox:
    """I make the box about the present activity of a builder."""

    def __init__(self, original: BuilderStatus) -> None:
        self.original = original

    def getBox(self, status: Any = None) -> Box:
        """The state of the builder."""
        state, _builds = self.original.getState()
        waiting = self.original.countPendingBuilds()
        lines = [str(escape(state)), *([f"{waiting} waiting"] if waiting else [])]
        return Box(lines, class_=f"Activity {state}")


class LastBox:
    """I make the box about the last build of a builder."""

    def __init__(self, original: BuilderStatus) -> None:
        self.original = original

    def getBox(self, request: Any = None) -> Box:
        """The last finished build."""
        build = self.original.getLastFinishedBuild()
        if build is None:
            return Box(["none"], class_="LastBuild")
        lines = [str(escape(each)) for each in build.getText()]
        return Box(lines, class_=f"LastBuild box {build_get_class(build)}")


class BuildBox:
    """I make the box that begins a build."""

    def __init__(self, original: BuildStatus) -> None:
        self.original = original

    def getBox(self, request: Any) -> Box:
        """A link to the build, with its reason."""
        build = self.original
        root = "../" * max(0, len(request.prepath) - 1)
        to = root + buildPath(build.getBuilder().getName(), build.getNumber())
        line = f"<a href={quoteattr(to)} title={quoteattr(build.getReason())}>Build {build.getNumber()}</a>"
        return Box([line], class_="start BuildStep")


class StepBox:
    """I make the box of a step."""

    def __init__(self, original: BuildStepStatus) -> None:
        self.original = original

    def getBox(self, request: Any = None) -> Box:
        """The text of the step."""
        lines = [str(escape(each)) for each in self.original.getText()]
        return Box(lines, class_=f"BuildStep {build_get_class(self.original)}")


registerAdapter(CurrentBox, BuilderStatus, ICurrentBox)
registerAdapter(LastBox, BuilderStatus, ITopBox)
registerAdapter(BuildBox, BuildStatus, IBox)
registerAdapter(StepBox, BuildStepStatus, IBox)

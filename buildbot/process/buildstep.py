# -*- test-case-name: tests.test_buildstep -*-
"""One step of a build, as far as a configuration knows it: its class and its arguments.

Nothing runs here yet.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from buildbot.util import ComparableMixin

#: A step that is still to be made: its class, and the arguments to make it with.
StepSpec = tuple[Callable[..., "BuildStep"], dict[str, Any]]


class BuildStep(ComparableMixin):
    """I am one step of a build, with the arguments that the configuration gives me.

    Equal to another step of the same class with the same arguments. The keywords in C{parms} become
    attributes; for any that is not given, the class's attribute of that name holds.

    @ivar haltOnFailure: a failure ends the build, but for steps that run always.
    @ivar flunkOnFailure: a failure makes the build a failure; so does C{flunkOnWarnings} with warnings.
    @ivar warnOnFailure: a failure gives the build warnings; so does C{warnOnWarnings} with warnings.
    @ivar locks: the locks that I hold while I run.
    """

    compare_attrs = ("_arguments",)
    parms: ClassVar[list[str]] = [
        *("build", "name", "locks", "haltOnFailure", "flunkOnWarnings", "flunkOnFailure"),
        *("warnOnWarnings", "warnOnFailure", "progressMetrics"),
    ]

    name = "generic"
    locks: list[Any] = []
    haltOnFailure = False
    flunkOnWarnings = False
    flunkOnFailure = False
    warnOnWarnings = False
    warnOnFailure = False
    progressMetrics: tuple[str, ...] = ()
    useProgress = True
    build: Any = None
    _arguments: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> BuildStep:
        self = super().__new__(cls)
        self._arguments = _named(cls, args, kwargs)
        return self

    def __init__(self, build: Any = None, **kwargs: Any) -> None:
        """
        @param build: the build that I am part of; None in a configuration.
        @raise TypeError: a keyword is not in C{parms}; the message names all of them.
        """
        self.build = build
        for parm in self.parms:
            if parm in kwargs:
                setattr(self, parm, kwargs.pop(parm))
        if kwargs:
            unknown = ", ".join(sorted(kwargs))
            raise TypeError(f"{type(self).__name__} takes no argument {unknown}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def getStepFactory(self) -> StepSpec:
        """My class and my arguments, from which a step equal to me can be made for each build."""
        return type(self), dict(self._arguments)


class LoggingBuildStep(BuildStep):
    """I am a step that runs one command on the slave and keeps its output.

    @ivar logfiles: name of the log -> file on the slave, relative to the working directory, that is watched
        while the command runs.
    """

    parms: ClassVar[list[str]] = [*BuildStep.parms, "logfiles"]

    logfiles: Mapping[str, str] = {}
    progressMetrics = ("output",)

    def __init__(self, logfiles: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if logfiles:
            self.logfiles = {**self.logfiles, **logfiles}


def _named(cls: type[BuildStep], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor by name, without the build."""
    given = dict(kwargs)
    if args:  # not the signature of the class, which would be that of __new__
        bound = inspect.signature(cls.__init__).bind_partial(None, *args).arguments
        given.update(list(bound.items())[1:])
    given.pop("build", None)
    return given

# -*- test-case-name: tests.stories.test_ownpages -*-
"""The addresses of our pages, relative to an own page, and other small rules of 0.7.6 to 0.8."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from buildbot.model.results import Results
from buildbot.status import urls

#: The classes of results, for style sheets.
css_classes = dict(enumerate(Results))
_Branch = TypeVar("_Branch")


def path_to_root(request: Any) -> str:
    """The relative address of the first page; "" from a page at the root."""
    return "../" * max(0, len(request.prepath) - 1)


def path_to_builders(request: Any) -> str:
    """The relative address of the list of builders."""
    return f"{path_to_root(request)}builders/"


def path_to_builder(request: Any, builderstatus: Any) -> str:
    """The relative address of a builder."""
    return path_to_root(request) + urls.builderPath(builderstatus.getName())


def path_to_build(request: Any, buildstatus: Any) -> str:
    """The relative address of a build."""
    name = buildstatus.getBuilder().getName()
    return path_to_root(request) + urls.buildPath(name, buildstatus.getNumber())


def path_to_step(request: Any, stepstatus: Any) -> str:
    """The relative address of a step."""
    build = stepstatus.getBuild()
    return f"{path_to_build(request, build)}/steps/{urls.quoted(stepstatus.getName())}"


def path_to_slave(request: Any, slave: Any) -> str:
    """The relative address of a slave."""
    return path_to_root(request) + urls.slavePath(slave.getName())


def path_to_change(request: Any, change: Any) -> str:
    """The relative address of a change."""
    return path_to_root(request) + urls.changePath(change.number)


def path_to_login(request: Any) -> str:
    """The relative address of the login."""
    return f"{path_to_root(request)}login"


def path_to_authfail(request: Any) -> str:
    """The relative address of the page for refused visitors."""
    return f"{path_to_root(request)}authfail"


def build_get_class(b: Any) -> str:
    """The class of a build or a step, for style sheets: "running" or its result."""
    result = b.getResults()
    if isinstance(result, (tuple, list)):
        result = result[0]
    if result is None or isinstance(result, (tuple, list)):
        return "running"
    return css_classes.get(result, "exception")


def map_branches(branches: Sequence[str]) -> list[str | None]:
    """The branches of a query; "trunk" also stands for builds without a branch."""
    return [*branches, None] if "trunk" in branches else list(branches)

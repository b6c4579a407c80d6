# -*- test-case-name: tests.stories.test_irccommands -*-
"""Answers of the bot about builders, builds and changes."""

from __future__ import annotations

from typing import Any

from buildbot.irc.wishes import UsageError
from buildbot.irc.wording import began, lasting, listed, resultOf, told
from buildbot.text.plural import counted

#: The most builders that one answer tells a line about.
MOST = 10


def builderNamed(owner: Any, name: str) -> Any:
    """The status of a builder. Raises L{UsageError} if the channel has no such builder."""
    if name not in owner.builderNames():
        raise UsageError(f"there is no builder {told(name, 60)!r}; 'list builders' lists them")
    return owner.status.getBuilder(name)


def builders(owner: Any) -> str:
    """The names of the builders."""
    names = owner.builderNames()
    if not names:
        return "there are no builders"
    offline = {name for name in names if owner.status.getBuilder(name).getState()[0] == "offline"}
    return "builders: " + listed([f"{name} (offline)" if name in offline else name for name in names])


def status(owner: Any, which: str) -> list[str]:
    """What one builder does, or all that are not idle."""
    names = owner.builderNames()
    if which and which != "all":
        return [_state(owner, builderNamed(owner, which))]
    lines = []
    idle = 0
    for name in names:
        builder = owner.status.getBuilder(name)
        if not which and builder.getState()[0] == "idle":
            idle += 1
        else:
            lines.append(_state(owner, builder))
    if not lines:
        return [_allIdle(idle)]
    more = [f"and {len(lines) - MOST} more"] if len(lines) > MOST else []
    return [
        *lines[:MOST],
        *more,
        *([f"{counted(idle, 'other builder')} {'is' if idle == 1 else 'are'} idle"] if idle else []),
    ]


def _allIdle(count: int) -> str:
    if count < 2:
        return "the builder is idle" if count else "there are no builders"
    return f"all {count} builders are idle"


def _state(owner: Any, builder: Any) -> str:
    state, running = builder.getState()
    said = f"{told(builder.getName())}: {state}"
    waiting = builder.countPendingBuilds()
    for build in running[:5]:
        step = build.getCurrentStep()
        doing = f", {told(' '.join(step.getText()) or step.getName(), 60)}" if step is not None else ""
        said += f" #{build.getNumber()} for {lasting(owner.now() - build.getTimes()[0])}{doing}{_left(build)}"
    if waiting:
        said += f", {counted(waiting, 'request')} waiting"
    return said


def _left(build: Any) -> str:
    left = build.getETA()
    return "" if left is None else f" [ETA {lasting(left)}]"


async def last(owner: Any, which: str) -> list[str]:
    """The last finished build of one builder, or of all."""
    names = [builderNamed(owner, which).getName()] if which and which != "all" else owner.builderNames()
    lines = []
    for name in names[:MOST]:
        found = await owner.status.fetchBuilds(name, 1)
        if not found:
            lines.append(f"{told(name)}: no build has ended yet")
            continue
        (build,) = found
        ago = lasting(owner.now() - build.getTimes()[1])
        result = resultOf(build, owner.useColors)
        lines.append(f"{told(name)}: last build #{build.getNumber()}, {ago} ago: {result}")
    more = [f"and {len(names) - MOST} more"] if len(names) > MOST else []
    return [*lines, *more]


def watched(owner: Any, contact: Any, which: str) -> list[str]:
    """Let a conversation watch the running builds of a builder."""
    builder = builderNamed(owner, which)
    running = builder.getCurrentBuilds()
    if not running:
        return [f"no build of {told(which)} is running"]
    lines = []
    for build in running[:MOST]:
        contact.watch(build)
        said = began(build, owner.useRevisions)
        lines.append(f"watching: {said} {lasting(owner.now() - build.getTimes()[0])} ago{_left(build)}")
    return lines

# -*- test-case-name: tests.unit.scripts.test_stopped -*-
"""Ask a question of a master that runs here, runs on another machine, or is stopped."""

from __future__ import annotations

from collections.abc import Mapping

from buildbot.scripts.output import Config, NoMaster, askMaster, basedir, complain


def look(config: Config, verb: str, params: Mapping[str, object], again: bool = False) -> object:
    """The answer of the master, or else of its store. Raises L{CommandFailed}.

    @param again: True if this is not the first question of the command: the user knows if no master runs.
    """
    try:
        return askMaster(config, verb, params)
    except NoMaster:
        from buildbot.scripts import stopped  # it is slow to import, and seldom needed

        here = basedir(config)
        if verb not in stopped.ANSWERS or not stopped.canAnswer(here):
            raise
    if not (again or config.get("quiet")):
        complain(f"no buildmaster is running in {here}: this is what it has stored")
    return stopped.answer(here, verb, params)

# -*- test-case-name: tests.stories.test_web -*-
"""The page about the master itself."""

from __future__ import annotations

import platform

from twisted import __version__ as twistedVersion

from buildbot import version
from buildbot.web.call import Call, Page
from buildbot.web.pages.pieces import facts, when
from buildbot.web.routes import Route


def about(call: Call) -> Page:
    """Versions, and since when the master runs."""
    master = call.world.master
    return Page(
        "About this master",
        [
            facts(
                ("Project", call.world.config.projectName),
                ("Buildbot", version),
                ("Twisted", twistedVersion),
                ("Python", platform.python_version()),
                ("Running since", when(master.since)),
                ("Configuration", f"generation {master.generation}"),
            ),
        ],
    )


ROUTES = (Route("/about", about, "The versions of the master, and how long it runs."),)

# -*- test-case-name: tests.stories.test_webfeeds -*-
"""Health of the master for load balancers and orchestrators: C{/livez}, C{/healthz} and C{/readyz}."""

from __future__ import annotations

from buildbot.web.call import TEXT, Answer, Call
from buildbot.web.jsonanswers import asJSON
from buildbot.web.routes import Route


def livez(call: Call) -> Answer:
    """The process answers. It looks at nothing else."""
    return Answer(b"ok\n", TEXT, cache="no-store")


def troubles(call: Call) -> dict[str, str]:
    """Check -> its error; "" if the check passes."""
    return {"configuration": _configuration(call), "store": _store(call), "master": _master(call)}


async def readyz(call: Call) -> Answer:
    """Whether builds can run: each check with "ok" or what is wrong, and 503 if one fails.

    A visitor who may not see the pages gets no reasons.
    """
    checks = troubles(call)
    isReady = not any(checks.values())
    maySee = await call.may("view")
    told = {name: (why if maySee else "failed") if why else "ok" for name, why in checks.items()}
    answer = asJSON({"ready": isReady, "checks": told}, 200 if isReady else 503)
    return Answer(answer.body, answer.type, answer.status, cache="no-store")


def _configuration(call: Call) -> str:
    return "" if call.world.master.generation else "no configuration has been applied yet"


def _store(call: Call) -> str:
    health = call.world.botmaster.health
    trouble = health.trouble or call.world.store.loss()
    return f"the store does not work: {trouble}" if trouble else health.lapse


def _master(call: Call) -> str:
    botmaster = call.world.botmaster
    stopping = "the master is stopping" if botmaster.stopping else ""
    return call.world.master.absence or stopping or botmaster.resources.deposed


ROUTES = (
    Route("/livez", livez, "The process answers.", kind="file", action=""),
    Route("/healthz", livez, "The same as /livez.", kind="file", action=""),
    Route("/readyz", readyz, "Whether builds can run, with a list of checks.", kind="file", action=""),
)

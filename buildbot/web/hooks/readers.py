# -*- test-case-name: tests.unit.web.hooks.test_forges -*-
"""The readers of deliveries, one for each dialect of L{buildbot.web.hooks.options}."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from buildbot.web.hooks import base, bitbucket, gitea, github, gitlab
from buildbot.web.hooks.delivery import Delivery, HookOptions, Received

#: Reads the deliveries of a dialect.
Reader = Callable[[Received, HookOptions], Delivery]

#: The readers, by dialect.
READERS: Mapping[str, Reader] = {
    "base": base.read,
    "bitbucket": bitbucket.read,
    "gitea": gitea.read,
    "github": github.read,
    "gitlab": gitlab.read,
    "poller": base.readPoll,
}

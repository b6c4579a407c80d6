# -*- test-case-name: tests.stories.test_statuspush -*-
"""HttpStatusPush of C{c['status']}: posts all events of a master to a web server, as in 0.8."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import COUNT, FLAG, SECONDS, isTexts, orNone
from buildbot.webhooks.base import httpTargetOf
from buildbot.webhooks.eventpush import EVENTS, StatusPush
from buildbot.webhooks.http import Address, HttpTarget
from buildbot.webhooks.urlkind import URL

_PARAMETERS = Kind(
    "a dict of texts",
    isTexts,
    isSecret=True,
)


class HttpStatusPush(StatusPush):
    """I post all events in the shapes of 0.8."""

    compare_attrs: Sequence[str] = (
        *("address", "debug", "chunkSize", "maxHttpRequestSize", "filter", "bufferDelay", "blackList"),
    )

    @arguments(
        serverUrl=URL,
        debug=orNone(FLAG),
        maxMemoryItems=orNone(COUNT),
        maxDiskItems=orNone(COUNT),
        chunkSize=COUNT,
        maxHttpRequestSize=COUNT,
        extra_post_params=orNone(_PARAMETERS),
        filter=FLAG,
        bufferDelay=SECONDS,
        retryDelay=SECONDS,
        blackList=orNone(EVENTS),
    )
    def __init__(
        self,
        serverUrl: str,
        debug: bool | None = None,
        maxMemoryItems: int | None = None,
        maxDiskItems: int | None = None,
        chunkSize: int = 200,
        maxHttpRequestSize: int = 1 << 20,
        extra_post_params: Mapping[str, str] | None = None,
        filter: bool = True,
        bufferDelay: float = 1,
        retryDelay: float = 5,
        blackList: Sequence[str] | None = None,
    ) -> None:
        """@param serverUrl: where the events are posted; it may have a user and a password.
        @param debug: the JSON is indented.
        @param maxMemoryItems, maxDiskItems, retryDelay: of 0.8; they have no effect.
        @param chunkSize: the most events of one request.
        @param maxHttpRequestSize: the most bytes of one request. One event alone may be longer.
        @param extra_post_params: further fields of the form.
        @param filter: leave out the keys whose values are empty, false or 0.
        @param bufferDelay: the seconds for which events are collected.
        @param blackList: events that are not posted.
        """
        StatusPush.__init__(
            *(self, type(self).queueNextServerPush),  # there is no function: the target posts the events
            filter=filter,
            bufferDelay=bufferDelay,
            blackList=blackList,
        )
        self.address = Address(serverUrl, form=tuple((extra_post_params or {}).items()), kind="status push")
        remember(self)
        self.debug = bool(debug)
        self.chunkSize, self.maxHttpRequestSize = chunkSize, maxHttpRequestSize
        self.doubt(
            maxMemoryItems=maxMemoryItems is not None,
            maxDiskItems=maxDiskItems is not None,
            retryDelay=retryDelay != 5,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.address.name}>"

    @property
    def queueName(self) -> str:
        """See L{StatusPush}."""
        return self.address.name

    def newTarget(self) -> HttpTarget:
        """See L{StatusPush}."""
        return httpTargetOf(self.address, self.master.botmaster.resources)

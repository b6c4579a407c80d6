# -*- test-case-name: tests.stories.test_webfeeds -*-
"""Answers to machines that are not made again while nothing that they show has changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import sha256

from buildbot.web.cache import AGING, LONGEST, PageCache
from buildbot.web.call import Answer, Call
from buildbot.web.sending import matches


async def kept(
    call: Call,
    topics: tuple[str, ...],
    make: Callable[[], Awaitable[Answer]],
    *others: object,
    ages: bool = False,
) -> Answer:
    """The answer to a call, made again only if one of its topics has changed.

    @param topics: the topics of the answer. It may depend only on these, on C{others} and on the request.
    @param others: other values that change the answer, such as rights of the visitor. The seen builders
        always count.
    @param ages: True if the answer has durations up to now. Then it is made again after a second.
    """
    cache = call.world.part(PageCache)
    now = call.world.clock.seconds()
    base = (call.world.config.buildbotURL, call.headers.get("host", ""))
    given = tuple((name, tuple(texts)) for name, texts in sorted(call.given.items()))
    key = (call.route.path, tuple(call.segments), given, base, call.sight, others)
    version = cache.version(topics)
    aged = f"-{int(now // AGING)}" if ages else ""
    etag = f"{version}{aged}-{sha256(repr(key).encode('utf-8', 'replace')).hexdigest()[:12]}"
    if matches(call.headers.get("if-none-match", ""), etag):
        return Answer(b"", etag=etag)
    found = cache.get(key, now)
    if found is not None and found.etag == etag:
        return found
    made = await make()
    if made.status != 200 or made.cache == "no-store":
        return made
    made = replace(made, etag=etag)
    if cache.version(topics) == version:
        cache.put(key, made, topics, version, now + (AGING if ages else LONGEST))
    return made

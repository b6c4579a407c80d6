# -*- test-case-name: tests.integration.test_pages_far -*-
"""The links from a process with pages to the active master of a shared store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from buildbot.readers.farlink import EitherLink, FarLink, Finding
from buildbot.readers.link import Link
from buildbot.readers.posting import Poster
from buildbot.store.interface import IStore


@dataclass(frozen=True)
class Links:
    """I am the links of one process.

    @ivar acting: for the actions of people, which may be slow; C{telling} and C{logs} do not wait for these.
    """

    acting: EitherLink
    telling: EitherLink
    logs: EitherLink


def linkThrough(basedir: str, reactor: Any, store: IStore) -> Links:
    """The links of the process in a directory."""
    finding, poster = Finding(store, reactor), Poster(reactor)

    def made() -> EitherLink:
        return EitherLink(Link(basedir, reactor), FarLink(finding, poster), finding, basedir)

    return Links(made(), made(), made())

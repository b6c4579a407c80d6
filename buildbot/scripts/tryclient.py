"""The client of C{buildbot try}, under its name of 0.7.5; see L{buildbot.clients.tryclient}."""

from __future__ import annotations

from buildbot.clients.tryclient import (
    BazExtractor,
    BzrExtractor,
    CVSExtractor,
    DarcsExtractor,
    GitExtractor,
    MercurialExtractor,
    RemoteTryPP,
    SourceStampExtractor,
    SVNExtractor,
    TlaExtractor,
    Try,
    createJobfile,
    getSourceStamp,
    getTopdir,
    ns,
)

__all__ = [
    "BazExtractor",
    "BzrExtractor",
    "CVSExtractor",
    "DarcsExtractor",
    "GitExtractor",
    "MercurialExtractor",
    "RemoteTryPP",
    "SVNExtractor",
    "SourceStampExtractor",
    "TlaExtractor",
    "Try",
    "createJobfile",
    "getSourceStamp",
    "getTopdir",
    "ns",
]

"""Properties of a build, where files for later releases look for them."""

from __future__ import annotations

from buildbot.model.properties import (
    PLACE,
    Filling,
    HasProperties,
    NoProperty,
    Properties,
    WithProperties,
    propertyOf,
    render,
)

__all__ = [
    "PLACE",
    "Filling",
    "HasProperties",
    "NoProperty",
    "Properties",
    "WithProperties",
    "propertyOf",
    "render",
]

"""Properties of a build, under their module name of later releases."""

from __future__ import annotations

from buildbot.interfaces import IRenderable
from buildbot.model.interpolate import Interpolate, Property, renderer
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
    "IRenderable",
    "Interpolate",
    "NoProperty",
    "Properties",
    "Property",
    "WithProperties",
    "propertyOf",
    "render",
    "renderer",
]

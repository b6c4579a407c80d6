"""What own pages of 0.7.6 to 0.8 import; see L{buildbot.web.oldpages.html}."""

from __future__ import annotations

from buildbot.web.oldpages.boxes import Box, IBox, ICurrentBox, ITopBox
from buildbot.web.oldpages.html import ActionResource, HtmlResource
from buildbot.web.oldpages.paths import (
    build_get_class,
    css_classes,
    map_branches,
    path_to_authfail,
    path_to_build,
    path_to_builder,
    path_to_builders,
    path_to_change,
    path_to_login,
    path_to_root,
    path_to_slave,
    path_to_step,
)

__all__ = [
    "ActionResource",
    "Box",
    "HtmlResource",
    "IBox",
    "ICurrentBox",
    "ITopBox",
    "build_get_class",
    "css_classes",
    "map_branches",
    "path_to_authfail",
    "path_to_build",
    "path_to_builder",
    "path_to_builders",
    "path_to_change",
    "path_to_login",
    "path_to_root",
    "path_to_slave",
    "path_to_step",
]

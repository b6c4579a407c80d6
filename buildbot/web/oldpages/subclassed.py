# -*- test-case-name: tests.stories.test_ownpages -*-
"""The methods of C{WebStatus} that own pages and subclasses of 0.7.6 to 0.8 call or override."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from buildbot.interfaces import IControl
from buildbot.web.oldpages.templates import Templates

if TYPE_CHECKING:
    from twisted.web import resource

#: Objects of this module in a resource, such as the registry of a C{static.File}, are new ones at each load.
_STATIC = "twisted.web.static"


class Subclassed:
    """I am the part of C{WebStatus} for own pages and subclasses.

    @ivar head_elements: HTML for the head of each page.
    @ivar header, body_attrs, footer, template_values: of 0.7; they do nothing, because pages have one layout.
    @ivar ownPages: a description of the own pages, for comparing: the classes and attributes when they came.
    """

    head_elements: Any = ()
    header = ""
    body_attrs: Any = {}
    footer = ""
    template_values: Any = {}

    site: Any
    master: Any
    allowForce: Any
    authz: Any
    numbuilds: int
    num_events: int
    num_events_max: int | None
    _children: dict[bytes, Any]
    ownPages: dict[bytes, Any]

    def putChild(self, name: str | bytes, child_resource: resource.Resource) -> None:
        """Serve an own resource at a path of one segment. It takes precedence over our pages."""
        key = name.encode("utf-8") if isinstance(name, str) else name
        self._children[key] = child_resource
        attributes = {
            each: value
            for each, value in vars(child_resource).items()
            if each != "children" and type(value).__module__ != _STATIC
        }
        self.ownPages[key] = [type(child_resource), attributes]
        if self.site is not None:
            self.site.resource.putChild(key, child_resource)

    def addUsualPages(self) -> None:
        """Call L{setupUsualPages} with the arguments that the subclass takes."""
        given = {
            "numbuilds": self.numbuilds,
            "num_events": self.num_events,
            "num_events_max": self.num_events_max,
        }
        takes = inspect.signature(self.setupUsualPages).parameters.values()
        if not any(each.kind is each.VAR_KEYWORD for each in takes):
            names = {each.name for each in takes}
            given = {name: value for name, value in given.items() if name in names}
        self.setupUsualPages(**given)

    def setupUsualPages(self, *args: object, **kwargs: object) -> None:
        """Add pages at the start. A subclass may put own ones with L{putChild}; ours are there anyway."""

    def setupSite(self) -> None:
        """The site is about to open; it is C{self.site}."""

    def getControl(self) -> Any:
        """The control of the master for own pages; None unless the configuration allows actions."""
        if not self.allowForce and self.authz is None:
            return None
        return IControl(self.master)

    def getChangeSvc(self) -> Any:
        """The master; it has the changes."""
        return self.master

    @property
    def templates(self) -> Any:
        """The templates of 0.8: only C{empty.html}; the error for others says what to do."""
        return Templates()

    @property
    def subclassDoubts(self) -> list[str]:
        """Sentences about attributes that a subclass overrides without effect."""
        names = ("header", "body_attrs", "footer", "template_values")
        doubts = []
        owner = next((each for each in type(self).__mro__ if "getStatus" in vars(each)), Subclassed)
        if not owner.__module__.startswith("buildbot."):
            doubts.append(
                "getStatus() changes only what pages of your own show: all others show the whole master;"
                " Authz(view=…) hides builders"
            )
        return doubts + [
            f"{name} does nothing: all pages have one layout; head_elements and a"
            " buildbot.css in public_html change it"
            for name in names
            if getattr(self, name) is not getattr(Subclassed, name)
        ]

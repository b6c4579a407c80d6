# -*- test-case-name: tests.unit.model.test_change -*-
"""A change to the source: one commit.

This module does not fetch or store changes. Change sources create them; the store numbers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from datetime import datetime
from html import escape
from itertools import accumulate, takewhile
from typing import Any

from zope.interface import implementer

from buildbot.config.compare import ComparableMixin
from buildbot.interfaces import IStatusEvent
from buildbot.model.properties import Properties
from buildbot.model.times import now
from buildbot.text.plural import counted

_FIELDS = (
    *("who", "files", "comments", "isdir", "links", "revision", "when", "branch", "category", "revlink"),
    *("repository", "project", "codebase", "number"),
)


#: The most characters of comments that are kept.
LONGEST_COMMENTS = 65536
#: The most characters of comments and of file names in the copies of a change in other records. The record of
#: the change itself has all of them.
BRIEF_COMMENTS = 8 * 1024
BRIEF_FILES = 32 * 1024
_CUT = "\n(… the rest was too long)"
_LAST = 253402214400  # the last day that a date can have, in all time zones
_NOTES = 100  # comments may be longer by these characters, the length of a note


def shortened(comments: str, most: int = LONGEST_COMMENTS) -> str:
    """Cut comments to C{most} characters, with a note at the end. Slightly longer comments stay unchanged."""
    return comments if len(comments or "") <= most + _NOTES else comments[:most] + _CUT


@implementer(IStatusEvent)
class Change(ComparableMixin):
    """I am one commit. All my texts are C{str}.

    @ivar who: the author, as the version control names them.
    @ivar files: a list of the paths that changed, relative to the top of the source.
    @ivar comments: what the author wrote about it.
    @ivar isdir: true if a directory itself was added, if the version control reports that.
    @ivar links: a list of URLs, one for each of C{files}; or empty.
    @ivar revision: the revision that the commit made, or None.
    @ivar when: the time of the commit, in seconds since the epoch; by default, the time of my creation.
    @ivar branch: the branch of the commit; None is the main line.
    @ivar category: a word by which schedulers may filter changes.
    @ivar revlink: a URL that shows the commit.
    @ivar repository: the repository of the source, such as a URL; empty if unknown.
    @ivar project: the project of the source; or empty.
    @ivar codebase: a name for the repository and its copies; or empty.
    @ivar properties: properties for the builds that include me.
    @ivar number: my number among all changes of the master; None until I am stored.
    @ivar came: my time of arrival by the master's clock (C{when} may be from another clock); None until then.
    """

    compare_attrs = (*_FIELDS, "properties")

    number: int | None = None
    came: float | None = None
    branch: str | None = None
    category: str | None = None
    revision: Any = None
    repository = project = codebase = ""
    links: list[str] = []

    def __init__(
        self,
        who: str,
        files: Iterable[str],
        comments: str,
        isdir: object = 0,
        links: Iterable[str] | None = (),
        revision: object = None,
        when: float | None = None,
        branch: str | None = None,
        category: str | None = None,
        revlink: str = "",
        properties: Mapping[str, Any] | None = None,
        repository: str = "",
        project: str = "",
        codebase: str = "",
    ) -> None:
        self.who = who
        self.files = list(files)
        self.comments = comments
        self.isdir = isdir
        self.links = list(links or ())
        self.revision = revision
        self.when = now() if when is None else when
        self.branch = branch
        self.category = category
        self.revlink = revlink
        self.repository = repository or ""
        self.project = project or ""
        self.codebase = codebase or ""
        self.properties = Properties(properties, "Change")

    def numbered(self, number: int, came: float | None = None) -> Change:
        """A copy of me with the number from the store. The original keeps no number."""
        record = self.__dict__.get("_record")
        same = copy(self)
        same.number, same.came = number, came
        if record is not None:
            same.__dict__["_record"] = {**record, "number": number}
        return same

    def bounded(self) -> Change:
        """Myself, or a copy with shortened comments if they are longer than LONGEST_COMMENTS."""
        return self._but(comments=shortened(self.comments))

    def briefly(self) -> Change:
        """Myself, or a copy with files and comments cut to BRIEF_FILES and BRIEF_COMMENTS."""
        files, links = _first(self.files), _first(self.links)
        comments = shortened(self.comments, BRIEF_COMMENTS)
        left = len(self.files) - len(files)
        if left:
            comments = f"{comments}\n(… {counted(left, 'file')} more)"
            links = links[: len(files)]
        return self._but(comments=comments, files=files, links=links)

    def _but(self, **altered: Any) -> Change:
        if all(getattr(self, name) == value for name, value in altered.items()):
            return self
        same = copy(self)
        for name, value in altered.items():
            setattr(same, name, value)
        return same

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__.pop("_record", None)
        super().__setattr__(name, value)

    def toRecord(self) -> dict[str, Any]:
        """A JSON-able dictionary with all my attributes. Nobody may modify it: many records share it."""
        record: dict[str, Any] | None = self.__dict__.get("_record")
        if record is None or record["properties"] is not self.properties.record:
            record = self.__dict__["_record"] = self._encoded()
        return record

    def _encoded(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in _FIELDS},
            "isdir": int(bool(self.isdir)),
            "properties": self.properties.toRecord(),
        }

    @classmethod
    def fromRecord(cls, record: Mapping[str, Any]) -> Change:
        """The change of a dictionary from L{toRecord}."""
        kept = {name: record[name] for name in _FIELDS if name in record and name != "number"}
        change = cls(**kept)
        change.number = record.get("number")
        change.properties = Properties.fromRecord(record.get("properties", {}))
        return change

    def __repr__(self) -> str:
        number = "" if self.number is None else f" {self.number}"
        where = "".join(
            f" {word} {value}" for word, value in (("on", self.branch), ("at", self.revision)) if value
        )
        files = f"{', '.join(self.files[:3])}{', …' * (len(self.files) > 3)}"
        return f"<Change{number} of {self.who}{where}: {files[:200]}>"

    def asText(self) -> str:
        """A plain text about me, for a mail."""
        lines = [f"Changed by: {self.who}", f"Changed at: {self.getTime()}"]
        lines += [f"{title}: {value}" for title, value in self._places()]
        lines += ["Files:", *(f" {path}" for path in self.files), "Comments:", self.comments]
        return "\n".join(lines) + "\n"

    def asHTML(self) -> str:
        """An HTML fragment about me. All values are escaped."""
        told = [("Changed by", self.who), ("Changed at", self.getTime()), *self._places()]
        lines = [f"<p>{title}: <b>{escape(str(value))}</b></p>" for title, value in told]
        files = "".join(f"<li>{each}</li>" for each in self.getFileContents())
        return "\n".join([*lines, f"<ul>{files}</ul>", f"<pre>{escape(self.comments)}</pre>"]) + "\n"

    def asDict(self) -> dict[str, Any]:
        """Values for JSON, with the names of 0.8, for status code. C{rev} is the same as C{revision}."""
        names = ("number", "branch", "category", "who", "comments", "revision", "when", "revlink")
        links = self.links if len(self.links) == len(self.files) else [None] * len(self.files)
        return {
            **{name: getattr(self, name) for name in (*names, "repository", "project", "codebase")},
            "rev": self.revision,
            "at": self.getTime(),
            "files": [{"url": url, "name": path} for path, url in zip(self.files, links, strict=True)],
            "properties": [list(each) for each in self.properties.asList()],
        }

    def _places(self) -> list[tuple[str, str]]:
        names = ("repository", "project", "codebase", "branch", "revision", "category")
        told = [(name.capitalize(), getattr(self, name)) for name in names]
        return [(title, value) for title, value in told if value not in (None, "")]

    def getFileContents(self) -> list[str]:
        """The files as HTML fragments, as links if I have links."""
        links = self.links if len(self.links) == len(self.files) else [""] * len(self.files)
        return [_linked(path, link) for path, link in zip(self.files, links, strict=True)]

    def getText(self) -> list[str]:
        """Words for a narrow display, in HTML: the author."""
        return [escape(self.who)]

    def getTime(self) -> str:
        """The time of the commit as local time, for people. A clock may be wrong: at most the year 9999."""
        return datetime.fromtimestamp(min(self.when, _LAST)).strftime("%a %d %b %Y %H:%M:%S")

    def getTimes(self) -> tuple[float, None]:
        """The pair (time of the commit, None), as for other status events."""
        return (self.when, None)

    def getColor(self) -> str:
        """The colour of my box in a waterfall."""
        return "white"

    def getLogs(self) -> dict[str, object]:
        """Always empty: a change has no logs."""
        return {}


def _first(names: list[str]) -> list[str]:
    """The first names, up to L{BRIEF_FILES} characters in total."""
    lengths = accumulate(len(str(name)) + 1 for name in names)
    return names[: sum(1 for _ in takewhile(lambda length: length <= BRIEF_FILES, lengths))]


def _linked(path: str, link: str) -> str:
    """A path as HTML, with its link. Only http and https links are used, to exclude scripts."""
    if not link.lower().startswith(("http://", "https://")):
        return escape(path)
    return f'<a href="{escape(link)}">{escape(path)}</a>'

# -*- test-case-name: tests.unit.model.test_change -*-
"""One change to the source, as somebody committed it.

Nothing here fetches or stores: change sources make changes, the store numbers them.
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


#: Characters that are kept of the comments.
LONGEST_COMMENTS = 65536
#: Characters of the comments and of the names of files that each record has which names a change. All of them
#: are in the record of the change itself.
BRIEF_COMMENTS = 8 * 1024
BRIEF_FILES = 32 * 1024
_CUT = "\n(… the rest was too long)"
_NOTES = 100  # of characters may follow them


def shortened(comments: str, most: int = LONGEST_COMMENTS) -> str:
    """Comments of not many more characters than that; a note at their end says if some are missing."""
    return comments if len(comments or "") <= most + _NOTES else comments[:most] + _CUT


@implementer(IStatusEvent)
class Change(ComparableMixin):
    """I am what one person did to the source at one time. All my texts are C{str}.

    @ivar who: the author, as the version control names them.
    @ivar files: a list of the paths that changed, relative to the top of the source.
    @ivar comments: what the author wrote about it.
    @ivar isdir: true if a directory itself was added, where the version control tells.
    @ivar links: a list of URLs, one for each of C{files}; or empty.
    @ivar revision: the name by which the version control knows the source with me in it, if it has one.
    @ivar when: in seconds since the epoch; if the maker did not say, when I was made.
    @ivar branch: where I was committed; None is the main line.
    @ivar category: a word by which schedulers may tell changes apart.
    @ivar revlink: a URL that shows me.
    @ivar repository: where the source is kept, such as a URL; empty if the maker did not say.
    @ivar project: what the source is a part of; or empty.
    @ivar codebase: a name for the repository and its copies; or empty.
    @ivar properties: what builds with me in them shall have as properties.
    @ivar number: counts all changes of a master; None until I am stored.
    @ivar came: when I came to the master, by its own clock, which C{when} need not be of; None until then.
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
        isdir: Any = 0,
        links: Iterable[str] | None = (),
        revision: Any = None,
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
        self.properties = Properties(properties, "Change")
        self.repository = repository or ""
        self.project = project or ""
        self.codebase = codebase or ""

    def numbered(self, number: int, came: float | None = None) -> Change:
        """I myself, with the number that the store has given me. The original stays without one."""
        same = copy(self)
        same.number, same.came = number, came
        return same

    def bounded(self) -> Change:
        """I myself, or one like me with the beginning of my comments, if they are very long."""
        return self._but(comments=shortened(self.comments))

    def briefly(self) -> Change:
        """I myself; or if I say much, one like me with the first files and the beginning of the comments."""
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
        same.__dict__.update(altered)
        return same

    def toRecord(self) -> dict[str, Any]:
        """A dictionary that JSON can hold, with all that I say."""
        return {
            **{name: getattr(self, name) for name in _FIELDS},
            "isdir": int(bool(self.isdir)),
            "properties": self.properties.toRecord(),
        }

    @classmethod
    def fromRecord(cls, record: Mapping[str, Any]) -> Change:
        """The change that L{toRecord} described."""
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
        """All that I say, in lines for a mail."""
        lines = [f"Changed by: {self.who}", f"Changed at: {self.getTime()}"]
        lines += [f"{title}: {value}" for title, value in self._places()]
        lines += ["Files:", *(f" {path}" for path in self.files), "Comments:", self.comments]
        return "\n".join(lines) + "\n"

    def asHTML(self) -> str:
        """All that I say, as a piece of HTML in which nothing that I was told is markup."""
        told = [("Changed by", self.who), ("Changed at", self.getTime()), *self._places()]
        lines = [f"<p>{title}: <b>{escape(str(value))}</b></p>" for title, value in told]
        files = "".join(f"<li>{each}</li>" for each in self.getFileContents())
        return "\n".join([*lines, f"<ul>{files}</ul>", f"<pre>{escape(self.comments)}</pre>"]) + "\n"

    def _places(self) -> list[tuple[str, str]]:
        names = ("repository", "project", "codebase", "branch", "revision", "category")
        told = [(name.capitalize(), getattr(self, name)) for name in names]
        return [(title, value) for title, value in told if value not in (None, "")]

    def getFileContents(self) -> list[str]:
        """The files as pieces of HTML: each is a link where there is one."""
        links = self.links if len(self.links) == len(self.files) else [""] * len(self.files)
        return [_linked(path, link) for path, link in zip(self.files, links, strict=True)]

    def getText(self) -> list[str]:
        """A list of words for a narrow display, in HTML: who it was."""
        return [escape(self.who)]

    def getTime(self) -> str:
        """When it was, as local time for people."""
        return datetime.fromtimestamp(self.when).strftime("%a %d %b %Y %H:%M:%S")

    def getTimes(self) -> tuple[float, None]:
        """When it was; a change takes no time."""
        return (self.when, None)

    def getColor(self) -> str:
        """The colour of a box that shows me."""
        return "white"

    def getLogs(self) -> dict[str, object]:
        """I have none."""
        return {}


def _first(names: list[str]) -> list[str]:
    """As many of the first as have no more than L{BRIEF_FILES} characters."""
    lengths = accumulate(len(str(name)) + 1 for name in names)
    return names[: sum(1 for _ in takewhile(lambda length: length <= BRIEF_FILES, lengths))]


def _linked(path: str, link: str) -> str:
    """A path in HTML; only links that lead to a page are followed, no scripts."""
    if not link.lower().startswith(("http://", "https://")):
        return escape(path)
    return f'<a href="{escape(link)}">{escape(path)}</a>'

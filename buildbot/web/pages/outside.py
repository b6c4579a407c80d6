# -*- test-case-name: tests.unit.web.test_outside -*-
"""Links to other sites: C{revlink}, C{changecommentlink}, C{projects} and C{repositories} of C{WebStatus}.

Each setting may be a function of the configuration. One that raises makes no link; the log tells why.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from buildbot.config.arguments import Kind
from buildbot.status.asking import Unanswered, attempt
from buildbot.text.revlinks import default_revlink_matcher
from buildbot.web.markup import Href, Markup, Template, Value, escape, foreign, href, join, link

if TYPE_CHECKING:
    from buildbot.web.world import World

#: The most characters of an address. Longer ones, which no server takes, are no links.
_MOST_ADDRESS = 8192
#: The most characters of HTML for a comment, besides ten times its length. With more, a page with many
#: changes would be too big to load; the comment is shown without HTML.
_MOST_HTML = 10_000
_TITLED = Template('<a href="{to}" title="{title}">{text}</a>')


def isFormat(value: object) -> bool:
    """True for a text with one %s."""
    if not isinstance(value, str):
        return False
    try:
        return "x" in value % "x"
    except (TypeError, ValueError):
        return False


def isRule(value: object) -> bool:
    """True for (regular expression, address) or (regular expression, address, title)."""
    if not isinstance(value, (tuple, list)) or len(value) not in (2, 3):
        return False
    try:
        # this checks the groups of the address and title, too
        return all(isinstance(re.sub(value[0], each, ""), str) for each in value[1:])
    except (re.error, TypeError, IndexError):
        return False


def _allFit(value: object, fits: Callable[[object], bool]) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and fits(each) for name, each in value.items()
    )


#: The kinds of these arguments in master.cfg.
REVLINK = Kind(
    "a text with one %s for the revision, a dict of repositories and such texts,"
    " a function of (revision, repository), or None",
    lambda value: value is None or callable(value) or isFormat(value) or _allFit(value, isFormat),
)
COMMENT_LINK = Kind(
    "a tuple (regular expression, address) or (regular expression, address, title), a dict of projects and"
    " such tuples, a function of (HTML, project), or None",
    lambda value: value is None or callable(value) or isRule(value) or _allFit(value, isRule),
)
NAME_LINK = Kind(
    "a dict of names and addresses, a function of a name, or None",
    lambda value: value is None or callable(value) or _allFit(value, lambda each: isinstance(each, str)),
)


def revlinkOf(world: World) -> Any:
    """The maker of addresses of revisions: C{revlink} of the web server, C{c['revlink']}, or our default."""
    setting = world.options.revlink
    return setting if setting is not None else world.config.revlink or default_revlink_matcher


def revisionLink(setting: Any, revision: object, repository: object, text: str = "") -> Value:
    """A link to a revision on another site; "" if there is none."""
    to = revisionAddress(setting, str(revision or ""), str(repository or ""))
    return "" if to is None else link(to, text or "source")


def revisionAddress(setting: Any, revision: str, repository: str) -> Href | None:
    """The address of a revision on another site; None if there is none."""
    if not revision or setting is None:
        return None
    if callable(setting):
        return _address(_asked("revlink", setting, revision, repository))
    form = setting.get(repository) if isinstance(setting, Mapping) else setting
    return None if not form else _address(form % quote(revision, safe=""))


def named(setting: Any, name: str) -> Value:
    """A project or repository, as a link if the setting knows it."""
    if not name or setting is None:
        return name
    found = setting.get(name) if isinstance(setting, Mapping) else _asked("projects", setting, name)
    to = _address(found)
    return name if to is None else link(to, name)


def linked(setting: Any, comments: str, project: str) -> Markup:
    """The comments of a change, with links for the words that the setting matches."""
    if setting is None:
        return escape(comments)
    if callable(setting):
        made = _asked("changecommentlink", setting, str(escape(comments)), project)
        fits = isinstance(made, str) and len(made) <= _MOST_HTML + 10 * len(comments)
        return foreign(str(made)) if fits else escape(comments)
    rule = setting.get(project) if isinstance(setting, Mapping) else setting
    return escape(comments) if rule is None else _ruled(rule, comments)


def _ruled(rule: Any, comments: str) -> Markup:
    expression, form, title = (*rule, "")[:3]
    pieces: list[Value] = []
    end = 0
    for match in re.finditer(expression, comments):
        if match.end() > match.start():
            to = href(match.expand(form))
            text, about = match.group(), match.expand(title)
            pieces += [
                comments[end : match.start()],
                _TITLED(to=to, title=about, text=text) if about else link(to, text),
            ]
            end = match.end()
    return join([*pieces, comments[end:]])


def _address(found: object) -> Href | None:
    return href(found) if isinstance(found, str) and 0 < len(found) <= _MOST_ADDRESS else None


def _asked(name: str, function: Callable[..., object], *args: str) -> object:
    """The answer of a function of the configuration; None if it raises."""
    found = attempt(function, f"the function {name} of WebStatus", lambda: function(*args))
    return None if isinstance(found, Unanswered) else found

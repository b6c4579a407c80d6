# -*- test-case-name: tests.stories.test_weblog -*-
"""The list of the failing lines of a log, as links."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.text.plural import counted
from buildbot.web.logs.outline import FailingLine, Outlined
from buildbot.web.markup import NOTHING, Href, Markup, Template, join
from buildbot.web.pages.pieces import paragraph

#: The failing lines that are shown at once; the others of the list can be opened.
FEW = 10

_LIST = Template('<ol class="hits">{items}</ol>')
_ITEM = Template('<li><a href="{to}" data-line="{line}">{line}</a> {text}</li>')
# The script looks again while it is there.
_SEARCHED = Template('<p id="searched">{text}</p>')
_DETAILS = Template("<details><summary>{title}</summary>{content}</details>")
_SECTION = Template(
    '<section id="failing" aria-labelledby="failing-title"><h2 id="failing-title">{title}</h2>'
    "{content}</section>"
)


def failing(outlined: Outlined, isFailed: bool) -> Markup:
    """The failing lines; an empty part without failing lines.

    @param isFailed: False to show only their number until the list is opened: the step was successful.
    """
    parts = []
    if outlined.searched < 1:
        share = f"{100 * outlined.searched:.0f} %"
        parts.append(_SEARCHED(text=f"{share} of the log is searched for failing lines so far, and its end."))
    if not outlined.count and not outlined.last:
        return join(parts)
    lines, others = outlined.failing[:FEW], outlined.failing[FEW:]
    parts.append(_listed(lines))
    if others:
        parts.append(_DETAILS(title=f"{len(others)} more", content=_listed(others)))
    if outlined.count > len(outlined.failing):
        parts.append(paragraph(f"The list has only the first {len(outlined.failing)} of them."))
    if outlined.last:
        parts += [paragraph("Near the end of the log:"), _listed(outlined.last)]
    parts.append(paragraph("The keys n and p go to the next and the previous one."))
    title = counted(outlined.count or len(outlined.last), "failing line")
    if not isFailed:
        return _SECTION(title=title, content=_DETAILS(title="Show the list", content=join(parts)))
    return _SECTION(title=title, content=join(parts))


def _listed(lines: Sequence[FailingLine]) -> Markup:
    if not lines:
        return NOTHING
    return _LIST(items=join(_ITEM(to=_to(each.number), line=each.number, text=each.text) for each in lines))


def _to(line: int) -> Href:
    return Href(f"?line={line}#L{line}")

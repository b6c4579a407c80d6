# -*- test-case-name: tests.unit.web.accounts.test_redirects -*-
"""The target of a redirect after a login or an action: only a path of this site, parsed and rebuilt."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

#: The field of a form with the page that shows its outcome. No property is likely to have this name.
CAME_FROM = "came-from"
#: The most characters of a target.
LONGEST = 2000
#: The characters of a path that stay unquoted.
_SAFE = "/-._~!$'()*+,;=:@"


def ownPath(wanted: str | None, default: str = "/") -> str:
    """The path and query of a wanted target, quoted; C{default} if the target is not a path of this site.

    @param wanted: from the visitor: C{"/builders/a%20b?x=1"}. Another host, a scheme, C{..} or a control
        character makes it unusable.
    @return: ASCII that begins with exactly one slash.
    """
    if not wanted or len(wanted) > LONGEST or wanted.startswith("//") or not _isPlain(wanted):
        return default
    try:
        parts = urlsplit(wanted)
        path = unquote(parts.path, errors="strict")
        query = parse_qsl(parts.query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError:
        return default
    if parts.scheme or parts.netloc or not _isOwn(path):
        return default
    return quote(path, safe=_SAFE) + (f"?{urlencode(query)}" if query else "")


def pageOf(
    segments: Sequence[str], given: Mapping[str, Sequence[str]], leftOut: Container[str] = ("done",)
) -> str:
    """The path and query of a page, quoted, as L{ownPath} takes it.

    @param segments: the path, unquoted.
    @param given: the parameters: name -> texts.
    @param leftOut: the names of parameters to leave out.
    """
    page = "/" + "/".join(quote(each, safe="", errors="surrogateescape") for each in segments)
    pairs = [(name, text) for name, texts in given.items() if name not in leftOut for text in texts]
    return f"{page}?{urlencode(pairs, errors='surrogateescape')}" if pairs else page


def _isOwn(path: str) -> bool:
    return (
        path.startswith("/")
        and not path.startswith("//")
        and _isPlain(path)
        and not {"..", "."} & set(path.split("/"))
    )


def _isPlain(text: str) -> bool:
    return "\\" not in text and not any(each < " " or "\x7f" <= each <= "\x9f" for each in text)

# -*- test-case-name: tests.unit.web.test_markup -*-
"""HTML that is escaped by construction, and has no passwords of URLs.

A L{Markup} is finished HTML. Every other value is text, and is escaped when it is put into a L{Template}.
An address in an attribute must be a L{Href}: no C{javascript:} address of a slave or a change becomes a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape as _escape
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from buildbot.text.printable import HARMFUL_IN_LINES, plain
from buildbot.text.urls import withoutPasswords


class Markup(str):
    """I am finished HTML: I am not escaped again."""

    __slots__ = ()


class Href(Markup):
    """I am an address that may stand in C{href}, C{src} or C{action}; I am already escaped."""

    __slots__ = ()


#: Values for a template: text and numbers are escaped; None is nothing.
Value: TypeAlias = "str | int | float | None"

NOTHING = Markup("")
#: The schemes of addresses that pages may link to. A relative address has none.
SCHEMES = ("", "http", "https", "mailto")
#: A field of a template, such as C{{name}}.
_FIELD = re.compile(r"\{(\w+)\}")
#: The attributes whose value is an address.
_ADDRESS = re.compile(r'\b(?:href|src|action|formaction|poster|cite|data)="$')
#: The end of a text in which a field would stand in a tag, but not between quotes.
_BARE = re.compile(r"<[^<>\"]*(?:\"[^\"]*\"[^<>\"]*)*$")
_QUOTED = re.compile(r"<[^<>\"]*(?:\"[^\"]*\"[^<>\"]*)*\"[^\"]*$")


def escape(value: Value) -> Markup:
    """The HTML of a value, without the passwords of URLs in it.

    Characters that would hide or reorder the text behind them are shown as their codes.
    """
    if isinstance(value, Markup):
        return value
    if value is None:
        return NOTHING
    return verbatim(withoutPasswords(str(value)))


def verbatim(text: str) -> Markup:
    """The HTML of a text with the passwords of its URLs, for the fields of forms and for logs."""
    if not text.isprintable() and HARMFUL_IN_LINES.search(text):
        text = plain(text)
    return Markup(_escape(text))


def foreign(html: str) -> Markup:
    """The HTML that a function of a site has made.

    Half characters (surrogates) in it become question marks: no page can be sent with them.
    """
    return Markup(html.encode("utf-8", "replace").decode("utf-8"))


def join(pieces: Iterable[Value], between: Value = NOTHING) -> Markup:
    """The HTML of several values, with another one between them."""
    return Markup(escape(between).join(map(escape, pieces)))


def href(address: str) -> Href:
    """An address from data, for C{href}; "#" if its scheme is none of L{SCHEMES}."""
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        return Href("#")
    if scheme.lower() not in SCHEMES or address[:1].isspace() or not address.isprintable():
        return Href("#")
    return Href(_escape(withoutPasswords(address)))


def path(*segments: str | int, root: str = "") -> Href:
    """A relative address below C{root}, made of path segments; each segment is quoted whole."""
    quoted = "/".join(quote(str(each), safe="~", errors="surrogateescape") for each in segments)
    # A first segment with a colon would be read as a scheme; quote() leaves no colon.
    return Href(_escape(root + quoted) or "./")


class Template:
    """I am a piece of HTML with fields, such as C{<b title="{why}">{name}</b>}.

    Every attribute must be quoted. A field in an attribute that holds an address takes only a L{Href}.
    """

    def __init__(self, text: str) -> None:
        """@raise ValueError: a field stands in a tag but not in a quoted attribute."""
        pieces = _FIELD.split(text)
        self._fields = tuple(pieces[1::2])
        self._addresses = frozenset(self._check(pieces))
        self._format = "%s".join(piece.replace("%", "%%") for piece in pieces[0::2])

    @staticmethod
    def _check(pieces: list[str]) -> Iterable[str]:
        """The fields that take an address."""
        before = ""
        for literal, field in zip(pieces[0::2], pieces[1::2], strict=False):
            before += literal
            isQuoted = _QUOTED.search(before)
            if not isQuoted and _BARE.search(before):
                raise ValueError(f"field {field} of a template must stand between quotes")
            if isQuoted and _ADDRESS.search(before):
                yield field
            before += "x"

    def __call__(self, **values: Value) -> Markup:
        """The HTML with these values.

        @raise KeyError: a field has no value.
        @raise TypeError: a field that takes an address got another value.
        """
        for name in self._addresses:
            if not isinstance(values[name], Href):
                raise TypeError(f"field {name} takes a Href, not {type(values[name]).__name__}")
        return Markup(self._format % tuple([escape(values[name]) for name in self._fields]))


_LINK = Template('<a href="{to}">{text}</a>')


def link(to: Href, text: Value) -> Markup:
    """A link with a text."""
    return _LINK(to=to, text=text)

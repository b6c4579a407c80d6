# -*- test-case-name: tests.unit.changes.test_mailtext -*-
"""Read the texts of a mail: its headers, its author and the lines of its body, in any encoding."""

from __future__ import annotations

from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr

#: The most characters of a header that are read.
LONGEST_HEADER = 10_000
#: Names that say nothing about the encoding, or that Python decodes in quadratic time.
_NO_CHARSETS = frozenset(("us-ascii", "ascii", "unknown-8bit", "x-unknown", "punycode", "idna"))


def header(message: Message, name: str) -> str:
    """A header as readable text; empty if the mail does not have it."""
    return _words(_raw(message, name))


def sender(message: Message) -> tuple[str, str]:
    """The name and the address of the sender; either may be empty."""
    name, address = parseaddr(_raw(message, "from"))
    return _words(name), address


def login(message: Message) -> str:
    """The sender's address before its C{@}."""
    return sender(message)[1].partition("@")[0]


def lines(message: Message) -> list[str]:
    """The lines of the body without their ends. Of several parts, those in plain text; else all in text.

    Bytes that cannot be decoded are kept as in names of files, with C{surrogateescape}.
    """
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    wanted = [part for part in parts if part.get_content_subtype() == "plain"] or parts
    found: list[str] = []
    for part in wanted:
        text = _text(part)
        found += text.removesuffix("\n").split("\n") if text else ()
    return found


def decoded(raw: bytes, charset: str | None) -> str:
    """Text in the encoding that the mail names. UTF-8 if it names none, or one that is unknown or wrong."""
    if charset and charset.lower() not in _NO_CHARSETS:
        try:
            return raw.decode(charset)
        except (LookupError, ValueError):
            pass
    return raw.decode("utf-8", "surrogateescape")


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = part.get_content_charset()
    return decoded(payload, charset).replace("\r\n", "\n")


def _raw(message: Message, name: str) -> str:
    """The first header of this name, in one line, as it was sent."""
    for each, value in message.raw_items():
        if each.lower() == name:
            said = str(value)[:LONGEST_HEADER].encode("utf-8", "surrogateescape")
            return " ".join(said.decode("utf-8", "replace").split())
    return ""


def _words(text: str) -> str:
    """Decode the encoded words of a header."""
    if "=?" not in text:
        return text
    try:
        parts = decode_header(text)
    except (MessageError, ValueError):
        return text
    joined = "".join(raw if isinstance(raw, str) else decoded(raw, charset) for raw, charset in parts)
    return " ".join(joined.split())

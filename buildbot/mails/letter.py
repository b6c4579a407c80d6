# -*- test-case-name: tests.unit.mails.test_letter -*-
"""Make the text of a mail: headers, parts and attachments, all in ASCII and safe for every server."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import format_datetime

from buildbot.text.printable import plainLine

#: The most characters of a header, and of the text of a mail.
LONGEST_HEADER = 400
LONGEST_TEXT = 200_000
#: Attachments of more bytes are compressed; those of one mail have at most so many bytes together.
COMPRESSED_ABOVE = 100_000
MOST_ATTACHED = 1_000_000
#: A mail of more characters takes so long to write that the reactor should not wait.
LONG = 300_000

_POLICY = SMTP.clone(cte_type="7bit")
_NAME = re.compile(r"[!-9;-~]{1,60}")


@dataclass(frozen=True)
class Attachment:
    """I am a text that is attached to a mail: its file name, the text, and the kind of text."""

    name: str
    text: str
    subtype: str = "plain"


@dataclass(frozen=True)
class Letter:
    """I am one mail, without its recipients.

    @ivar sender: the address in From; C{id}: the Message-ID, with its brackets.
    @ivar text: the plain text; C{html}: the same as HTML, or None. One of them may be empty.
    @ivar thread: the Message-ID of the first mail of the thread; None if this is the first.
    @ivar headers: further headers.
    @ivar longest: the most characters of the text; None: it is bounded already.
    """

    sender: str
    subject: str
    text: str
    id: str
    html: str | None = None
    thread: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    longest: int | None = LONGEST_TEXT


def isLong(letter: Letter) -> bool:
    """True if a mail is so long that it should be written in a thread."""
    return len(letter.text) + sum(len(each.text) for each in letter.attachments) > LONG


def headerText(text: object, most: int = LONGEST_HEADER) -> str:
    """A text for a header: one line of printable characters, not too long."""
    line = plainLine(str(text))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def isHeaderName(name: object) -> bool:
    """True for a valid name of a header."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def written(letter: Letter, to: Sequence[str], copies: Sequence[str], now: float) -> EmailMessage:
    """The mail as an object of Python's C{email}.

    @param to, copies: the addresses in To and Cc.
    @param now: the time, in seconds since the epoch.
    """
    mail = EmailMessage(_POLICY)
    _body(mail, letter)
    _attach(mail, letter.attachments)
    _put(mail, "From", letter.sender)
    _put(mail, "To", ", ".join(to))
    if copies:
        _put(mail, "Cc", ", ".join(copies))
    _put(mail, "Subject", headerText(letter.subject))
    _put(mail, "Date", format_datetime(datetime.fromtimestamp(now, timezone.utc)))
    _put(mail, "Message-ID", letter.id)
    if letter.thread is not None and letter.thread != letter.id:
        _put(mail, "In-Reply-To", letter.thread)
        _put(mail, "References", letter.thread)
    _put(mail, "Auto-Submitted", "auto-generated")
    _put(mail, "X-Auto-Response-Suppress", "All")
    for name, value in letter.headers.items():
        if isHeaderName(name):
            _put(mail, name, headerText(value))
    return mail


def asText(mail: Message) -> str:
    """The mail as it is sent: lines in ASCII that end with CRLF."""
    # long headers stay in one line: old readers do not join a Message-ID that is folded
    data = mail.as_bytes(policy=_POLICY.clone(max_line_length=998))
    return data.decode("ascii", "replace").replace("\N{REPLACEMENT CHARACTER}", "?")


def modern(mail: Message) -> Message:
    """Change a mail that a plug-in has made, perhaps as in Python 2, into one that L{asText} can write.

    Its texts may have any characters, and no charset. A line break in a header begins no other header.
    """
    for name in dict.fromkeys(each.lower() for each in mail if not each.lower().startswith("content-")):
        values = [value for key, value in mail.raw_items() if key.lower() == name]
        if all(isinstance(value, str) and value.isascii() and value.isprintable() for value in values):
            continue
        title = next(key for key in mail if key.lower() == name)
        del mail[name]
        for value in values:
            mail[title] = _POLICY.header_store_parse(title, plainLine(_decoded(str(value))))[1]
    for part in mail.walk():
        text = part.get_payload()
        if isinstance(text, str) and not text.isascii() and part.get_content_charset() is None:
            raw = part.get_payload(decode=True)
            if isinstance(raw, bytes) and "\N{REPLACEMENT CHARACTER}" in text and b"\\ufffd" not in raw:
                text = raw.decode("utf-8", "replace")  # the mail was parsed from bytes
            del part["Content-Transfer-Encoding"]
            part.set_payload(_decoded(text), "utf-8")
    return mail


def _decoded(text: str) -> str:
    """The text, with UTF-8 in place of bytes that a parser did not decode."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _body(mail: EmailMessage, letter: Letter) -> None:
    text = _fit(letter.text, letter.longest)
    html = None if letter.html is None else _fit(letter.html, letter.longest)
    if html is not None and not text:
        mail.set_content(html, subtype="html")
        return
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html")


def _fit(text: str, longest: int | None) -> str:
    """A text that every server takes: valid Unicode without null characters, and not too long."""
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}\n[the rest is left out]\n"
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _attach(mail: EmailMessage, attachments: Iterable[Attachment]) -> None:
    left = MOST_ATTACHED
    omitted = []
    for each in attachments:
        data = each.text.encode("utf-8", "replace")
        isLarge = len(data) > COMPRESSED_ABOVE
        if isLarge:
            data = gzip.compress(data, zlib.Z_DEFAULT_COMPRESSION, mtime=0)
        if len(data) > left:
            omitted.append(each.name)
            continue
        left -= len(data)
        if isLarge:
            mail.add_attachment(
                data, maintype="application", subtype="gzip", filename=f"{_fileName(each)}.gz"
            )
        else:
            text = _fit(each.text, None)
            mail.add_attachment(text, subtype=each.subtype, filename=_fileName(each))
    if omitted:
        names = "\n".join(headerText(name) for name in omitted[:100])
        mail.add_attachment(f"Too large for this mail:\n{names}\n", filename="left-out.txt")


def _fileName(attachment: Attachment) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "_", attachment.name)[:100] or "log"


def _put(mail: EmailMessage, name: str, value: str) -> None:
    """Set a header in place of an earlier one. What is in the configuration may have line breaks."""
    value = plainLine(value)
    del mail[name]
    try:
        mail[name] = value
    except (ValueError, MessageError, IndexError):  # what Python's parser of this header cannot take
        mail[name] = value.encode("ascii", "replace").decode()

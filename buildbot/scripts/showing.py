# -*- test-case-name: tests.unit.scripts.test_log -*-
"""Print the chunks of a log: as bytes, as text that cannot control a terminal, or as lines of JSON."""

from __future__ import annotations

import codecs
import io
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.logs.format import Chunk
from buildbot.scripts.output import Config
from buildbot.text.printable import plain

_CHANNELS = {LOG_CHANNEL_STDOUT: "stdout", LOG_CHANNEL_STDERR: "stderr", LOG_CHANNEL_HEADER: "header"}

#: Prints chunks. An empty list means the end.
Show = Callable[[list[Chunk]], None]


def showing(config: Config, about: Mapping[str, str] | None = None) -> Show:
    """The function that prints chunks, chosen by the options. An empty list means the end.

    @param about: more keys for each line of JSON.
    """
    if config.get("json"):
        return _Lines(about or {}).show
    channels = {LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR}
    if config.get("headers"):
        channels.add(LOG_CHANNEL_HEADER)
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None or sys.stdout.isatty():
        return _Text(channels).show
    sys.stdout.flush()

    def show(chunks: list[Chunk]) -> None:
        raw.write(b"".join(data for channel, data in chunks if channel in channels))
        raw.flush()

    return show


def showingOne(config: Config, step: str, log: str) -> Show:
    """The same for one of several logs, named by its step and itself: other output begins on a new line."""
    show = showing(config, {"step": step, "log": log})
    if config.get("json"):
        return show
    last = b"\n"

    def lined(chunks: list[Chunk]) -> None:
        nonlocal last
        for channel, data in chunks:
            if data and (channel != LOG_CHANNEL_HEADER or config.get("headers")):
                last = data[-1:]
        show(chunks)
        if not chunks and last != b"\n":
            print(flush=True)

    return lined


class _Text:
    """I print text for people, with escaped control characters."""

    def __init__(self, channels: set[int]) -> None:
        self._decoders = {channel: _newlines() for channel in channels}

    def show(self, chunks: list[Chunk]) -> None:
        """Print chunks; an empty list means the end."""
        for channel, data in chunks:
            if channel in self._decoders:
                sys.stdout.write(plain(self._decoders[channel].decode(data)))
        if not chunks:
            sys.stdout.write("".join(plain(each.decode(b"", True)) for each in self._decoders.values()))
        sys.stdout.flush()


class _Lines:
    """I print each chunk as a line of JSON. An invalid byte becomes a lone surrogate, U+DC80 to U+DCFF."""

    def __init__(self, about: Mapping[str, str]) -> None:
        self._about = about
        self._decoders = {
            channel: codecs.getincrementaldecoder("utf-8")("surrogateescape") for channel in _CHANNELS
        }

    def show(self, chunks: list[Chunk]) -> None:
        """Print chunks; an empty list means the end."""
        ends = [(channel, b"") for channel in _CHANNELS] if not chunks else []
        for channel, data in [*chunks, *ends]:
            decoder = self._decoders.get(channel)
            text = decoder.decode(data, not chunks) if decoder is not None else ""
            if text:
                print(json.dumps({**self._about, "channel": _CHANNELS[channel], "text": text}))
        sys.stdout.flush()


def _newlines() -> Any:
    """A decoder of bytes to text that converts every line end to one newline."""
    return io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), True)

# -*- test-case-name: tests.stories.test_web -*-
"""The person or program behind a request, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Who:
    """The person or program that asks.

    @ivar name: the name of the account; "" for anonymous.
    @ivar how: "anonymous", "session", "basic", "token" or "proxy".
    @ivar address: the address of the client, as text.
    @ivar detail: what the accounts know about it; only they read it.
    @ivar key: a text that tells apart those of one name and C{how} who may see different pages.
    @ivar isSecure: True if the visitor uses TLS.
    """

    name: str = ""
    how: str = "anonymous"
    address: str = ""
    detail: Any = None
    key: str = ""
    isSecure: bool = False


@dataclass(frozen=True)
class Leave:
    """The reason why somebody loses an open stream.

    @ivar why: the reason, as a sentence.
    @ivar mayReturn: True if the client may connect again at once.
    """

    why: str
    mayReturn: bool = False


ANONYMOUS = Who()

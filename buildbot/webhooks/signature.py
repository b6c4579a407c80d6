# -*- test-case-name: tests.unit.webhooks.test_signature -*-
"""Sign messages as the specification Standard Webhooks says."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error

#: The beginning of a secret that is in base64.
PREFIX = "whsec_"


def keyOf(secret: str) -> bytes:
    """The key of a secret: the text itself, or the bytes in base64 behind C{whsec_}.

    @raise ValueError: what follows C{whsec_} is no base64.
    """
    if not secret.startswith(PREFIX):
        return secret.encode("utf-8")
    try:
        return b64decode(secret.removeprefix(PREFIX), validate=True)
    except Error:
        raise ValueError("the text behind whsec_ is no base64") from None


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """The header C{webhook-signature} of a message.

    @param timestamp: of the attempt, in seconds since the epoch.
    """
    signed = f"{id}.{timestamp}.".encode() + body
    digest = hmac.new(keyOf(secret), signed, hashlib.sha256).digest()
    return f"v1,{b64encode(digest).decode('ascii')}"

# -*- test-case-name: tests.unit.web.hooks.test_signatures -*-
"""The proofs that a delivery comes from somebody who knows the secret of the hook.

All compare the bytes as they were received, before anything reads them, and in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass

from buildbot.web.hooks.delivery import HookOptions, Received

#: A signature with a time is refused if the time differs from that of the master by more seconds.
TOLERANCE = 300
#: A secret of the specification Standard Webhooks begins with this. Base64 of the key follows.
_WEBHOOKS_PREFIX = "whsec_"

#: Headers with the hexadecimal HMAC-SHA256 of the body. The second text comes before the digits.
_HEX = {
    "github": (("x-hub-signature-256", "sha256="),),
    "gitea": (
        ("x-gitea-signature", ""),
        ("x-forgejo-signature", ""),
        ("x-gogs-signature", ""),
        ("x-hub-signature-256", "sha256="),
    ),
    "bitbucket": (("x-hub-signature", "sha256="), ("x-hub-signature-256", "sha256=")),
    "gitlab": (),
    "base": (("x-hub-signature-256", "sha256="),),
    "poller": (("x-hub-signature-256", "sha256="),),
}
_WITH_TIME = ("gitlab", "base", "poller")


@dataclass(frozen=True)
class Proof:
    """I am the outcome of the check.

    @ivar trouble: the reason why there is no proof, for the sender; empty if there is one.
    @ivar inAddress: True if the secret was in the URL, where access logs keep it.
    """

    trouble: str = ""
    inAddress: bool = False


def proofOf(received: Received, options: HookOptions, now: float) -> Proof:
    """Check the proofs of a delivery. One that is right is enough.

    @param now: the time of the master, in seconds since the epoch.
    """
    troubles = []
    for check in (_hexadecimal, _withTime, _bearer, _gitlabToken):
        trouble = check(received, options, now)
        if trouble == "":
            return Proof()
        if trouble is not None:
            troubles.append(trouble)
    token = received.asked("token")
    if token:
        if _isAny(token, options.secrets):
            return Proof(inAddress=True)
        troubles.append("the token in the URL is wrong")
    return Proof("; ".join(troubles) or _missing(received, options))


def _missing(received: Received, options: HookOptions) -> str:
    if not options.sha1 and options.dialect == "github" and received.header("x-hub-signature"):
        return "the delivery has only a signature with SHA-1, which is unsafe"
    return "the delivery has no signature and no token: set the secret of the hook at the sender too"


def _hexadecimal(received: Received, options: HookOptions, now: float) -> str | None:
    """The proofs of L{_HEX}: None if there is none, "" if one is right, or the fault."""
    names = _HEX[options.dialect]
    given = [(name, start, "sha256") for name, start in names if received.header(name)]
    if not given and options.sha1 and received.header("x-hub-signature"):
        given = [("x-hub-signature", "sha1=", "sha1")]
    for name, start, algorithm in given:
        wanted = [
            start + hmac.new(_bytes(each), received.body, algorithm).hexdigest() for each in options.secrets
        ]
        if _isAny(received.header(name), wanted):
            return ""
    return f"the signature in {given[0][0]} is wrong" if given else None


def _withTime(received: Received, options: HookOptions, now: float) -> str | None:
    """The signature of Standard Webhooks: of the id, the time and the body."""
    given = received.header("webhook-signature")
    if options.dialect not in _WITH_TIME or not given:
        return None
    id, when = received.header("webhook-id"), received.header("webhook-timestamp")
    signed = _bytes(f"{id}.{when}.") + received.body
    wanted = [
        "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        for secret in options.secrets
        for key in _keys(secret)
    ]
    if not any([_isAny(each, wanted) for each in given.split(" ")]):
        return "the signature in webhook-signature is wrong"
    if not (when.isascii() and when.isdigit() and len(when) < 16):
        return "webhook-timestamp must be a number of seconds"
    if abs(now - int(when)) > TOLERANCE:
        return (
            f"the signature is of a time that is more than {TOLERANCE} seconds away: is a clock wrong, or"
            " is this an old delivery?"
        )
    return ""


def _bearer(received: Received, options: HookOptions, now: float) -> str | None:
    scheme, _, token = received.header("authorization").partition(" ")
    if scheme.lower() != "bearer":
        return None
    return "" if _isAny(token.strip(), options.secrets) else "the token in Authorization is wrong"


def _gitlabToken(received: Received, options: HookOptions, now: float) -> str | None:
    token = received.header("x-gitlab-token")
    if options.dialect != "gitlab" or not token:
        return None
    return "" if _isAny(token, options.secrets) else "the token in X-Gitlab-Token is wrong"


def _keys(secret: str) -> list[bytes]:
    """The keys that a secret of Standard Webhooks may mean."""
    try:
        decoded = [b64decode(secret.removeprefix(_WEBHOOKS_PREFIX), validate=True)]
    except (Error, ValueError):
        decoded = []
    return [each for each in decoded if each] + [_bytes(secret)] * (not secret.startswith(_WEBHOOKS_PREFIX))


def _isAny(given: str, wanted: Sequence[str]) -> bool:
    """True if a text equals one of some secret texts. The time does not tell how much of it is right."""
    return any([hmac.compare_digest(_bytes(given), _bytes(each)) for each in wanted])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

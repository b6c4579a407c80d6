"""Signatures of requests to object storage (AWS, version 4), as a server checks them."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import parse_qsl, quote

_HEADER = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request,\s*"
    r"SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})"
)
#: The most seconds that a client's clock may be wrong.
SKEW = 900


class Refused(Exception):
    """A request is refused; C{code} is that of the error."""

    def __init__(self, code: str, message: str) -> None:
        Exception.__init__(self, code, message)
        self.code, self.message = code, message


@dataclass(frozen=True)
class Request:
    """A request as it came. The names of C{headers} are in small letters; C{path} has its escapes."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


def signature(request: Request, signed: str, date: str, region: str, secret: str) -> str:
    """The signature that a request must have.

    @param signed: the names of the signed headers, with semicolons.
    @param date: as in the header C{x-amz-date}.
    """
    pairs = parse_qsl(request.query, keep_blank_values=True)
    query = "&".join(sorted(f"{quote(name, '-_.~')}={quote(value, '-_.~')}" for name, value in pairs))
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed.split(";"))
    payload = request.headers["x-amz-content-sha256"]
    canonical = "\n".join((request.method, request.path, query, headers, signed, payload))
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    text = "\n".join(("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (date[:8], region, "s3", "aws4_request", text):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def check(request: Request, keys: Mapping[str, str], region: str, now: float) -> None:
    """Check a request. Raises L{Refused}.

    @param keys: the secret of each access key.
    @param now: the server's time, in seconds since the epoch.
    """
    found = _HEADER.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise Refused("AccessDenied", "Access Denied")
    access, day, theirs, signed, given = found.groups()
    if access not in keys:
        raise Refused("InvalidAccessKeyId", "The access key does not exist in our records.")
    if theirs != region:
        raise Refused("AuthorizationHeaderMalformed", f"the region '{theirs}' is wrong; expecting '{region}'")
    date = request.headers.get("x-amz-date", "")
    then = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc).timestamp()
    if abs(then - now) > SKEW or not date.startswith(day):
        raise Refused("RequestTimeTooSkewed", "The request time and the current time differ too much.")
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(signed.split(";")):
        raise Refused("AccessDenied", "There are headers that are not signed.")
    if not hmac.compare_digest(signature(request, signed, date, region, keys[access]), given):
        raise Refused("SignatureDoesNotMatch", "The signature does not match.")
    payload = request.headers["x-amz-content-sha256"]
    if payload != "UNSIGNED-PAYLOAD" and payload != hashlib.sha256(request.body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch", "The body is another one than that of the header.")

"""The server of the tests checks signatures as AWS's own examples say; so does the client sign."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from importlib.util import find_spec
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.signatures import SKEW, Refused, Request, check, signature

#: From the documentation of AWS, "Signature Calculations for the Authorization Header".
ACCESS, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
DATE, REGION, HOST = "20130524T000000Z", "us-east-1", "examplebucket.s3.amazonaws.com"
NOW = 1369353600.0
EXAMPLES = [
    (
        "GET",
        "/test.txt",
        "",
        {"range": "bytes=0-9"},
        b"",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    (
        "PUT",
        "/test%24file.text",
        "",
        {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
        b"Welcome to Amazon S3.",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    (
        "GET",
        "/",
        "lifecycle",
        {},
        b"",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    (
        "GET",
        "/",
        "max-keys=2&prefix=J",
        {},
        b"",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
]


def example(number: int) -> tuple[Request, str, str]:
    """An example: the request, its signed headers, and its signature."""
    method, path, query, more, body, expected = EXAMPLES[number]
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": HOST, "x-amz-date": DATE, "x-amz-content-sha256": digest, **more}
    return Request(method, path, query, headers, body), ";".join(sorted(headers)), expected


def authorized(number: int, given: str | None = None, region: str = REGION, access: str = ACCESS) -> Request:
    """An example with its header."""
    request, signed, expected = example(number)
    scope = f"{access}/{DATE[:8]}/{region}/s3/aws4_request"
    words = f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={signed},Signature={given or expected}"
    headers = {**request.headers, "authorization": words}
    return Request(request.method, request.path, request.query, headers, request.body)


class SignatureTests(SynchronousTestCase):
    def test_examples(self) -> None:
        """The signatures are those that AWS has published."""
        for number in range(len(EXAMPLES)):
            request, signed, expected = example(number)
            self.assertEqual(signature(request, signed, DATE, REGION, SECRET), expected)
            check(authorized(number), {ACCESS: SECRET}, REGION, NOW)

    def test_client(self) -> None:
        """The package of the client signs the examples as AWS does."""
        if find_spec("minio") is None:
            return
        from urllib.parse import SplitResult

        from minio.credentials.credentials import Credentials
        from minio.signer import sign_v4_s3

        when = datetime.fromtimestamp(NOW, timezone.utc)
        for number in range(len(EXAMPLES)):
            request, _, expected = example(number)
            headers: dict[str, Any] = {**request.headers}
            query = request.query.replace("lifecycle", "lifecycle=")
            url = SplitResult("https", HOST, request.path, query, "")
            digest = headers["x-amz-content-sha256"]
            keys = Credentials(ACCESS, SECRET)
            signed = sign_v4_s3(
                method=request.method,
                url=url,
                region=REGION,
                headers=headers,
                credentials=keys,
                content_sha256=digest,
                date=when,
            )
            self.assertIn(f"Signature={expected}", str(signed["Authorization"]))

    def test_refused(self) -> None:
        """What is not as it must be is refused, each with its code."""
        for request, now, code in (
            (example(0)[0], NOW, "AccessDenied"),
            (authorized(0, "0" * 64), NOW, "SignatureDoesNotMatch"),
            (authorized(0, region="eu-west-1"), NOW, "AuthorizationHeaderMalformed"),
            (authorized(0, access="other"), NOW, "InvalidAccessKeyId"),
            (authorized(0), NOW + SKEW + 1, "RequestTimeTooSkewed"),
        ):
            why = self.assertRaises(Refused, check, request, {ACCESS: SECRET}, REGION, now)
            self.assertEqual(why.code, code)
        whole = authorized(1)
        other = Request(whole.method, whole.path, whole.query, whole.headers, b"other")
        why = self.assertRaises(Refused, check, other, {ACCESS: SECRET}, REGION, NOW)
        self.assertEqual(why.code, "XAmzContentSHA256Mismatch")

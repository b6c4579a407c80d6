"""Proofs of deliveries (A11, E4)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial

from twisted.trial import unittest

from buildbot.web.hooks.delivery import HookOptions, Received
from buildbot.web.hooks.signatures import TOLERANCE, proofOf
from tests.unit.web.hooks.payloads import NOW, SECRET, signature, webhookSignature

BODY = b'{"ref": "refs/heads/main", "text": "\xc3\xa9"}'
KEY = bytes(range(32))
WHSEC = "whsec_" + b64encode(KEY).decode()


def trouble(
    dialect: str, headers: dict[str, str], body: bytes = BODY, secret: str = SECRET, sha1: bool = False
) -> str:
    """The fault of a delivery; empty if its proof is right."""
    return proofOf(Received("POST", headers, body), HookOptions(dialect, (secret,), sha1=sha1), NOW).trouble


def standard(id: str = "msg_1", when: float = NOW, key: bytes = KEY, body: bytes = BODY) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(when)),
        "webhook-signature": webhookSignature(id, when, body, key),
    }


class RightTests(unittest.SynchronousTestCase):
    """Each forge can prove its deliveries."""

    def test_right(self) -> None:
        """The signature of each forge is accepted."""
        digits = signature(BODY)
        for dialect, headers in (
            ("github", {"x-hub-signature-256": f"sha256={digits}"}),
            ("gitea", {"x-gitea-signature": digits}),
            ("gitea", {"x-forgejo-signature": digits}),
            ("gitea", {"x-hub-signature-256": f"sha256={digits}"}),
            ("bitbucket", {"x-hub-signature": f"sha256={digits}"}),
            ("gitlab", {"x-gitlab-token": SECRET}),
            ("base", {"x-hub-signature-256": f"sha256={digits}"}),
            ("base", {"authorization": f"Bearer {SECRET}"}),
            ("poller", {"authorization": f"bearer {SECRET}"}),
        ):
            self.assertEqual(trouble(dialect, headers), "", (dialect, headers))

    def test_standardWebhooks(self) -> None:
        """GitLab's newer signature is accepted, with a secret in the form of the specification."""
        self.assertEqual(trouble("gitlab", standard(), secret=WHSEC), "")
        several = standard()
        several["webhook-signature"] = f"v1a,x {several['webhook-signature']} v1,y"
        self.assertEqual(trouble("gitlab", several, secret=WHSEC), "")

    def test_plainKey(self) -> None:
        """A secret without the prefix is the key itself."""
        self.assertEqual(trouble("gitlab", standard(key=SECRET.encode())), "")

    def test_severalSecrets(self) -> None:
        """While a secret is replaced, the old and the new one are right."""
        options = HookOptions("github", ("new", SECRET))
        headers = {"x-hub-signature-256": f"sha256={signature(BODY)}"}
        self.assertEqual(proofOf(Received("POST", headers, BODY), options, NOW).trouble, "")

    def test_sha1(self) -> None:
        """D: SHA-1 is a proof only if the configuration says so."""
        headers = {"x-hub-signature": f"sha1={signature(BODY, algorithm='sha1')}"}
        self.assertIn("SHA-1", trouble("github", headers))
        self.assertEqual(trouble("github", headers, sha1=True), "")

    def test_sha1IsNoWayRound(self) -> None:
        """A wrong SHA-256 signature is not healed by one with SHA-1."""
        headers = {
            "x-hub-signature": f"sha1={signature(BODY, algorithm='sha1')}",
            "x-hub-signature-256": f"sha256={signature(b'other')}",
        }
        self.assertIn("wrong", trouble("github", headers, sha1=True))

    def test_inAddress(self) -> None:
        """A secret in the URL is accepted, and reported: access logs keep it."""
        options = HookOptions("base", (SECRET,))
        proof = proofOf(Received("POST", {}, BODY, {"token": [SECRET]}), options, NOW)
        self.assertEqual((proof.trouble, proof.inAddress), ("", True))
        proof = proofOf(Received("POST", {}, BODY, {"token": ["guess"]}), options, NOW)
        self.assertIn("token in the URL is wrong", proof.trouble)


class WrongTests(unittest.SynchronousTestCase):
    """Whoever does not know the secret is refused."""

    def test_none(self) -> None:
        """A delivery without any proof is refused, with advice."""
        for dialect in ("github", "gitlab", "gitea", "bitbucket", "base", "poller"):
            self.assertIn("set the secret", trouble(dialect, {}))

    def test_notOfThisForge(self) -> None:
        """The token of GitLab is no proof elsewhere."""
        self.assertNotEqual(trouble("github", {"x-gitlab-token": SECRET}), "")

    def flipped(
        self, headers: dict[str, str], name: str, check: Callable[[dict[str, str], bytes], str]
    ) -> None:
        """Check that each flipped bit, of the signature and of the body, is refused."""
        self.assertEqual(check(headers, BODY), "")
        value = headers[name].encode("latin-1")
        for place in range(len(value) * 8):
            bits = bytearray(value)
            bits[place // 8] ^= 1 << place % 8
            changed = {**headers, name: bits.decode("latin-1")}
            self.assertNotEqual(check(changed, BODY), "", changed[name])
        for place in range(len(BODY) * 8):
            bits = bytearray(BODY)
            bits[place // 8] ^= 1 << place % 8
            self.assertNotEqual(check(headers, bytes(bits)), "")

    def test_eachBit(self) -> None:
        """Row 66: a signature with any bit flipped is refused, and so is a changed body."""
        digits = signature(BODY)
        for dialect, name, value in (
            ("github", "x-hub-signature-256", f"sha256={digits}"),
            ("gitea", "x-gitea-signature", digits),
            ("gitea", "x-forgejo-signature", digits),
            ("bitbucket", "x-hub-signature", f"sha256={digits}"),
            ("base", "x-hub-signature-256", f"sha256={digits}"),
        ):
            self.flipped({name: value}, name, partial(trouble, dialect))

    def test_eachBitOfStandardWebhooks(self) -> None:
        """Row 66: the same for GitLab's signature, which covers the id and the time too."""
        for name in ("webhook-signature", "webhook-id", "webhook-timestamp"):
            self.flipped(standard(), name, lambda headers, body: trouble("gitlab", headers, body, WHSEC))

    def test_eachBitOfTheToken(self) -> None:
        """Row 66: a token with any bit flipped is refused."""
        for place in range(len(SECRET) * 8):
            bits = bytearray(SECRET.encode())
            bits[place // 8] ^= 1 << place % 8
            self.assertNotEqual(trouble("gitlab", {"x-gitlab-token": bits.decode("latin-1")}), "")

    def test_old(self) -> None:
        """A signature of another time is refused."""
        for seconds in (TOLERANCE + 1, -TOLERANCE - 1):
            self.assertIn("away", trouble("gitlab", standard(when=NOW + seconds), secret=WHSEC))
        self.assertEqual(trouble("gitlab", standard(when=NOW - TOLERANCE), secret=WHSEC), "")

    def test_odd(self) -> None:
        """Odd headers are refused, and cause no error."""
        for odd in ("\u00e9" * 1000, "\ud800", "sha256=", "v1,", "\0", " " * 9, "9" * 5000):
            for name in ("x-hub-signature-256", "webhook-signature", "authorization", "x-gitlab-token"):
                self.assertNotEqual(trouble("gitlab", {name: odd, "webhook-timestamp": odd}), "")
                self.assertNotEqual(trouble("github", {name: odd}), "")

"""The signature of a message."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.webhooks.signature import keyOf, signature


class SignatureTests(unittest.SynchronousTestCase):
    """See L{signature}."""

    def test_example(self) -> None:
        """The example of the documentation of Standard Webhooks has its signature."""
        self.assertEqual(
            signature(
                *("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330),
                b'{"test": 2432232314}',
            ),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        )

    def test_keys(self) -> None:
        """A secret is a text, or base64 behind whsec_."""
        self.assertEqual((keyOf("sesame"), keyOf("whsec_c2VzYW1l")), (b"sesame", b"sesame"))
        self.assertRaises(ValueError, keyOf, "whsec_no base64")

"""The headers of reverse proxies."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.accounts.proxies import BadProxies, Proxies, Seen, proxiesOf, seenBy

PROXY = "10.0.0.1"
TRUSTED = proxiesOf(["10.0.0.0/8", "unix"], "X-Remote-User")
STANDARD = proxiesOf(["10.0.0.0/8"], usesForwarded=True)


class SeenTests(unittest.SynchronousTestCase):
    """The visitor behind a proxy."""

    def address(self, proxies: Proxies, peer: str = PROXY, **headers: str) -> str:
        """The address of the visitor."""
        return self.seen(proxies, peer, **headers).address

    def seen(self, proxies: Proxies, peer: str = PROXY, **headers: str) -> Seen:
        """The request as the visitor made it."""
        return seenBy(
            proxies, peer, False, {name.replace("_", "-"): [value] for name, value in headers.items()}
        )

    def test_untrusted(self) -> None:
        """The headers of everybody else do not count."""
        headers = {
            "x_forwarded_for": "127.0.0.1",
            "x_forwarded_proto": "https",
            "x_forwarded_host": "evil.example",
            "forwarded": "for=127.0.0.1;proto=https",
            "x_remote_user": "root",
            "host": "ci",
        }
        for proxies, peer in ((Proxies(), PROXY), (TRUSTED, "192.0.2.1"), (STANDARD, "192.0.2.1")):
            self.assertEqual(self.seen(proxies, peer, **headers), Seen(peer, False, "ci", ""))

    def test_trusted(self) -> None:
        """The address, the protocol, the host and the name come from a trusted proxy."""
        seen = self.seen(
            TRUSTED,
            x_forwarded_for="192.0.2.5",
            x_forwarded_proto="https",
            x_forwarded_host="ci.example.org",
            x_remote_user=" alice ",
            host="10.0.0.9:8010",
        )
        self.assertEqual(seen, Seen("192.0.2.5", True, "ci.example.org", "alice"))

    def test_fromTheRight(self) -> None:
        """Only the hops that trusted proxies have added count; the visitor may have written the others."""
        for said, address in {
            "127.0.0.1, 192.0.2.5": "192.0.2.5",
            "127.0.0.1, 192.0.2.5, 10.3.3.3": "192.0.2.5",
            "192.0.2.5:4711": "192.0.2.5",
            "[2001:db8::5]:80": "2001:db8::5",
            "::ffff:192.0.2.5": "192.0.2.5",
            "nonsense": PROXY,
            "192.0.2.5, nonsense": PROXY,
            "192.0.2.5, nonsense, 10.1.1.1": "10.1.1.1",
            "": PROXY,
            "10.1.1.1, 10.2.2.2": "10.1.1.1",
        }.items():
            self.assertEqual(self.address(TRUSTED, x_forwarded_for=said), address, said)

    def test_severalHeaders(self) -> None:
        """Several headers of one name are one list."""
        seen = seenBy(TRUSTED, PROXY, False, {"x-forwarded-for": ["127.0.0.1", "192.0.2.5, 10.1.1.1"]})
        self.assertEqual(seen.address, "192.0.2.5")

    def test_forwarded(self) -> None:
        """Forwarded of RFC 7239 counts if the proxy writes it."""
        for said, address in {
            "for=192.0.2.5;proto=https": "192.0.2.5",
            'For="[2001:db8::5]:4711"': "2001:db8::5",
            "for=127.0.0.1, for=192.0.2.5;by=10.0.0.1": "192.0.2.5",
            'for="a, for=127.0.0.1", for=192.0.2.5': "192.0.2.5",
            "for=_hidden": PROXY,
            "for=unknown": PROXY,
            "for=1.2.3.4;for=5.6.7.8": PROXY,
            "for": PROXY,
        }.items():
            self.assertEqual(self.address(STANDARD, forwarded=said), address, said)
        self.assertTrue(self.seen(STANDARD, forwarded="for=192.0.2.5;proto=https").isSecure)

    def test_otherKind(self) -> None:
        """The headers that the proxy does not write do not count: they are the visitor's own."""
        self.assertEqual(
            self.address(TRUSTED, x_forwarded_for="192.0.2.5", forwarded="for=127.0.0.1"), "192.0.2.5"
        )
        self.assertEqual(self.address(STANDARD, x_forwarded_for="127.0.0.1"), PROXY)

    def test_twoNames(self) -> None:
        """Two headers with names are one too many: neither counts."""
        seen = seenBy(TRUSTED, PROXY, False, {"x-remote-user": ["root", "alice"]})
        self.assertEqual(seen.user, "")

    def test_unix(self) -> None:
        """A peer at a UNIX socket is trusted if that is said."""
        self.assertEqual(self.address(TRUSTED, "unix", x_forwarded_for="192.0.2.5"), "192.0.2.5")
        self.assertEqual(self.address(STANDARD, "unix", forwarded="for=192.0.2.5"), "unix")


class SettingTests(unittest.SynchronousTestCase):
    """The setting."""

    def test_wrong(self) -> None:
        """A malformed address is refused, and so is a header without a trusted proxy."""
        self.assertRaises(BadProxies, proxiesOf, ["10.0.0"])
        self.assertRaises(BadProxies, proxiesOf, ["proxy.example"])
        why = self.assertRaises(BadProxies, proxiesOf, [], "X-Remote-User")
        self.assertIn("every visitor could write it", str(why))

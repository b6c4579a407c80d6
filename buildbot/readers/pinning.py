# -*- test-case-name: tests.unit.readers.test_pinning -*-
"""TLS to a server whose certificate is known by its digest, whoever has signed it and whatever it names."""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import CertificateOptions
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer


@implementer(IPolicyForHTTPS, IOpenSSLClientConnectionCreator)
class Pinned:
    """I let connections begin to one server only."""

    def __init__(self, digest: str) -> None:
        """@param digest: the SHA-256 of its certificate, in hexadecimal digits."""
        self._digest = digest
        self._context: Any = CertificateOptions().getContext()
        self._context.set_verify(SSL.VERIFY_PEER, self._isKnown)

    def creatorForNetloc(self, hostname: bytes, port: int) -> Pinned:
        """See L{IPolicyForHTTPS}."""
        return self

    def clientConnectionForTLS(self, tlsProtocol: Any) -> Any:
        """See L{IOpenSSLClientConnectionCreator}."""
        return SSL.Connection(self._context, None)

    def _isKnown(self, connection: Any, certificate: Any, error: int, depth: int, isFine: int) -> bool:
        return depth > 0 or digestOf(certificate) == self._digest


def digestOf(certificate: Any) -> str:
    """The SHA-256 of a certificate of pyOpenSSL, in hexadecimal digits."""
    found: bytes = certificate.digest("sha256")
    return found.decode("ascii").replace(":", "").lower()

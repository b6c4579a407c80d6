# -*- test-case-name: tests.unit.outgoing.test_trust -*-
"""Trust the certificate of a server that no authority has signed."""

from __future__ import annotations

import ssl

from buildbot.outgoing.target import TargetDown


def trust(context: ssl.SSLContext, caFile: str, argument: str) -> None:
    """Let connections trust the certificate in a file. A relative path begins in the master's directory.

    @param argument: its name in the configuration.
    @raise TargetDown: the file cannot be read, or has no certificate.
    """
    try:
        context.load_verify_locations(caFile)
    except OSError as error:  # also ssl.SSLError
        why = "it has no certificate" if isinstance(error, ssl.SSLError) else error.strerror or str(error)
        raise TargetDown(f"{argument}: cannot read {caFile}: {why}", f"correct {argument}=") from None

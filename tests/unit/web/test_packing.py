"""Tests of buildbot.web.packing."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web import packing
from buildbot.web.packing import Packer


class PackingTests(unittest.SynchronousTestCase):
    """Many streams send the same compressed pieces."""

    @given(st.lists(st.binary(max_size=300), max_size=5))
    def test_stream(self, pieces: Sequence[bytes]) -> None:
        """A client has each piece as soon as it is sent, and the end is that of a whole stream."""
        packer, total, client, received = Packer(), 1, zlib.decompressobj(), b""
        client.decompress(packing.HEAD)
        for each in pieces:
            piece = packer.packed(each)
            total = packing.joined(total, piece)
            self.assertEqual(client.decompress(piece.data), each)
            received += each
        self.assertEqual(total, zlib.adler32(received))
        client.decompress(packing.end(total))
        self.assertTrue(client.eof)

    def test_long(self) -> None:
        """The checksum is right for large pieces, too."""
        packer, total = Packer(), 1
        for each in (b"\xff" * 200_001, b"\0" * 70_000, b"\xff" * 65_521):
            total = packing.joined(total, packer.packed(each))
        self.assertEqual(total, zlib.adler32(b"\xff" * 200_001 + b"\0" * 70_000 + b"\xff" * 65_521))

    def test_once(self) -> None:
        """A piece is compressed once for all streams, also if another one comes between."""
        packer, first, second = Packer(), b"first" * 100, b"second" * 100
        known = packer.packed(first)
        packer.packed(second)
        self.assertIs(packer.packed(first), known)

    def test_forgets(self) -> None:
        """Only the last few pieces are remembered."""
        packer, pieces = Packer(), [bytes([number]) * 9 for number in range(9)]
        known = packer.packed(pieces[0])
        for each in pieces[1:]:
            packer.packed(each)
        self.assertIsNot(packer.packed(pieces[0]), known)
        self.assertEqual(packer.packed(pieces[0]), known)

"""Decoding logs, for any split of the bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.logs.text import ChunkDecoder, decoded


class LogTextTests(unittest.TestCase):
    """Chunks of bytes become chunks of text."""

    @given(st.binary(max_size=40), st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=6))
    def test_anyCut(self, out: bytes, err: bytes, cuts: list[int]) -> None:
        """The text of each channel is the same for any split of its bytes; no piece is empty."""
        chunks = []
        at = 0
        for cut in [*sorted(cuts), 40]:
            chunks += [(0, out[at:cut]), (1, err[at:cut])]
            at = cut
        found = list(decoded(chunks))
        for channel, said in ((0, out), (1, err)):
            text = "".join(piece for where, piece in found if where == channel)
            self.assertEqual(text, said.decode("utf-8", "replace"))
        self.assertNotIn("", [piece for _, piece in found])

    def test_cutCharacter(self) -> None:
        """A character split between two chunks is whole in the second, also with other channels between."""
        decoder = ChunkDecoder()
        texts = [decoder.decode(0, b"gr\xc3"), decoder.decode(1, b"!"), decoder.decode(0, b"\xb6\xe2")]
        self.assertEqual((texts, decoder.finish()), (["gr", "!", "ö"], [(0, "\ufffd")]))

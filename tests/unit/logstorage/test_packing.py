"""The object with all logs of a build."""

from __future__ import annotations

import gzip
import io
import os
import random
import zlib

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logstorage import packing
from buildbot.logstorage.packing import FOOTER, MEMBER, BadObject, pack, placeOfIndex, readIndex, unpackMember


class PackingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.makedirs(self.directory)

    def write(self, name: str, data: bytes) -> tuple[str, str]:
        path = os.path.join(self.directory, name)
        with open(path, "wb") as file:
            file.write(data)
        return name, path

    def packed(self, *contents: bytes) -> bytes:
        target = io.BytesIO()
        self.result = pack(target, [self.write(f"{n}", data) for n, data in enumerate(contents)])
        self.assertEqual(self.result.size, len(target.getvalue()))
        return target.getvalue()

    def test_eachMember(self) -> None:
        """Each part of each file can be read alone, by the index at the end of the object."""
        long = bytes(range(256)) * (MEMBER // 100)
        data = self.packed(b"short", b"", long)
        place, size = placeOfIndex(data[-FOOTER:])
        files = readIndex(data[place : place + size])
        for name, content in (("0", b"short"), ("1", b""), ("2", long)):
            file = files[name]
            self.assertEqual((file.size, file.crc), (len(content), zlib.crc32(content)))
            pieces = [
                unpackMember(data[start:end])
                for start, end in zip(file.places, file.places[1:], strict=False)
            ]
            self.assertEqual(b"".join(pieces), content)
            self.assertEqual(
                [len(each) for each in pieces[:-1]], [MEMBER] * (len(pieces) - 1 if pieces else 0)
            )

    def test_gunzip(self) -> None:
        """Without this program, gunzip unpacks the logs, one after the other, and the index."""
        whole = gzip.decompress(self.packed(b"one\n", b"two\n"))
        self.assertTrue(whole.startswith(b"one\ntwo\n{"), whole)

    def test_etag(self) -> None:
        """The expected ETag is the MD5 of a short object; a long one is sent in parts, and says so."""
        import hashlib

        data = self.packed(b"short")
        self.assertEqual(self.result.etags, (hashlib.md5(data, usedforsecurity=False).hexdigest(),))
        self.patch(packing, "PART", part := 100_000)
        data = self.packed(random.Random(1).randbytes(part + 5))
        sums = b"".join(hashlib.md5(data[at : at + part], usedforsecurity=False).digest() for at in (0, part))
        self.assertEqual(self.result.etags[1], hashlib.md5(sums, usedforsecurity=False).hexdigest() + "-2")

    def test_damaged(self) -> None:
        """A damaged object is named as such; it is never taken for an empty log."""
        data = self.packed(b"some output\n" * 100)
        place, size = placeOfIndex(data[-FOOTER:])
        self.assertRaises(BadObject, placeOfIndex, data[:10])
        self.assertRaises(BadObject, placeOfIndex, b"x" * FOOTER)
        self.assertRaises(BadObject, readIndex, data[place : place + size - 9])
        self.assertRaises(BadObject, readIndex, gzip.compress(b'{"version": 2}'))
        self.assertRaises(BadObject, unpackMember, data[: place - 3])
        self.assertRaises(BadObject, unpackMember, b"nonsense")

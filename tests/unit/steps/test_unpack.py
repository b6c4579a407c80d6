"""Hostile and ordinary archives."""

from __future__ import annotations

import bz2
import gzip
import os
import shutil
import tarfile
from typing import Any

from buildbot.steps import unpack
from buildbot.steps.unpack import BadArchive, Order
from tests.unit.steps.test_transfer import TransferCase, archive, entry


class UnpackTests(TransferCase):
    """Hostile archives."""

    def order(self, data: bytes, size: int = 1 << 20, mode: int | None = None) -> Order:
        """An order to unpack these bytes."""
        os.makedirs(self.path("into"), exist_ok=True)
        return Order(
            self.write("x.tar", data), self.path("into", ".part"), self.path("into", "there"), size, 60, mode
        )

    def unpack(self, *members: Any, **kw: Any) -> None:
        self.assertTrue(unpack.unpack(self.order(archive(*members), **kw)))

    def refused(self, data: bytes, words: str, **kw: Any) -> None:
        """Check that these bytes are refused with this error, and that no file is left."""
        error = self.assertRaises(BadArchive, unpack.unpack, self.order(data, **kw))
        self.assertIn(words, str(error))
        self.assertEqual((self.files("into"), self.files("into", "there")), (["there"], []))

    def test_outside(self) -> None:
        """An archive with a member outside of its directory is refused completely."""
        deep = "/".join("d" * 50)
        evil: list[list[Any]] = [
            [("../evil", b"x")],
            [("a/../../evil", b"x")],
            [("/tmp/evil-of-an-archive", b"x")],
            [entry("a", tarfile.SYMTYPE, "..", 0o777), ("a/evil", b"x")],
            [entry("a", tarfile.SYMTYPE, self.basedir)],
            [entry("d/a", tarfile.SYMTYPE, "../../evil")],
            [entry(deep, tarfile.DIRTYPE), entry("a", tarfile.SYMTYPE, f"{deep}/{'../' * 51}evil")],
            [entry("p/r", tarfile.SYMTYPE, "."), entry("e", tarfile.SYMTYPE, "p/r/../../evil")],
            [entry("a", tarfile.LNKTYPE, "../../x.tar")],
            [entry("a", tarfile.LNKTYPE, "/etc/passwd")],
            [entry("a", tarfile.SYMTYPE, "b"), entry("c", tarfile.LNKTYPE, "a")],
            [entry("a", tarfile.FIFOTYPE)],
            [entry("a", tarfile.CHRTYPE)],
            [("a" + "/a" * 200, b"x")],
            [("a", b"x"), ("a", b"y")],
            [("a", b"x"), ("a/b", b"y")],
        ]
        for members in evil:
            with self.assertRaises((BadArchive, OSError), msg=str(members)):
                self.unpack(("good", b"x"), *members)
            self.assertEqual(self.files("into", "there"), [])
            self.assertEqual((self.files(), self.files("into")), (["into", "x.tar"], ["there"]))
        self.assertFalse(os.path.exists("/tmp/evil-of-an-archive"))

    def test_top(self) -> None:
        """An archive of C{tar -C directory .} has an entry for the directory itself, and is unpacked."""
        self.unpack(entry(".", tarfile.DIRTYPE), ("./a", b"x"))
        self.assertEqual(self.files("into", "there"), ["a"])

    def test_links(self) -> None:
        """Links that stay inside are unpacked."""
        self.unpack(
            ("v/1/x", b"x"),
            entry("v/latest", tarfile.SYMTYPE, "1"),
            entry("v/1/up", tarfile.SYMTYPE, "../../v/1/x"),
            entry("hard", tarfile.LNKTYPE, "v/1/x"),
        )
        self.assertEqual(os.readlink(self.path("into", "there", "v", "latest")), "1")
        for names in (("v", "latest", "x"), ("v", "1", "up"), ("hard",)):
            self.assertEqual(self.read("into", "there", *names), b"x")

    def test_modes(self) -> None:
        """F11: without a mode the umask decides who may read; executable files stay executable."""
        before = os.umask(0o027)
        try:
            self.unpack(
                *(entry("run", tarfile.REGTYPE, mode=0o7700), entry("closed", tarfile.REGTYPE, mode=0)),
                *(entry("d", tarfile.DIRTYPE, mode=0o7777), ("e/f", b"x")),
            )
        finally:
            os.umask(before)
        names = ("run", "closed", "d", "e", "e/f", "")
        modes = [os.stat(self.path("into", "there", name)).st_mode & 0o7777 for name in names]
        self.assertEqual(modes, [0o750, 0o640, 0o750, 0o750, 0o640, 0o750])

    def test_modesAgain(self) -> None:
        """F11: the mode also applies to directories that exist already."""
        os.makedirs(self.path("into", "there", "d"), 0o700)
        self.unpack(("d/f", b"x"), mode=0o644)
        modes = [os.stat(self.path("into", "there", name)).st_mode & 0o7777 for name in ("", "d", "d/f")]
        self.assertEqual(modes, [0o755, 0o755, 0o644])

    def test_unwanted(self) -> None:
        """H4: unpacking stops when it is cancelled, and leaves no file."""
        data = archive(("a", b"x"), ("b", b"y"))
        wanted = [True, True, False]
        self.assertFalse(unpack.unpack(self.order(data), lambda: wanted.pop(0)))
        self.assertFalse(unpack.unpack(self.order(data), mayPlace=lambda: False))
        self.assertEqual((self.files("into", "there"), self.files("into")), ([], ["there"]))

    def test_large(self) -> None:
        """H4: sizes are checked before files are written, those of sparse files in full."""
        self.refused(archive(("a", bytes(5000)), mode="w:gz"), "more than 5000 bytes", size=5000)
        sparse = tarfile.TarInfo("s")
        sparse.type, sparse.size = tarfile.GNUTYPE_SPARSE, 0
        header = bytearray(sparse.tobuf(tarfile.GNU_FORMAT))
        header[386:410] = b"00000000000\0" * 2
        header[483:495] = b"\x80" + (100 << 30).to_bytes(11, "big")
        header[148:156] = b"        "
        header[148:156] = b"%06o\0 " % sum(header)
        self.refused(bytes(header) + bytes(1024), "more than 1048576 bytes")

    def test_damagedEnd(self) -> None:
        """H4: an archive with a wrong checksum or length, without its end, or with more data is refused."""
        for mode in ("w:gz", "w:bz2"):
            whole = archive(("a", b"x"), ("b", os.urandom(50_000)), mode=mode)
            self.assertTrue(unpack.unpack(self.order(whole)))
            shutil.rmtree(self.path("into"))
            for cut in (1, 2, 4, 7, 8, 9):
                self.refused(whole[:-cut], "damaged at its end")
            for at in (-1, -3, -5, -8) if mode == "w:gz" else (-3, -5):
                damaged = bytearray(whole)
                damaged[at] ^= 0x10
                with self.assertRaises((BadArchive, OSError, EOFError), msg=str(at)):
                    unpack.unpack(self.order(bytes(damaged)))
                self.assertEqual(self.files("into", "there"), [])
            for more in (b"x", b"garbage" * 10_000, whole[:3]):
                error = self.assertRaises(BadArchive, unpack.unpack, self.order(whole + more))
                self.assertIn("its end", str(error))
                self.assertEqual((self.files("into"), self.files("into", "there")), (["there"], []))

    def test_empty(self) -> None:
        """An archive without entries is unpacked: the directory is empty."""
        self.assertTrue(unpack.unpack(self.order(archive())))
        self.assertEqual(self.files("into", "there"), [])

    def test_notWhole(self) -> None:
        """H4: an archive that ends or is damaged between two files is not taken for a whole one."""
        whole = archive(("a", b"x"), ("b", b"y"))
        self.refused(whole[:1024], "has no end")
        self.refused(whole[:1500], "truncated header")
        self.refused(whole[:1024] + b"?" + whole[1025:], "the archive is damaged")
        self.refused(whole + b"x", "more data after its end")
        self.refused(whole + whole, "more data after its end")
        for padding in (0, 512, 9000, unpack.PADDING - 20_000):
            self.assertTrue(unpack.unpack(self.order(whole[:2560] + bytes(padding))))

    def test_bombAfterEnd(self) -> None:
        """H4: padding after the end of an archive is limited, too."""
        whole, much = archive(("a", b"x")), bytes(3 * unpack.PADDING)
        self.refused(whole + bytes(2 * unpack.PADDING), "more data after its end")
        for compress in (gzip.compress, bz2.compress):
            self.refused(compress(whole + much), "more data after its end")
            self.refused(compress(whole) + compress(much), "more data after its end")
            self.refused(compress(whole) + compress(b"x"), "more data after its end")

    def test_oneByte(self) -> None:
        """An error that names one byte says so."""
        self.refused(archive(("a", b"x")), "its contents are more than 1 byte", size=1)
        with self.assertRaises(BadArchive) as caught:
            unpack.unpack(self.order(archive(("a", b"x")), size=1))
        self.assertNotIn("1 bytes", str(caught.exception))

    def test_longHeaders(self) -> None:
        """H4: headers longer than any file system's names are not read."""
        for kind in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE):
            header = tarfile.TarInfo("x")
            header.type, header.size = kind, 1 << 30
            self.refused(header.tobuf(tarfile.GNU_FORMAT) + bytes(1024), "more than 65536 bytes of header")
        self.unpack((f"{'d' * 200}/{'f' * 200}", b"x"))

    def test_many(self) -> None:
        """H4: the number of files is limited, including implied directories."""
        self.patch(unpack, "ENTRIES", 10)
        self.refused(archive(("d", b""), *[(f"f{n}", b"") for n in range(10)]), "10 files and dir")
        self.refused(archive(("a/b/c/d/e/f/g/h/i/j/k", b"")), "10 files and dir")

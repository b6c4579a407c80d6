"""Restoring a backup, and refusing a bad one."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial import unittest

from buildbot.store import restore as module
from buildbot.store.archive import ABOUT, SUMS, archive, sumLine, sumOf
from buildbot.store.restore import BadArchive, CannotRestore, check, mustFit, restore
from tests.unit.store.test_archive import ArchiveCase

_ABOUT = {"format": 1, "made": 5.0, "release": "1", "schema": 4, "counts": {}, "damage": ""}


def member(name: str, kind: bytes = tarfile.REGTYPE, **values: Any) -> tarfile.TarInfo:
    """The header of a member."""
    found = tarfile.TarInfo(name)
    found.type = kind
    for key, value in values.items():
        setattr(found, key, value)
    return found


class HostileCase(unittest.SynchronousTestCase):
    """I make archives that no master has made."""

    def setUp(self) -> None:
        os.mkdir(self.mktemp())
        self.top = os.path.realpath(self.mktemp())
        os.mkdir(self.top)
        self.path = os.path.join(self.top, "bad.tar")
        self.here = os.path.join(self.top, "new")

    def made(
        self,
        *members: tuple[tarfile.TarInfo, bytes],
        about: object = _ABOUT,
        sums: Callable[[bytes], bytes] = lambda sums: sums,
        last: tuple[tuple[tarfile.TarInfo, bytes], ...] = (),
    ) -> None:
        """Write an archive with the right sums."""
        lines = b""
        first = json.dumps(about).encode()
        with tarfile.open(self.path, "w", format=tarfile.PAX_FORMAT) as tar:
            for each, data in ((member(ABOUT), first), *members):
                each.size = len(data)
                tar.addfile(each, io.BytesIO(data))
                if each.issym():
                    lines += sumLine(sumOf(os.fsencode(each.linkname)), 0, each.name)
                elif each.isreg():
                    lines += sumLine(sumOf(data), len(data), each.name)
            for each, data in ((member(SUMS), sums(lines)), *last):
                each.size = len(data)
                tar.addfile(each, io.BytesIO(data))

    def refused(self) -> str:
        """The reason; checks that nothing is written."""
        before = sorted(os.listdir(self.top))
        with self.assertRaises(BadArchive) as caught:
            check(self.path)
        with self.assertRaises(BadArchive):
            restore(self.path, self.here)
        self.assertEqual(sorted(os.listdir(self.top)), before)
        return str(caught.exception)


class HostileTests(HostileCase):
    """S: an archive of a stranger writes nothing outside of the new directory."""

    def test_good(self) -> None:
        """An archive that is made like this is accepted as long as nothing is wrong with it."""
        self.made((member("files/d", tarfile.DIRTYPE), b""), (member("files/d/a"), b"text"))
        check(self.path)
        restore(self.path, self.here)
        self.assertEqual(Path(self.here, "d", "a").read_bytes(), b"text")

    def test_traversal(self) -> None:
        """A path that leaves the directory is refused."""
        for name in ("files/../a", "/etc/a", "files//etc/a", "files/a/../../b", "a", "files/./a", "files/"):
            self.made((member(name), b"text"))
            self.assertRegex(self.refused(), "is not a path below a directory|in one of its directories")

    def test_throughLinks(self) -> None:
        """Nothing is written through a link of the archive, and neither store nor logs are links."""
        self.made((member("files/d", tarfile.SYMTYPE, linkname="/tmp"), b""), (member("files/d/a"), b"text"))
        self.assertIn("is not in one of its directories", self.refused())
        for name in ("state.sqlite", "logs"):
            self.made((member(f"files/{name}", tarfile.SYMTYPE, linkname="/tmp"), b""))
            self.assertIn(f"{name} in it is a link", self.refused())

    def test_twice(self) -> None:
        """A path that comes twice, first as a link, is not written through the link."""
        outside = os.path.join(self.top, "precious")
        Path(outside).write_text("precious")
        self.made((member("files/a", tarfile.SYMTYPE, linkname=outside), b""), (member("files/a"), b"text"))
        check(self.path)
        with self.assertRaises(CannotRestore):
            restore(self.path, self.here)
        self.assertEqual(Path(outside).read_text(), "precious")
        self.assertFalse(os.path.exists(self.here))

    def test_kinds(self) -> None:
        """Devices, FIFOs, hard links and sparse files are refused."""
        for kind in (tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE, tarfile.CONTTYPE):
            self.made((member("files/a", kind, linkname="files/b"), b""))
            if kind != tarfile.CONTTYPE:
                self.assertIn("neither a file nor a directory", self.refused())

    def test_setuid(self) -> None:
        """A restored file is never set-user-id."""
        self.made((member("files/a", mode=0o6755), b"text"))
        restore(self.path, self.here)
        self.assertEqual(os.stat(os.path.join(self.here, "a")).st_mode & 0o7777, 0o755)

    def test_longNames(self) -> None:
        """A header that would fill the memory is refused before it is read."""
        self.made((member("files/" + "a" * 100000), b"text"))
        self.assertIn("longer than any path", self.refused())

    def test_unlimitedHeaders(self) -> None:
        """Headers and lists of holes that could fill the memory are refused before they are read."""
        for kind in (tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE):
            self.made((member("files/a", kind), b""))
            self.assertIn("of a kind that no backup has", self.refused())
        sparse = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "files/a"}
        self.made((member("files/a", pax_headers=sparse), b"9999999\n" + b"0\n" * 1000))
        self.assertIn("a file with holes", self.refused())

    def test_room(self) -> None:
        """A backup that does not fit on the disk is refused before anything is written."""
        with self.assertRaises(CannotRestore) as caught:
            mustFit(self.here, 1 << 60)
        self.assertIn("nothing was restored", str(caught.exception))
        mustFit(self.here, 1)

    def test_many(self) -> None:
        """The number of members has a limit."""
        self.patch(module, "_MOST", 3)
        self.made(*((member(f"files/{number}"), b"") for number in range(5)))
        self.assertIn("more than 3 members", self.refused())


class DamagedTests(HostileCase):
    """Archives that are damaged or something else."""

    def test_otherFiles(self) -> None:
        """A file that is no backup is refused with a word about what one is."""
        with tarfile.open(self.path, "w") as tar:
            tar.addfile(member("etc/passwd"))
        self.assertIn("it is no backup of a master", self.refused())
        for data in (b"", b"text", bytes(5000), gzip.compress(b"text")):
            Path(self.path).write_bytes(data)
            self.assertRegex(self.refused(), "it is (no backup|damaged)")

    def test_later(self) -> None:
        """An archive of a later format is refused, with what to do."""
        self.made(about={**_ABOUT, "format": 2})
        self.assertIn("restore it with that release", self.refused())

    def test_description(self) -> None:
        """A damaged description is refused."""
        bad: list[object] = [[], {}, {**_ABOUT, "counts": 3}, {**_ABOUT, "schema": float("inf")}]
        bad += [{**_ABOUT, "made": when} for when in ("x", "nan", 1e300, -1)]
        for about in bad:
            self.made(about=about)
            self.assertIn("its description", self.refused())

    def test_sums(self) -> None:
        """An altered file is named; missing and additional sums are noticed."""
        right = sumOf(b"text").encode()
        self.made((member("files/a"), b"text"), sums=lambda sums: sums.replace(right, b"0" * 64))
        self.assertIn('the sum of "files/a" does not fit', self.refused())
        self.made((member("files/a"), b"text"), sums=lambda sums: sums.splitlines(True)[0])
        self.assertIn('the sum of "files/a" does not fit', self.refused())
        self.made(sums=lambda sums: sums + sumLine("0", 0, "files/b"))
        self.assertIn('the sum of "files/b" does not fit', self.refused())
        self.made(last=((member("files/a"), b"text"),))
        self.assertIn("something follows its sums", self.refused())


class RestoreTests(ArchiveCase):
    """A real backup."""

    def test_truncated(self) -> None:
        """H10: an archive that was cut anywhere is refused, and so is one with changed bytes."""
        self.fill(3)
        for end in (".tar.gz", ".tar"):
            target = self.target.removesuffix(".tar.gz") + end
            archive(self.here, target)
            data = Path(target).read_bytes()
            nearly = data.rindex(b"master.cfg") if end == ".tar" else len(data) - 4
            for cut in (1, 100, 511, 512, len(data) // 2, nearly):
                Path(target).write_bytes(data[:cut])
                with self.assertRaises(BadArchive):
                    check(target)
            altered = bytearray(data)
            middle = data.index(b"password") if end == ".tar" else len(data) // 2
            for place in range(middle, middle + 8):  # a single bit of gzip may have no meaning
                altered[place] ^= 0xFF
            Path(target).write_bytes(altered)
            with self.assertRaises(BadArchive):
                check(target)

    def test_notEmpty(self) -> None:
        """H10: a restore replaces nothing: it needs a new directory, or an empty one."""
        archive(self.here, self.target)
        new = f"{self.here}-new"
        os.mkdir(new)
        restore(self.target, new)
        self.assertEqual(Path(new, "master.cfg").read_text(), "password")
        for there in (new, self.here, self.target):
            with self.assertRaises(CannotRestore):
                restore(self.target, there)
        with self.assertRaises(CannotRestore) as caught:
            restore(self.target, f"{new}-none/new")
        self.assertIn("make it first", str(caught.exception))

    def test_interrupted(self) -> None:
        """H10: Ctrl-C, or a full disk, during a restore leaves the directory as it was."""
        archive(self.here, self.target)
        new = f"{self.here}-new"
        for isThere in (False, True):
            if isThere:
                os.mkdir(new)
            for error in (KeyboardInterrupt(), OSError(28, "No space left on device")):

                def failing(*args: Any, error: BaseException = error) -> None:
                    raise error

                with self.assertRaises((KeyboardInterrupt, CannotRestore)):
                    self._with(failing, new)
                self.assertEqual(os.path.exists(new), isThere)
                self.assertEqual(os.listdir(new) if isThere else [], [])

    def test_interruptedAtTheEnd(self) -> None:
        """H10: Ctrl-C while the restored files get their places leaves an empty directory empty."""
        archive(self.here, self.target)
        new = f"{self.here}-new"
        os.mkdir(new)
        moves, rename = [], os.rename

        def renamed(one: str, other: str) -> None:
            rename(one, other)
            moves.append(other)
            if len(moves) == 2:
                raise KeyboardInterrupt

        self.patch(os, "rename", renamed)
        self.assertRaises(KeyboardInterrupt, restore, self.target, new)
        self.assertEqual(len(moves), 2)
        self.assertEqual(os.listdir(new), [])

    def _with(self, fchmod: Any, new: str) -> None:
        patched = self.patch(os, "fchmod", fchmod)
        try:
            restore(self.target, new)
        finally:
            patched.restore()

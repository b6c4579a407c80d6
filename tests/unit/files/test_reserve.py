"""File descriptors reserved for the administrator."""

import os

from twisted.trial import unittest

from buildbot.files import reserve
from buildbot.files.reserve import FileReserve, Room, reserved


class FileReserveTests(unittest.SynchronousTestCase):
    """H6: slaves cannot lock the administrator out."""

    def test_reserved(self) -> None:
        """An eighth of all files is reserved, within a minimum and a maximum."""
        self.assertEqual([reserved(limit) for limit in (64, 256, 1024, 100_000)], [24, 32, 128, 256])

    def test_room(self) -> None:
        """A connection never gets a reserved file; when few are left, another connection can make room."""
        free = 0
        files = FileReserve(lambda: 1024, lambda: free)
        for free, room in ((895, Room.ENOUGH), (896, Room.SCARCE), (959, Room.SCARCE), (960, Room.NONE)):
            self.assertIs(files.room(), room, free)

    def test_limitIsRaised(self) -> None:
        """Raising the limit of the running master makes room at once."""
        limit = 1024
        files = FileReserve(lambda: limit, lambda: 1000)
        self.assertIs(files.room(), Room.NONE)
        limit = 4096
        self.assertIs(files.room(), Room.ENOUGH)

    def test_anyNumber(self) -> None:
        """A process without a limit reserves nothing."""
        files = FileReserve(lambda: None, lambda: 1_000_000)
        self.assertIs(files.room(), Room.ENOUGH)
        self.assertEqual((files.limit, files.reserved), (None, 0))

    def test_noneLeft(self) -> None:
        """If no file can be opened at all, there is no room."""

        def none() -> int:
            raise OSError("too many open files")

        self.assertIs(FileReserve(lambda: 1024, none).room(), Room.NONE)

    def test_turnAway(self) -> None:
        """Connections that were turned away are counted, with the time of the last one."""
        files = FileReserve(now=iter([5.0, 7.0]).__next__)
        self.assertEqual((files.turnedAway, files.when), (0, None))
        files.turnAway()
        files.turnAway()
        self.assertEqual((files.turnedAway, files.when), (2, 7.0))

    def test_thisProcess(self) -> None:
        """A process far below its limit has room, and the check leaves no file open."""
        files = FileReserve()
        before = os.listdir("/proc/self/fd")
        self.assertIs(files.room(), Room.ENOUGH)
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    def test_descriptor(self) -> None:
        """The highest descriptors are reserved; a process without a limit reserves none."""
        limit: int | None = 64
        self.patch(reserve, "_limitOfThisProcess", lambda: limit)
        self.assertEqual(
            [reserve.isReserved(number) for number in (0, 39, 40, 63)], [False, False, True, True]
        )
        limit = None
        self.assertFalse(reserve.isReserved(1_000_000))

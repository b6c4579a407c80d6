"""Put the logs of a build into the bucket, and check that they are there."""

from __future__ import annotations

import os

from buildbot.logstorage import sending
from buildbot.logstorage.bucket import StorageAway
from buildbot.logstorage.keys import nameOf
from tests.unit.logstorage.places import PlaceCase


class SendingTests(PlaceCase):
    def assertNotSent(self) -> None:
        """The log is here, without a mark; nothing else is."""
        self.assertEqual(self.names(), ["1-log-say-stdio"])
        self.assertNotIn(nameOf("full", 1), self.copies)

    def test_oneObject(self) -> None:
        """All logs of a build become one object; only then they are marked."""
        self.write(1, b"one")
        self.write(1, b"two", "test")
        self.write(2, b"of another build")
        self.send(1)
        self.assertEqual(list(self.bucket.objects), ["p/id/full/1.logs"])
        self.assertEqual(set(self.far.files(nameOf("full", 1))), {"1-log-say-stdio", "1-log-test-stdio"})
        self.assertIn("1-stored", self.names())
        self.assertNotIn("2-stored", self.names())

    def test_away(self) -> None:
        """A storage that fails at any call leaves the log here, unmarked, and no other file."""
        for call in ("put", "look"):
            self.write(1, b"one")
            self.bucket.during = lambda name, call=call: setattr(  # type: ignore[misc]
                self.bucket, "why", "no route" if name == call else ""
            )
            self.assertRaises(StorageAway, self.send, 1)
            self.assertNotSent()
            os.unlink(os.path.join(self.top, "full", "1-log-say-stdio"))

    def test_lies(self) -> None:
        """A server that kept fewer or other bytes than it took is found out, by size and by checksum."""
        self.write(1, b"some output\n" * 1000)
        for hasOtherSums in (False, True):
            self.bucket.hasOtherSums = hasOtherSums
            for altered in (
                lambda data: data[:-1],
                lambda data: data[:20] + b"?" + data[21:],
                lambda data: b"",
            ):
                self.bucket.altered = altered
                why = self.assertRaises(StorageAway, self.send, 1)
                self.assertIn("the server has", str(why.strerror))
                self.assertNotSent()
        self.bucket.altered = lambda data: data
        self.send(1)
        self.assertIn(nameOf("full", 1), self.copies)

    def test_forgetful(self) -> None:
        """A server that says yes and keeps nothing is found out."""
        self.write(1, b"one")
        self.bucket.during = lambda name: self.bucket.objects.clear()
        self.assertRaises(StorageAway, self.send, 1)
        self.assertNotSent()

    def test_otherSums(self) -> None:
        """Where the ETag is no checksum, the object is read back."""
        self.write(1, b"one")
        self.bucket.hasOtherSums = True
        self.send(1)
        self.assertGreater(self.bucket.count("get"), 0)

    def test_again(self) -> None:
        """A process that was killed before it noted the upload does not upload twice."""
        path = self.write(1, b"one")
        self.send(1)
        os.unlink(os.path.join(self.top, "full", "1-stored"))
        self.open()
        self.send(1, mayBeThere=True)
        self.assertEqual(self.bucket.count("put"), 1)
        self.assertIn(nameOf("full", 1), self.copies)
        # other bytes under the same name are sent
        os.unlink(os.path.join(self.top, "full", "1-stored"))
        with open(path, "ab") as file:
            file.write(b"5:0more,")
        self.open()
        self.send(1, mayBeThere=True)
        self.assertEqual(self.bucket.count("put"), 2)

    def test_index(self) -> None:
        """The index of a long log goes with it, so that its reader need not read all."""
        self.patch(sending, "SHORT", 1 << 18)
        self.write(1, b"a line of output\n" * 40000)
        self.send(1)
        self.assertIn("index-1-log-say-stdio", self.far.files(nameOf("full", 1)))

    def test_nothing(self) -> None:
        """A build without logs on this disk needs no object."""
        self.write(2, b"of another build")
        self.send(1)
        self.assertEqual(self.bucket.calls, [])

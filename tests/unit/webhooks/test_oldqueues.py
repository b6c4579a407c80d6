"""The queues of 0.8 keep items in order, within their limits, and over a restart."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.trial import unittest
from zope.interface.verify import verifyObject

from buildbot.status.persistent_queue import (
    DiskQueue,
    IndexedQueue,
    IQueue,
    MemoryQueue,
    PersistentQueue,
)


class OrderTests(unittest.SynchronousTestCase):
    """Every queue, with room for three items."""

    def queues(self) -> dict[str, Any]:
        """Kind -> an empty queue."""
        return {
            "memory": MemoryQueue(maxItems=3),
            "disk": DiskQueue(self.mktemp(), maxItems=3),
            "both": PersistentQueue(MemoryQueue(maxItems=1), DiskQueue(self.mktemp(), maxItems=2)),
            "indexed": IndexedQueue(MemoryQueue(maxItems=3)),
        }

    def test_interface(self) -> None:
        """Each has all methods of IQueue."""
        for kind, queue in self.queues().items():
            self.assertTrue(verifyObject(IQueue, queue), kind)

    def test_order(self) -> None:
        """The oldest items are taken first, and items that are put back are the first again."""
        for kind, queue in self.queues().items():
            self.assertEqual([queue.pushItem(each) for each in "abc"], [None] * 3, kind)
            self.assertEqual((queue.items(), queue.nbItems()), (["a", "b", "c"], 3), kind)
            taken = queue.popChunk(2)
            self.assertEqual((taken, queue.items()), (["a", "b"], ["c"]), kind)
            self.assertIsNone(queue.insertBackChunk(taken), kind)
            self.assertEqual(queue.popChunk(), ["a", "b", "c"], kind)
            self.assertEqual((queue.popChunk(5), queue.nbItems()), ([], 0), kind)

    def test_full(self) -> None:
        """A full queue returns the oldest item, and what cannot be put back."""
        for kind, queue in self.queues().items():
            for each in "abc":
                queue.pushItem(each)
            self.assertEqual(queue.pushItem("d"), "a", kind)
            self.assertEqual(queue.items(), ["b", "c", "d"], kind)
            self.assertEqual(queue.popChunk(1), ["b"], kind)
            self.assertEqual(queue.insertBackChunk(["a", "b"]), ["a"], kind)
            self.assertEqual(queue.items(), ["b", "c", "d"], kind)

    def test_index(self) -> None:
        """An indexed queue tells how many items came before its oldest one."""
        queue = IndexedQueue(MemoryQueue(maxItems=2))
        for each in "abc":
            queue.pushItem(each)
        self.assertEqual((queue.getIndex(), queue.items()), (1, ["b", "c"]))
        taken = queue.popChunk()
        self.assertEqual(queue.getIndex(), 3)
        queue.insertBackChunk(taken)
        self.assertEqual(queue.getIndex(), 1)


class DiskTests(unittest.SynchronousTestCase):
    """Items on disk."""

    def test_restart(self) -> None:
        """A queue of a directory has the items that were there before, also those that were put back."""
        path = self.mktemp()
        queue = DiskQueue(path)
        for each in range(12):
            queue.pushItem({"number": each})
        queue.insertBackChunk(queue.popChunk(1))
        self.assertEqual([each["number"] for each in DiskQueue(path).items()], list(range(12)))

    def test_otherFiles(self) -> None:
        """Other files of the directory, such as half an item of a crash, are no items."""
        path = self.mktemp()
        DiskQueue(path).pushItem("a")
        for name in ("7.new", "README"):
            with open(os.path.join(path, name), "w", encoding="ascii") as file:
                file.write("half")
        self.assertEqual(DiskQueue(path).items(), ["a"])

    def test_encoding(self) -> None:
        """The configuration may say how an item is written; text is written in UTF-8."""
        path = self.mktemp()
        queue = DiskQueue(
            path, pickleFn=lambda item: json.dumps(item, ensure_ascii=False), unpickleFn=json.loads
        )
        queue.pushItem({"who": "Zoë"})
        with open(os.path.join(path, "0"), encoding="utf-8") as file:
            self.assertEqual(file.read(), '{"who": "Zoë"}')
        self.assertEqual(queue.popChunk(), [{"who": "Zoë"}])
        self.assertEqual(os.listdir(path), [])

    def test_save(self) -> None:
        """What is in memory only is on disk after save()."""
        path = self.mktemp()
        queue = PersistentQueue(primaryQueue=MemoryQueue(), path=path)
        for each in "ab":
            queue.pushItem(each)
        self.assertEqual(DiskQueue(path).items(), [])
        queue.save()
        self.assertEqual(DiskQueue(path).items(), ["a", "b"])
        queue.pushItem("c")
        self.assertEqual(queue.popChunk(), ["a", "b", "c"])

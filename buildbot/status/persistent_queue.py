"""The queues of 0.8 for status targets of people's own; L{buildbot.webhooks.oldqueues} has them."""

from __future__ import annotations

from buildbot.webhooks.oldqueues import DiskQueue, IndexedQueue, IQueue, MemoryQueue, PersistentQueue

__all__ = ["DiskQueue", "IQueue", "IndexedQueue", "MemoryQueue", "PersistentQueue"]

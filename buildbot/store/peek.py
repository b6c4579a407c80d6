# -*- test-case-name: tests.unit.store.test_peek -*-
"""Read the store of a stopped master, for commands that cannot ask a running one.

Nothing is changed, and damage is not reported: the start of a master does that.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing

from buildbot.model.records import BuildRecord
from buildbot.store.files import FILE, mustBePlainStore, openToRead


def peekBuild(basedir: str, builder: str, number: int) -> BuildRecord | None:
    """The record of a build, or None if it does not exist or is unreadable."""
    path = os.path.join(basedir, FILE)
    try:
        mustBePlainStore(path)
        with closing(openToRead(path, timeout=1.0)) as store:
            row = store.execute(
                "SELECT record FROM builds WHERE builder = ? AND number = ?", (builder, number)
            ).fetchone()
        return None if row is None else BuildRecord.fromRecord({**json.loads(row[0]), "number": number})
    except (OSError, sqlite3.Error, ValueError, TypeError, OverflowError):
        return None

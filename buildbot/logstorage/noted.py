# -*- test-case-name: tests.unit.logstorage.test_noted -*-
"""A note beside the logs of where else they are, for commands and other processes than the master.

The note has no keys: each process finds them as the master does, from a file or the environment.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict

from twisted.python import threadable

from buildbot.files.permissions import makeDirectories
from buildbot.files.plain import openPlain, readPlain
from buildbot.logs import mounts
from buildbot.logs.names import NOTE
from buildbot.logstorage.bucket import Bucket
from buildbot.logstorage.far import FarLogs
from buildbot.logstorage.s3 import S3

_LARGEST = 1 << 16


def note(directory: str, setup: S3, start: str) -> None:
    """Write the note of a directory of logs. Raises OSError.

    @param start: what all keys begin with.
    """
    makeDirectories(directory, 0o600)
    path = os.path.join(directory, NOTE)
    descriptor = openPlain(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, follow=False)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"setup": asdict(setup.absolute()), "start": start}, file)
    os.replace(f"{path}.new", path)


def removeNote(directory: str) -> None:
    """Remove the note, if there is one."""
    with suppress(OSError):
        os.unlink(os.path.join(directory, NOTE))


def mountNoted(
    directory: str,
    isInReactor: Callable[[], bool] = threadable.isInIOThread,
    opener: Callable[[S3], Bucket] = S3.open,
) -> bool:
    """Let this process read the logs of a directory also where its note says. Makes no copies.

    @param isInReactor: True in a thread that must not wait.
    @return: False if there is no note, or it cannot be used here.
    """
    try:
        with readPlain(os.path.join(directory, NOTE), follow=False) as file:
            known = json.loads(file.read(_LARGEST))
        far = FarLogs(opener(S3(**known["setup"])), str(known["start"]), None, isInReactor)
    except (OSError, ValueError, TypeError, KeyError):
        return False
    mounts.mount(directory, far)
    return True

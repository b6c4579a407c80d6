# -*- test-case-name: tests.unit.test_environ -*-
"""The environment variables that programs started by tests inherit.

It is the user's environment, whichever way trial runs the tests. This module starts no program.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping

#: The user's own PYTHONPATH, for the processes of C{trial -j}.
_KEPT = "BUILDBOT_TEST_PYTHONPATH"


def asStarted(environ: MutableMapping[str, str]) -> None:
    """Take back what trial has put into C{environ}; keep what its processes need to do the same.

    C{trial -j} gives its processes a PYTHONPATH with every directory of C{sys.path}, also the library's.
    A Python of another version that inherits it cannot even start.
    """
    given = environ.get("PYTHONPATH", "")
    if os.path.dirname(os.__file__) not in given.split(os.pathsep):
        environ[_KEPT] = given
    elif environ.get(_KEPT):
        environ["PYTHONPATH"] = environ[_KEPT]
    else:
        del environ["PYTHONPATH"]

# -*- test-case-name: tests.unit.test_environ -*-
"""What programs started by tests inherit: the environment variables, and Ctrl-C.

It is the same, whichever way trial runs the tests. This module starts no program.
"""

from __future__ import annotations

import os
import signal
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


def hearInterrupts() -> None:
    """Hear SIGINT, and let the programs that this process starts hear it.

    A shell starts what it runs in the background without SIGINT; the programs of tests would lack it, too.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

# -*- test-case-name: tests.daemons.test_objects -*-
"""The program that searches logs for C{buildbot grep}, if some of them are in object storage.

Its only argument is the directory of logs; the rest is as in L{buildbot.logs.grepchild}.
"""

from __future__ import annotations

import sys

from buildbot.logs import grepchild
from buildbot.logstorage.noted import mountNoted

if __name__ == "__main__":
    mountNoted(sys.argv[1], lambda: False)
    grepchild.main()

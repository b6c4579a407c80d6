"""Watch the calls of functions of the package while some code runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import buildbot

#: The beginning of the path of each file of the package.
PACKAGE = os.path.dirname(os.path.abspath(buildbot.__file__)) + os.sep


@contextmanager
def watched(called: Callable[[FrameType], None]) -> Iterator[None]:
    """A context that passes the frame of each called function of the package to C{called}, in this thread."""

    def event(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            called(frame)

    before = sys.getprofile()
    sys.setprofile(event)
    try:
        yield
    finally:
        sys.setprofile(before)

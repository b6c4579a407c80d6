"""The cost of one change in the master's own code, from sendchange to the end of the build.

A hop is a call in one file of the package right after a call in another one. The more hops, the more files a
reader has to open to follow a change, and the more a build costs. The numbers here may fall, but not rise.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import fields
from types import FrameType
from typing import Any

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, LogRecord, Record, StepRecord
from buildbot.model.results import SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.store.requests import Store
from tests.garbage import setOthersAside
from tests.stories.changes import CONFIG, ChangeCase
from tests.watchedcalls import PACKAGE, watched

#: The most hops of one change. There are 343 with Python 3.11, and fewer from 3.12 on, as comprehensions are
#: no calls there; 691 were counted before the parts of builds were put in order.
HOPS = 345


class Hops:
    """I count the hops while the code runs that I am given to watch.

    @ivar between: (earlier file, later file) -> the number of hops.
    """

    def __init__(self) -> None:
        self.between: Counter[tuple[str, str]] = Counter()
        self._last = ""

    @property
    def total(self) -> int:
        """The number of all hops."""
        return sum(self.between.values())

    def counted(self) -> AbstractContextManager[None]:
        """Count within this context, in this thread."""
        return watched(self._called)

    def _called(self, frame: FrameType) -> None:
        file = frame.f_code.co_filename
        if self._last and file != self._last:
            self.between[self._last, file] += 1
        self._last = file

    def __str__(self) -> str:
        lines = [
            f"{number:4} {one.removeprefix(PACKAGE)} -> {other.removeprefix(PACKAGE)}"
            for (one, other), number in self.between.most_common()
        ]
        return "\n".join([f"{self.total} hops", *lines])


class CostTests(ChangeCase):
    """One change is sent to a master with one scheduler, builder and slave, and is built."""

    def setUp(self) -> None:
        """Start the master, and connect the slave."""
        super().setUp()
        self.write(CONFIG.replace(", Dependent('package', quick, ['package'])", ""))
        self.begin()
        self.wait(2)

    def play(self) -> None:
        """Send the change, and wait until it is built."""
        self.successResultOf(self.send())
        self.wait(62)

    def isBuilt(self) -> None:
        """The change was built."""
        self.assertEqual([build.results for build in self.builds()], [SUCCESS])

    def test_hops(self) -> None:
        """One change takes no more hops than before."""
        hops = Hops()
        setOthersAside(self)  # else the objects of earlier tests end meanwhile, and tell their peers
        gc.disable()
        self.addCleanup(gc.enable)
        with hops.counted():
            self.play()
        self.isBuilt()
        self.assertGreater(hops.total, 200)  # the calls are seen
        self.assertLessEqual(hops.total, HOPS, hops)

    def test_garbage(self) -> None:
        """An ended build is freed at once: no cycle of references waits for the garbage collector."""
        setOthersAside(self)
        gc.disable()
        self.addCleanup(gc.enable)
        self.play()
        self.isBuilt()
        self.assertEqual(
            _garbage(*(f"buildbot.{each}" for each in ("process", "steps", "status", "logs", "model"))), []
        )

    def test_encodings(self) -> None:
        """A change is encoded once, though four records hold it, and is never decoded."""
        calls: Counter[str] = Counter()
        for kind, name in ((Change, "toRecord"), (Change, "_encoded"), (Change, "fromRecord")):
            self.patch(kind, name, _counting(kind, name, calls))
        self.patch(SourceStamp, "fromRecord", _counting(SourceStamp, "fromRecord", calls))
        self.play()
        self.isBuilt()
        self.assertGreaterEqual(calls.pop("toRecord"), 4)
        self.assertEqual(calls, {"_encoded": 1})

    def test_records(self) -> None:
        """The records that are made without their constructors have all fields of their classes, in order."""
        seen: list[Record] = []
        for name in ("addBuildset", "startBuild", "finishBuild"):
            self.patch(Store, name, _noting(getattr(Store, name), seen))
        self.play()
        self.isBuilt()
        build = seen[2]
        assert isinstance(build, BuildRecord)
        seen += [*build.steps, *build.steps[0].logs]
        self.assertEqual(
            [type(each) for each in seen], [BuildsetRecord, BuildRecord, BuildRecord, StepRecord, LogRecord]
        )
        for each in seen:
            rare = [field.name for field in fields(each) if not field.init]
            usual = [field.name for field in fields(each) if field.init]
            self.assertEqual([name for name in vars(each) if name not in rare], usual)


def _noting(method: Callable[..., Any], seen: list[Record]) -> Callable[..., Any]:
    """A method that does the same, and notes its first argument."""

    def noting(store: Store, record: Record, *args: Any, **more: Any) -> Any:
        seen.append(record)
        return method(store, record, *args, **more)

    return noting


def _counting(kind: type[Any], name: str, calls: Counter[str]) -> Any:
    """A method that does the same as that of C{kind}, and counts its calls."""
    method = vars(kind)[name]
    function = getattr(method, "__func__", method)

    def counting(*args: Any) -> Any:
        calls[name] += 1
        return function(*args)

    return classmethod(counting) if isinstance(method, classmethod) else counting


def _garbage(*modules: str) -> list[str]:
    """The sorted names of the classes of these modules whose objects only the garbage collector can free."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        kinds = [type(each) for each in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    return sorted(
        f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith(modules)
    )

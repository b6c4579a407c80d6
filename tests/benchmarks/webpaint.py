"""When pages of a big master are seen: C{python -m tests.benchmarks.webpaint [--short] [PATH...]}.

A master has 200 builders, 1,000 slaves (not connected) and 100,000 builds. Chromium opens each page several
times, each time with an empty cache, after a page with one word. So the process that shows the page is there:
the first page of a site needs a new one (Cross-Origin-Opener-Policy), which people's browsers keep ready, but
this one does not. To start it takes longer than all else here. The figures are medians, in milliseconds
since the navigation began:
  - "first byte" and "last byte" of the document
  - "style": the style sheet is there
  - "parsed": the document is parsed
  - "paint": the first contentful paint, and the shortest one
  - "ratio": the paint divided by that of a page with one word, which nothing can paint sooner

The master and the browser share the processor with all other programs, which make everything slower; the
ratio changes least. It prints for each promise whether it holds. The exit status is 1 if a promise is broken.
With C{--short} there are 20 builders, 100 slaves and 2,000 builds, and promises about seconds do not count.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from statistics import median

from tests.benchmarks.attach import Promises
from tests.benchmarks.webpeer import ours
from tests.browser.chromium import PAINTS, Browser, Device, executable

LOADS = 9
#: A page with one word.
PLAIN = "livez"
#: The paths of the pages, and the most milliseconds to the first paint that are promised.
PAGES = {"": 200.0, "builders": 200.0, "waterfall": 500.0, "console": 500.0, "builders/builder001": 200.0}
#: The times of the page: first byte, last byte, style sheet, parsed, paint.
_TIMES = f"""(() => {{
    const [page] = performance.getEntriesByType('navigation');
    const style = performance.getEntriesByType('resource').filter((each) => /[.]css$/.test(each.name));
    return [page.responseStart, page.responseEnd, Math.max(0, ...style.map((each) => each.responseEnd)),
        page.domInteractive, {PAINTS}[0].startTime]; }})()"""


def times(browser: Browser, root: str, path: str) -> list[float]:
    """Open a page with an empty cache; return its times in milliseconds, see L{_TIMES}."""
    tab = browser.tab()
    try:
        tab.show(Device(1280, 900))
        tab.open(root + PLAIN)
        tab.open(root + path)
        tab.until(f"{PAINTS}.length", "the first paint")
        return [float(each) for each in tab.value(_TIMES)]
    finally:
        tab.close()


def report(browser: Browser, root: str, paths: Sequence[str], loads: int, promises: Promises) -> None:
    """Open the pages, and print."""
    wanted = [PLAIN, *paths]
    found: dict[str, list[list[float]]] = {path: [] for path in wanted}
    for _ in range(loads + 1):  # in turns, so that a busy time harms all pages alike
        for path in wanted:
            found[path].append(times(browser, root, path))
    names = ("first byte", "last byte", "style", "parsed", "paint", "shortest", "ratio")
    print(f"{'page':22s} " + " ".join(f"{name:>10s}" for name in names))
    plain = 0.0
    for path, all in found.items():
        kept = all[1:]  # the first load pays for what the master and the browser then keep
        middle = [median(column) for column in zip(*kept, strict=True)]
        plain = plain or middle[-1]
        shortest = min(each[-1] for each in kept)
        figures = " ".join(f"{each:10.0f}" for each in (*middle, shortest))
        print(f"/{path:21s} {figures} {middle[-1] / plain:10.2f}", flush=True)
        most = PAGES.get(path)
        if most is not None:
            promises.judge(f"/{path} is painted within {most:.0f} ms", middle[-1] <= most, seconds=True)


def main() -> int:
    """Measure; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--loads", type=int, default=LOADS, help="how often each page is opened")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="pages, without the first slash")
    options = parser.parse_args()
    path = executable()
    if path is None:
        print("there is no Chromium: nothing is measured")
        return 1
    promises = Promises(options.short)
    profile = tempfile.mkdtemp(prefix="profile-")
    browser = Browser(path, profile)
    try:
        with ours(*((20, 100, 2000) if options.short else (200, 1000, 100_000))) as site:
            root = f"http://127.0.0.1:{site.port}/"
            report(browser, root, options.paths or list(PAGES), options.loads, promises)
    finally:
        browser.stop()
        shutil.rmtree(profile, ignore_errors=True)
    return min(1, promises.broken)


if __name__ == "__main__":
    sys.exit(main())

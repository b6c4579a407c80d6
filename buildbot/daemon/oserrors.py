# -*- test-case-name: tests.unit.daemon.test_oserrors -*-
"""Describe errors of the operating system for a user: file, reason and remedy."""

from __future__ import annotations

import errno
import os

from buildbot.text.printable import plainLine

#: The remedy for a user, by error number.
_CURES = {
    errno.EMFILE: "allow this process more open files (ulimit -n)",
    errno.ENFILE: "the whole machine has too many open files",
    errno.ENOSPC: "make room on that disk",
    errno.EDQUOT: "make room, or ask for a larger quota",
    errno.ELOOP: "a link leads back to itself",
}


def inWords(why: OSError) -> str:
    """One line about an error: the file, the reason, and what to do."""
    if why.errno == errno.ENOENT and why.filename is None and not _hereExists():
        return "the current directory has been deleted: change to another one (cd) and try again"
    files = [os.fsdecode(each) for each in (why.filename, why.filename2) if isinstance(each, (str, bytes))]
    reason = why.strerror or str(why) or type(why).__name__
    cure = _rights(files[-1]) if why.errno in (errno.EACCES, errno.EPERM) and files else _cure(why.errno)
    about = f"{' -> '.join(files)}: " if files else ""
    return plainLine(f"{about}{reason}" + (f"; {cure}" if cure else ""))


def userName(uid: int) -> str:
    """The name of an account, or its number."""
    import pwd  # missing on some systems, and needed only after an error

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _cure(number: int | None) -> str:
    return "" if number is None else _CURES.get(number, "")


def _rights(path: str) -> str:
    """Describe the owner of the file or of its nearest visible parent, and the current user."""
    me = f"you are {userName(os.geteuid())}"
    seen = path
    while True:
        try:
            status = os.stat(seen)
        except OSError:
            above = os.path.dirname(seen)
            if above in ("", seen):
                return me
            seen = above
            continue
        what = "it" if seen == path else seen
        return f"{me}, and {what} belongs to {userName(status.st_uid)} (mode {status.st_mode & 0o7777:04o})"


def _hereExists() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True

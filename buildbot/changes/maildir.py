# -*- test-case-name: tests.processes.test_maildir -*-
"""A maildir, to which a mail server delivers one file for each mail; and the service that watches it.

L{buildbot.changes.mail} turns mails into changes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from inspect import isawaitable
from typing import Any, TextIO

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.changes.base import PollingChangeSource
from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import SOME_SECONDS, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.oserrors import inWords
from buildbot.store.interface import StoreFailed
from buildbot.text.printable import plainLine

log = Logger()

MAILDIR = Kind(
    "the path of a maildir (text)", lambda value: isinstance(value, str) and bool(value), standIn="maildir"
)


class NoSuchMaildir(Exception):
    """A maildir cannot be used. The text is for people."""


class UnreadableMail(NoSuchMaildir):
    """One mail cannot be read; others may be."""


class Maildir:
    """I am the directory. Its C{new} holds the mails that nobody has seen, and C{cur} the others."""

    def __init__(self, basedir: str) -> None:
        self.basedir = basedir
        self.newdir = os.path.join(basedir, "new")
        self.curdir = os.path.join(basedir, "cur")

    def arrived(self) -> list[str]:
        """The names of the mails in C{new}, in the order of their arrival.

        Only plain files are mails. @raise NoSuchMaildir: C{new} cannot be read.
        """
        found = []
        try:
            with os.scandir(self.newdir) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                            found.append((entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
        except OSError as error:
            raise NoSuchMaildir(f"the maildir cannot be read: {inWords(error)}") from error
        return [name for _, name in sorted(found)]

    def read(self, name: str, most: int) -> bytes | None:
        """The first C{most} bytes of a mail in C{new}; None if it is not there any more.

        @raise UnreadableMail: it cannot be read.
        """
        path = os.path.join(self.newdir, name)
        try:
            number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(number, "rb") as file:
                return file.read(most) if stat.S_ISREG(os.fstat(number).st_mode) else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableMail(f"a mail cannot be read: {inWords(error)}") from error

    def see(self, name: str) -> None:
        """Move a mail to C{cur}, if it is still in C{new}. @raise NoSuchMaildir: that is not possible."""
        try:
            os.makedirs(self.curdir, 0o700, exist_ok=True)
            os.rename(os.path.join(self.newdir, name), os.path.join(self.curdir, name))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise NoSuchMaildir(f"a mail cannot be moved: {inWords(error)}") from error

    def settle(self) -> None:
        """Write all moves to the disk, as far as the file system can."""
        for path in (self.curdir, self.newdir):
            with suppress(OSError):
                number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(number)
                finally:
                    os.close(number)


class MaildirTwisted(PollingChangeSource):
    """I look regularly for new mails, and call C{messageReceived} for each: derive from me.

    @ivar basedir: the maildir; a relative path is below the directory of the master.
    @ivar pollinterval: seconds between two looks; a subclass may set it.
    @ivar files: the names that I have reported and that are still in C{new}.
    """

    compare_attrs: Sequence[str] = ("basedir", "pollinterval")
    pollinterval: float = 10
    basedir: str | None = None

    _changemaster: Any = None

    @arguments(basedir=orNone(MAILDIR, "the value that setBasedir gets"), pollInterval=orNone(SOME_SECONDS))
    def __init__(self, basedir: str | None = None, pollInterval: float | None = None) -> None:
        """@param pollInterval: seconds between two looks."""
        remember(self)
        self.basedir = basedir
        if pollInterval is not None:
            self.pollinterval = pollInterval
        self.files: list[str] = []

    @property
    def pollInterval(self) -> float:
        """The same as C{pollinterval}, under its name in other sources."""
        return self.pollinterval

    @pollInterval.setter
    def pollInterval(self, seconds: float) -> None:
        self.pollinterval = seconds

    def setBasedir(self, basedir: str) -> None:
        """Set the maildir, before I start."""
        self.basedir = basedir

    @property
    def changemaster(self) -> Any:
        """My parent. A look may end after I have been removed, and needs it until then."""
        if self.parent is not None:
            self._changemaster = self.parent
        return self._changemaster

    @property
    def maildir(self) -> Maildir:
        """My maildir, with a path that is complete."""
        where = os.path.expanduser(self.basedir or "")
        return Maildir(os.path.join(self.changemaster.parent.basedir, where))

    @property
    def newdir(self) -> str:
        """The path of C{new}."""
        return self.maildir.newdir

    def messageReceived(self, filename: str) -> Any:
        """Take a mail. Called once for each; may return a Deferred.

        @param filename: its name in C{new}; I do not move it.
        """
        parent: Any = self.parent
        return parent.messageReceived(filename)

    def moveToCurDir(self, filename: str) -> TextIO:
        """Move a mail to C{cur}, and open it there."""
        self.maildir.see(filename)
        path = os.path.join(self.maildir.curdir, filename)
        return open(path, encoding="utf-8", errors="surrogateescape")

    async def poll(self) -> None:
        """See L{PollingChangeSource.poll}.

        @raise NoSuchMaildir: the maildir, or one of its mails, cannot be read.
        """
        arrived = await deferToThread(self.maildir.arrived)
        known = set(self.files)
        reported = [name for name in arrived if name in known]
        unread: list[UnreadableMail] = []
        for name in arrived:
            if name in known or not self.running:
                continue
            try:
                await self._report(name)
                reported.append(name)
            except UnreadableMail as error:
                unread.append(error)
        if arrived:
            left = set(await deferToThread(self.maildir.arrived))
            self.files = [name for name in reported if name in left]
        if unread:
            more = f" (and {len(unread) - 1} more)" if len(unread) > 1 else ""
            raise UnreadableMail(f"{unread[0]}{more}")

    async def _report(self, name: str) -> None:
        """Call C{messageReceived}. Its errors are logged; they concern one mail."""
        try:
            received = self.messageReceived(name)
            if isawaitable(received) or isinstance(received, Deferred):
                await received
        except (NoSuchMaildir, StoreFailed):
            raise
        except PLUGIN_ERRORS:
            log.failure("{source} failed on the mail {name}", source=self.describe(), name=plainLine(name))

    def stopPoll(self, looking: Deferred[Any]) -> None:
        """Let the look end after the mail that it reads: the change of a mail is never stored twice."""

    def reasonOf(self, why: Failure) -> str:
        """See L{PollingChangeSource.reasonOf}."""
        if why.check(NoSuchMaildir, StoreFailed):
            return why.getErrorMessage()
        return super().reasonOf(why)


class MaildirService(MaildirTwisted):
    """I am L{MaildirTwisted} under the name of 0.7.6."""

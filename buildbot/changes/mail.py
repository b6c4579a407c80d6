# -*- test-case-name: tests.processes.test_maildir -*-
"""The sources of changes that read mails about commits from a maildir.

L{buildbot.changes.mailformats} knows the kinds of mails.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email import message_from_bytes
from email.message import Message
from hashlib import sha256
from typing import Any, TextIO, TypeAlias

from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.changes import mailformats
from buildbot.changes.changedict import BadChange, changeFrom
from buildbot.changes.maildir import MAILDIR, MaildirTwisted
from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import SOME_SECONDS, TEXT, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine

log = Logger()

#: The most bytes of a mail that are read. The files and the comments stand at its beginning.
LARGEST = 1 << 20
#: The most mails of one look about which the log has a line each.
MOST_TOLD = 10

#: The result of a parser: a Change, as in 0.7; its values, as in 0.8 also after the name of the version
#: control; or None if the mail is about no commit.
Parsed: TypeAlias = "Change | tuple[str, Mapping[str, Any] | None] | Mapping[str, Any] | None"

#: 0.8's names of the values of a change.
_LATER = {"author": "who", "when_timestamp": "when", "is_dir": "isdir"}
_FIELDS = (
    *("who", "files", "comments", "isdir", "revision", "when", "branch", "category", "revlink"),
    *("repository", "project", "codebase"),
)


@dataclass(frozen=True)
class _Read:
    """The content of a mail: a change, or the reason why there is none."""

    change: Change | None = None
    why: str = ""
    failure: Failure | None = None
    isGone: bool = False


class MaildirSource(MaildirTwisted):
    """I make a change of each mail in a maildir: derive from me, and override C{parse}.

    Then I move the mail to C{cur}, also if it is about no commit. I store the name of the mail in one
    transaction with the change, so that a crash neither loses nor repeats a change.

    @cvar parser: the parser of 0.7.5: a function C{(self, fd, prefix, sep)}.
    """

    compare_attrs: Sequence[str] = (*("basedir", "pollinterval", "prefix", "sep", "category", "repository"),)

    name: str | None = None
    parser: Callable[..., Parsed] | None = None

    _stored: str | None = None
    _isLoaded = False
    _told = 0

    @arguments(
        maildir=MAILDIR,
        prefix=orNone(TEXT, "every file"),
        sep=TEXT,
        category=orNone(TEXT),
        repository=orNone(TEXT),
        pollInterval=orNone(SOME_SECONDS),
    )
    def __init__(
        self,
        maildir: str,
        prefix: str | None = None,
        sep: str = "/",
        category: str | None = "",
        repository: str | None = "",
        pollInterval: float | None = None,
    ) -> None:
        """@param maildir: the directory that has C{new} and C{cur}.
        @param prefix: the directory of the files that matter. It is removed from the names of all files;
            files elsewhere are left out, and a mail without any file there makes no change.
        @param sep: separates the directory from the file.
        @param category: of changes for which the mail names none; C{repository} is the same.
        @param pollInterval: seconds between two looks: 10, or the C{pollinterval} of the class.
        """
        remember(self)
        MaildirTwisted.__init__(self, maildir, pollInterval)
        self.prefix = prefix
        self.sep = sep
        self.category = category
        self.repository = repository

    def describe(self) -> str:
        """One line for people: the kind of mails, and the maildir."""
        return f"{self.name or type(self).__name__}: mails in the maildir {plainLine(self.basedir or '')}"

    # parsers

    def parse(self, m: Message, prefix: str | None = None) -> Parsed:
        """Read a mail. Runs in a thread: it must use nothing but its arguments.

        @param prefix: as my constructor got it.
        """
        return None

    def parse_file(self, fd: object, prefix: str | None = None) -> Parsed:
        """Read the file of a mail; see C{parse}."""
        for each in type(self).__mro__:
            if "parse" in vars(each):
                break
            if self.parser is not None and "parser" in vars(each):
                return self.parser(fd, prefix, self.sep)
        return self.parse(_message(fd), prefix)

    def below(self, prefix: str | None) -> str | None:
        """A prefix with the separator at its end."""
        return _below(prefix, self.sep)

    # mails

    async def poll(self) -> None:
        """See L{PollingChangeSource.poll}."""
        self._told = 0
        if not self._isLoaded:
            self._stored = (await self._store.getState(self._key) or {}).get("stored")
            self._isLoaded = True
        await self._finish()
        try:
            await super().poll()
        finally:
            if self._told > MOST_TOLD:
                count = counted(self._told - MOST_TOLD, "more mail")
                log.info("{source}: {count} without a change", source=self.describe(), count=count)
            await self._finish()

    async def messageReceived(self, filename: str) -> None:
        """Store the change of a mail, and move the mail.

        @raise UnreadableMail: it cannot be read.
        @raise NoSuchMaildir: it cannot be moved.
        @raise StoreFailed: the master is stopping.
        """
        maildir = self.maildir
        found = await deferToThread(self._read, maildir.read, filename)
        if found.isGone:
            return
        why = found.why
        if found.change is not None:
            why = await self._keep(found.change, filename) or why
        await deferToThread(maildir.see, filename)
        if found.failure is not None:
            log.failure("the parser of {source} failed", found.failure, source=self.describe())
        if why:
            self._tell(filename, why)

    def _read(self, read: Callable[[str, int], bytes | None], filename: str) -> _Read:
        """Read a mail. Runs in a thread."""
        raw = read(filename, LARGEST)
        if raw is None:
            return _Read(isGone=True)
        isCut = len(raw) == LARGEST
        if isCut:
            raw = raw[: raw.rfind(b"\n") + 1]  # half a line of base64 makes all of it unreadable
        text = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8", errors="surrogateescape")
        try:
            change = changeOf(self.parse_file(text, self.prefix))
        except (BadChange, ValueError, RecursionError) as error:
            return _Read(why=f"it cannot be read: {error}")
        except PLUGIN_ERRORS as error:
            return _Read(why=f"its parser failed: {type(error).__name__}", failure=Failure())
        if change is None:
            return _Read(why="it is not about a commit, or none of its files matters")
        change.category = change.category or self.category or None
        change.repository = change.repository or self.repository or ""
        return _Read(change, "only its first 1 MiB was read" if isCut else "")

    async def _keep(self, change: Change, filename: str) -> str:
        """Store a change. Returns the reason if that is impossible for ever, else nothing."""
        try:
            await self.changemaster.addChange(change, {self._key: {"stored": filename}})
        except (TypeError, ValueError) as error:  # the record of a change that no store takes
            return f"its change cannot be stored: {error!r}"
        self._stored = filename
        return ""

    def _tell(self, filename: str, why: str) -> None:
        self._told += 1
        if self._told <= MOST_TOLD:
            log.info(
                "{source}: {name}: {why}; it is now in cur",
                **{"source": self.describe(), "name": plainLine(filename), "why": plainLine(why)},
            )

    # the name of the last mail whose change is stored, until it is moved

    async def _finish(self) -> None:
        """Move the mail, and forget its name: if somebody moves it back, it makes a change again.

        @raise NoSuchMaildir: it cannot be moved.
        """
        if self._stored is None:
            return
        maildir = self.maildir
        await deferToThread(maildir.see, self._stored)
        await deferToThread(maildir.settle)
        await self._store.setState(self._key, None)
        self._stored = None

    @property
    def _store(self) -> Any:
        return self.changemaster.parent.botmaster.store

    @property
    def _key(self) -> str:
        path = os.path.normpath(self.maildir.basedir)
        return f"maildir/{sha256(os.fsencode(path)).hexdigest()[:20]}"


def changeOf(parsed: Parsed) -> Change | None:
    """The change that a parser has returned.

    @raise BadChange: a value is missing, or wrong.
    """
    if isinstance(parsed, tuple) and len(parsed) == 2:
        parsed = parsed[1]
    if parsed is None or (isinstance(parsed, tuple) and not parsed):
        return None
    if isinstance(parsed, Change):
        values = {name: getattr(parsed, name) for name in _FIELDS}
        return changeFrom({**values, "links": parsed.links, "properties": dict(parsed.properties)})
    if not isinstance(parsed, Mapping):
        raise BadChange(f"the parser returned {type(parsed).__name__}, not a Change")
    values = {_LATER.get(name, name): value for name, value in parsed.items()}
    if isinstance(values.get("when"), datetime):
        when: datetime = values["when"]
        values["when"] = (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
    values["comments"] = values.get("comments") or ""
    return changeFrom(values)


def _below(prefix: str | None, sep: str) -> str | None:
    return prefix + sep if prefix and sep and not prefix.endswith(sep) else prefix or None


def _message(fd: TextIO | Any) -> Message:
    """The mail in a file of text or bytes."""
    read = fd.read()
    return message_from_bytes(read.encode("utf-8", "surrogateescape") if isinstance(read, str) else read)


def _change(values: mailformats.Values | None, below: str | None) -> Change | None:
    return None if values is None else changeFrom(values, below)


# the parsers of 0.7.5


def parseFreshCVSMail(self: object, fd: object, prefix: str | None = None, sep: str = "/") -> Change | None:
    """Read a mail of FreshCVS from a file. None if it is not one, or no file is below C{prefix}."""
    return _change(mailformats.freshCVS(_message(fd)), _below(prefix, sep))


def parseSyncmail(self: object, fd: object, prefix: str | None = None, sep: str = "/") -> Change | None:
    """Read a mail of syncmail from a file. None if it is not one, or no file is below C{prefix}."""
    return _change(mailformats.syncmail(_message(fd)), _below(prefix, sep))


def parseBonsaiMail(self: object, fd: object, prefix: str | None = None, sep: str = "/") -> Change | None:
    """Read a mail of Bonsai from a file. None if it is not one, or no file is below C{prefix}."""
    return _change(mailformats.bonsai(_message(fd)), _below(prefix, sep))


# the sources


class FCMaildirSource(MaildirSource):
    """I read mails of FreshCVS."""

    name = "FreshCVS"
    parser = parseFreshCVSMail

    def parse(self, m: Message, prefix: str | None = None) -> Parsed:
        """See L{MaildirSource.parse}."""
        return _change(mailformats.freshCVS(m), self.below(prefix))


class SyncmailMaildirSource(MaildirSource):
    """I read mails of syncmail."""

    name = "Syncmail"
    parser = parseSyncmail

    def parse(self, m: Message, prefix: str | None = None) -> Parsed:
        """See L{MaildirSource.parse}."""
        return _change(mailformats.syncmail(m), self.below(prefix))


class BonsaiMaildirSource(MaildirSource):
    """I read mails of Bonsai's loginfo script."""

    name = "Bonsai"
    parser = parseBonsaiMail

    def parse(self, m: Message, prefix: str | None = None) -> Parsed:
        """See L{MaildirSource.parse}."""
        return _change(mailformats.bonsai(m), self.below(prefix))


class SVNCommitEmailMaildirSource(MaildirSource):
    """I read mails of Subversion's commit-email.pl and mailer.py."""

    name = "SVN commit-email.pl"

    def parse(self, m: Message, prefix: str | None = None) -> Parsed:
        """See L{MaildirSource.parse}."""
        return _change(mailformats.svnCommit(m), self.below(prefix))


#: The name of L{SVNCommitEmailMaildirSource} in early files of 0.7.
SvnCommitsMaildirSource = SVNCommitEmailMaildirSource


class BzrLaunchpadEmailMaildirSource(MaildirSource):
    """I read mails of Launchpad about branches of bzr."""

    name = "Launchpad"
    compare_attrs = (*MaildirSource.compare_attrs, "branchMap", "defaultBranch")

    @arguments(
        branchMap=Kind(
            "a dictionary of branches, or None", lambda value: value is None or isinstance(value, Mapping)
        ),
        defaultBranch=orNone(TEXT),
    )
    def __init__(
        self,
        maildir: str,
        prefix: str | None = None,
        branchMap: Mapping[str, str] | None = None,
        defaultBranch: str | None = None,
        **kwargs: Any,
    ) -> None:
        """@param branchMap: the branches for the names in the subject, such as C{~ann/tool/trunk}.
        @param defaultBranch: the branch of all others; None: C{lp:} and the name in the subject.
        """
        MaildirSource.__init__(self, maildir, prefix, **kwargs)
        self.branchMap = branchMap
        self.defaultBranch = defaultBranch

    def parse(self, m: Message, prefix: str | None = None) -> Parsed:
        """See L{MaildirSource.parse}. As in 0.8, C{prefix} leaves nothing out."""
        return _change(mailformats.launchpad(m, self.branchMap, self.defaultBranch), None)


class CVSMaildirSource(MaildirSource):
    """I read mails of buildbot-cvs-mail, the program for CVS's loginfo that comes with 0.8."""

    name = "CVSMaildirSource"
    compare_attrs = (*MaildirSource.compare_attrs, "properties")

    @arguments(properties=Kind("a dictionary of properties", lambda value: isinstance(value, Mapping)))
    def __init__(
        self,
        maildir: str,
        prefix: str | None = None,
        category: str | None = "",
        repository: str | None = "",
        properties: Mapping[str, Any] = {},
        **kwargs: Any,
    ) -> None:
        """@param properties: of each change."""
        MaildirSource.__init__(self, maildir, prefix, category=category, repository=repository, **kwargs)
        self.properties = dict(properties)

    def parse(self, m: Message, prefix: str | None = None) -> Parsed:
        """See L{MaildirSource.parse}."""
        values = mailformats.buildbotCVS(m)
        return _change(values and {**values, "properties": self.properties}, self.below(prefix))

"""The sources of changes that read a maildir, with real directories and threads."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import maybeDeferred
from twisted.internet.task import deferLater
from twisted.logger import formatEvent

from buildbot.changes import freshcvsmail, maildir
from buildbot.changes.changes import Change
from buildbot.changes.mail import (
    FCMaildirSource,
    MaildirSource,
    SVNCommitEmailMaildirSource,
    SvnCommitsMaildirSource,
)
from buildbot.changes.maildirtwisted import MaildirService
from tests.loglisteners import hearLog
from tests.processes.pollercase import PollerCase

MAIL = """\
From: {who}@example.org

Author: {who}
New Revision: {number}

Log:
because

Modified:
   {file}
"""


class MaildirCase(PollerCase):
    """A maildir, and a master that reads it."""

    def setUp(self) -> None:
        super().setUp()
        self.maildir = self.here / "mails"
        for name in ("new", "cur", "tmp"):
            (self.maildir / name).mkdir(parents=True)
        self.count = 0

    def start(self, cls: type[MaildirSource] = SVNCommitEmailMaildirSource, **kw: Any) -> None:
        """Start a new master on the same store, with a source."""
        self.use(cls("mails", **{"pollInterval": 3600, **kw}))

    def deliver(self, text: str | bytes = MAIL, name: str | bytes | None = None, file: str = "a.c") -> str:
        """Deliver a mail, as a mail server does. Returns the name of its file."""
        self.count += 1
        if isinstance(text, str):
            text = text.format(who="ann", number=self.count, file=file).encode()
        called = os.fsdecode(name or f"100.{self.count}.host")
        temporary = self.maildir / "tmp" / called
        temporary.write_bytes(text)
        os.utime(temporary, (self.count, self.count))
        temporary.rename(self.maildir / "new" / called)
        return called

    def heard(self) -> Callable[[], list[str]]:
        """Listen to the log. Returns a function that returns its lines so far."""
        events: list[Any] = []
        hearLog(self, events.append)
        return lambda: [formatEvent(event) for event in events]

    def names(self, where: str) -> list[str]:
        """The names of the mails in a directory."""
        return sorted(os.listdir(self.maildir / where))


class LookTests(MaildirCase):
    """A mail becomes a change."""

    async def test_mails(self) -> None:
        """Each mail is one change, in the order of arrival, and is moved to cur."""
        self.start(prefix="trunk", category="main", repository="svn://x")
        for number in range(12):
            self.deliver(file=f"trunk/{number}.c")
        self.deliver(file="branches/x.c")
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [str(number) for number in range(1, 13)])
        change = self.changes()[0]
        self.assertEqual((change.files, change.who, change.comments), (["0.c"], "ann", "because\n"))
        self.assertEqual((change.category, change.repository), ("main", "svn://x"))
        self.assertEqual((self.names("new"), len(self.names("cur"))), ([], 13))
        await self.poller.doPoll()
        self.assertEqual((len(self.changes()), self.poller.failure), (12, ""))

    async def test_killed(self) -> None:
        """P2: a master that is killed after each change, before the mail is moved, makes each change once."""
        for _ in range(5):
            self.deliver()
        see = self.patchSee()
        for _ in range(6):
            self.start()
            await self.poller.doPoll()
        see.restore()
        self.start()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), ["1", "2", "3", "4", "5"])
        self.assertEqual((self.names("new"), len(self.names("cur"))), ([], 5))

    def patchSee(self) -> Any:
        """Let all moves but the first of a master fail, as if it were killed."""
        see, calls = maildir.Maildir.see, [0]

        def fails(self: maildir.Maildir, name: str) -> None:
            calls[0] += 1
            if calls[0] % 3:  # the first master has nothing to move at its start
                raise maildir.NoSuchMaildir("killed")
            see(self, name)

        return self.patch(maildir.Maildir, "see", fails)

    async def test_storeFails(self) -> None:
        """P2: a mail whose change could not be stored stays in new, and makes its change after a restart."""
        for _ in range(3):
            self.deliver()
        self.start()
        await self.lookAndDie()
        await self.stop()
        self.assertEqual((len(self.changes()), len(self.names("new"))), (1, 2))
        self.start()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), ["1", "2", "3"])

    async def test_removed(self) -> None:
        """P2: a source that a reconfig removes in the middle of a look leaves the rest to the next one."""
        for turns in range(0, 24, 2):
            for _ in range(3):
                self.deliver()
            self.start()
            self.poller.doPoll()
            for _ in range(turns):
                await deferLater(reactor, 0)
            await maybeDeferred(self.poller.disownServiceParent)
            self.assertEqual(len(self.changes()) + len(self.names("new")), self.count)
        self.start()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), [str(number) for number in range(1, self.count + 1)])
        self.assertEqual((self.names("new"), self.poller.failure), ([], ""))

    async def test_movedBack(self) -> None:
        """A mail that somebody moves back to new makes a change again, also after a restart."""
        name = self.deliver()
        for _ in range(3):
            self.start()
            await self.poller.doPoll()
            (self.maildir / "cur" / name).rename(self.maildir / "new" / name)
        self.assertEqual(self.revisions(), ["1", "1", "1"])

    async def test_oddFiles(self) -> None:
        """H10: directories, pipes, links and hidden files are no mails; a name that is not UTF-8 is."""
        self.start()
        new = self.maildir / "new"
        (new / "directory").mkdir()
        os.mkfifo(new / "pipe")
        (new / "link").symlink_to("/dev/zero")
        (new / ".hidden").write_text("x")
        self.deliver(name=b"100.\xff.host")
        self.deliver(name="100.b:2,S")
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["1", "2"], ""))
        self.assertEqual(len(self.names("cur")), 2)

    async def test_unreadable(self) -> None:
        """A mail that cannot be read stays in new, and the others are read; the status says so."""
        self.start()
        name = self.deliver()
        self.deliver()
        read = maildir.Maildir.read

        def reads(self: maildir.Maildir, each: str, most: int) -> bytes | None:
            if each == name:
                raise maildir.UnreadableMail("a mail cannot be read: EIO")
            return read(self, each, most)

        self.patch(maildir.Maildir, "read", reads)
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.names("new")), (["2"], [name]))
        self.assertEqual(self.poller.failure, "a mail cannot be read: EIO")

    async def test_others(self) -> None:
        """A mail about no commit is moved to cur, with a line in the log; many have ten lines and a count."""
        self.start()
        heard = self.heard()
        for _ in range(13):
            self.deliver(b"Subject: buy this\n\nnow\n")
        self.deliver()
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.names("new"), len(self.names("cur"))), (["14"], [], 14))
        said = [line for line in heard() if "is not about a commit" in line]
        self.assertEqual(len(said), 10)
        why = "it is not about a commit, or none of its files matters"
        self.assertIn(f"100.1.host: {why}; it is now in cur", said[0])
        self.assertEqual(len([line for line in heard() if "3 more mails without a change" in line]), 1)

    async def test_noMaildir(self) -> None:
        """A maildir that does not exist, or disappears, is an error in the status until it is there again."""
        self.maildir.rename(self.here / "away")
        self.start()
        await self.poller.doPoll()
        self.assertIn("the maildir cannot be read: ", self.poller.failure)
        (self.here / "away").rename(self.maildir)
        (self.maildir / "cur").rmdir()
        self.deliver()
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["1"], ""))

    async def test_large(self) -> None:
        """H9: of a mail of 50 MB, only the beginning is read."""
        self.start()
        head = MAIL.format(who="ann", number=1, file="a.c") + "\nModified: a.c\n=====\n"
        path = self.maildir / "new" / self.deliver(b"")
        with path.open("wb") as file:
            file.write(head.encode())
            file.truncate(50 << 20)
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.names("new")), (["1"], []))
        body = MAIL.partition("\n\n")[2].format(who="ann", number=2, file="a.c") + "+more\n" * 300_000
        coded = b64encode(body.encode())
        text = b"\n".join(coded[at : at + 76] for at in range(0, len(coded), 76))
        self.deliver(b"From: ann@b\nContent-Transfer-Encoding: base64\n\n" + text)
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.names("new")), (["1", "2"], []))


class SiteTests(MaildirCase):
    """A site's own subclass, in the style of any release."""

    async def test_styles(self) -> None:
        """A parser may be the attribute of 0.7.5, or a method; it may return a Change or its values."""

        def parser(self: Any, fd: Any, prefix: Any = None, sep: str = "/") -> Any:
            return Change(who="5", files=[fd.readline().strip() + str(prefix) + sep], comments="")

        def returns(value: Any) -> Any:
            return lambda self, m, prefix=None: value

        change = Change(who="ann", files=["a"], comments="")
        for attributes, who in (
            ({"parser": parser}, "5"),
            ({"parse": returns(change)}, "ann"),
            ({"parse": returns(("cvs", {"author": "bob", "files": ["b"], "comments": "x"}))}, "bob"),
            ({"parse": returns({"who": "cid", "files": ["b"], "comments": "x"})}, "cid"),
        ):
            self.start(type("Site", (FCMaildirSource,), attributes), prefix="p")
            self.deliver(b"Subject: x\n\n")
            await self.poller.doPoll()
            self.assertEqual(self.changes()[-1].who, who)
        self.assertEqual(self.changes()[0].files, ["Subject: xp/"])

    async def test_failing(self) -> None:
        """A parser that fails, or returns nonsense, is reported once for each mail; the mails are in cur."""

        def parse(self: Any, m: Any, prefix: Any = None) -> Any:
            if "7" in m.get_payload():
                raise SystemExit(7)
            return Change(who=object(), files=["a"], comments="")  # type: ignore[arg-type]

        self.start(type("Site", (MaildirSource,), {"parse": parse}))
        self.deliver(b"\n\n7\n")
        self.deliver(b"\n\n8\n")
        heard = self.heard()
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual((len(self.flushLoggedErrors(SystemExit)), self.names("new")), (1, []))
        self.assertEqual(self.poller.failure, "")
        self.assertEqual(len([line for line in heard() if "its parser failed: SystemExit" in line]), 1)
        self.assertEqual(len([line for line in heard() if "who must be text, not object" in line]), 1)

    async def test_messageReceived(self) -> None:
        """C{messageReceived} of a site is called once for each mail, and moves it, or leaves it in new."""
        got = []

        class Site(MaildirService):
            pollinterval = 3600

            def messageReceived(self, filename: str) -> None:
                got.append(filename)
                if filename.endswith("2.host"):
                    with self.moveToCurDir(filename) as file:
                        got.append(file.readline())
                if filename.endswith("3.host"):
                    raise RuntimeError("oops")

        site = Site("mails")
        self.assertEqual(site.pollInterval, 3600)
        self.use(site)
        for _ in range(3):
            self.deliver("Subject: x\n")
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual(got, ["100.1.host", "100.2.host", "Subject: x\n", "100.3.host"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.names("new"), ["100.1.host", "100.3.host"])

    def test_names(self) -> None:
        """The old names are there; two sources are equal if their arguments are."""
        self.assertIs(freshcvsmail.FCMaildirSource, FCMaildirSource)
        self.assertEqual(SvnCommitsMaildirSource("m"), SVNCommitEmailMaildirSource("m"))
        self.assertNotEqual(FCMaildirSource("m"), FCMaildirSource("m", prefix="x"))
        self.assertEqual(Path(FCMaildirSource("m").describe()).name, "FreshCVS: mails in the maildir m")

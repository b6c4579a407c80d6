"""The kinds of mails that version control systems send."""

from __future__ import annotations

import io
from email import message_from_bytes
from email.message import Message
from typing import Any

from twisted.trial import unittest

from buildbot.changes import mail, mailformats
from buildbot.changes.changedict import BadChange
from buildbot.model.change import Change

FRESHCVS = """\
From: moshez CVS <moshez@example.org>

Modified files:
Twisted/debian/python-twisted.menu.in 3 4
Twisted/new 0 0
other/x y 1 0

Log message:
Instead of calling everything, call
the one.

ViewCVS links:
http://cvs.example.org/x
"""
SYNCMAIL = """\
From: Wilfredo <warner@users.example.net>
Subject: [cvs] CVSROOT/tool checkoutlist,1.1,1.2 conf,1.2,1.3

Update of /cvsroot/tool/CVSROOT
In directory host:/tmp/cvs-serv9615

Modified Files:
      Tag: BRANCH-DEVEL
\tcheckoutlist conf
Added Files:
\tnews
Log Message:
Add it.

More.

--- NEW FILE: news ---
not a comment
"""
BONSAI = """\
From: bonsai@example.org

C|1071099907|stephend|/cvs|Sources/Scripts/buildbot|bonsai.py|1.2|||18|7
A|1071099908|stephend|/cvs|Sources/Scripts/buildbot|master.cfg|1.1||B1|18|7
R|1071099907|stephend|/cvs|Sources/Scripts/buildbot|BuildMaster.py|||
LOGCOMMENT
Updated bonsai parser.

:ENDLOGCOMMENT
"""
COMMIT_EMAIL = """\
From: jm@example.org
Subject: svn commit: r105955 - in tool/trunk: . lib/Mail

Author: jmason
Date: Sat Nov 20 00:17:49 2004
New Revision: 105955

Removed:
   tool/trunk/a b.txt
Modified:
   tool/trunk/   (props changed)
   tool/trunk/lib/Mail/Tool.pm   (contents, props changed)
Log:
Fix it.

Modified: no diff follows this line.

Modified: tool/trunk/lib/Mail/Tool.pm
==============================================================================
--- tool/trunk/lib/Mail/Tool.pm\t(original)
   tool/trunk/notAFile
"""
MAILER_PY = """\
From: Ann <ann@example.org>

Author: ann
Date: Sat Nov 20 00:17:49 2004
New Revision: 7

URL: http://svn.example.org/viewvc?rev=7
Log:
Two
lines

Added:
   tool/branches/x/   (props changed)
      - copied from r6, tool/trunk/
   tool/new.c   (with props)
Modified:
   other/b.c

Modified: other/b.c
=====
   context
"""
LAUNCHPAD = """\
From: noreply@launchpad.net
Subject: [Branch ~knielsen/maria/test] Rev 2701: add file

------------------------------------------------------------
revno: 2701 [merge]
committer: J\xf6e <joe@example.com>
branch nick: tmpbb
timestamp: Fri 2009-05-15 10:35:43 +0200
message:
  test add file

  again
removed:
  old
added:
  test-add-file
modified:
  m
renamed:
  a => b => c

=== added file 'test-add-file'
--- test-add-file
+++ test-add-file
  context

--
https://code.launchpad.net/~knielsen/maria/test
"""
CVS = """\
From: andy@example.org
Date: Wed, 02 Dec 2009 12:00:00 +0100

Update of /cvsroot/test
In directory example:/tmp/cvs-serv1

Category: None
CVSROOT: :ext:cvs@example.org:/cvsroot
Cvsmode: 1.12
Files: file one.c 1.1 1.2 new.c NONE 1.1 gone.c 1.3.2.1 NONE
Module: module
Path: test/dir
Project: Test
  Tag: B1
Update of: /cvsroot/test

Log Message:
two files
and one gone
"""


def read(text: str, encoding: str = "utf-8") -> Message:
    """The mail of a text."""
    return message_from_bytes(text.encode(encoding))


class FormatTests(unittest.SynchronousTestCase):
    """Each kind of mail is read."""

    def check(self, values: dict[str, Any] | None, **expected: Any) -> None:
        """Compare some values of a change."""
        assert values is not None
        self.assertEqual({name: values[name] for name in expected}, expected)

    def test_freshCVS(self) -> None:
        """A mail of FreshCVS has its files with counts of lines; one without counts is a directory."""
        self.check(
            mailformats.freshCVS(read(FRESHCVS)),
            who="moshez",
            files=["Twisted/debian/python-twisted.menu.in", "Twisted/new", "other/x y"],
            isdir=1,
            comments="Instead of calling everything, call\nthe one.\n",
        )

    def test_syncmail(self) -> None:
        """A mail of syncmail names the directory in its subject, and may have several lists and a tag."""
        self.check(
            mailformats.syncmail(read(SYNCMAIL)),
            who="warner",
            files=["CVSROOT/tool/checkoutlist", "CVSROOT/tool/conf", "CVSROOT/tool/news"],
            branch="BRANCH-DEVEL",
            comments="Add it.\n\nMore.\n",
        )

    def test_bonsai(self) -> None:
        """A mail of Bonsai has a line of columns for each file; short lines are fine."""
        where = "Sources/Scripts/buildbot"
        self.check(
            mailformats.bonsai(read(BONSAI)),
            who="stephend",
            files=[f"{where}/{name}" for name in ("bonsai.py", "master.cfg", "BuildMaster.py")],
            when=1071099907,
            comments="Updated bonsai parser.\n",
        )

    def test_commitEmail(self) -> None:
        """A mail of commit-email.pl has its files before the log; the diff is no part of the comments."""
        self.check(
            mailformats.svnCommit(read(COMMIT_EMAIL)),
            who="jmason",
            revision="105955",
            files=["tool/trunk/a b.txt", "tool/trunk/", "tool/trunk/lib/Mail/Tool.pm"],
            comments="Fix it.\n\nModified: no diff follows this line.\n",
        )

    def test_mailer(self) -> None:
        """A mail of mailer.py has its files behind the log."""
        self.check(
            mailformats.svnCommit(read(MAILER_PY)),
            who="ann",
            revision="7",
            files=["tool/branches/x/", "tool/new.c", "other/b.c"],
            comments="Two\nlines\n",
        )

    def test_launchpad(self) -> None:
        """A mail of Launchpad is read to its diff; its branch is mapped, or made of the subject."""
        found = mailformats.launchpad(read(LAUNCHPAD), {"lp:~knielsen/maria/test": "test"})
        self.check(
            found,
            who="Jöe <joe@example.com>",
            revision="2701",
            files=["old REMOVED", "test-add-file ADDED", "m MODIFIED", "a => b RENAMED c"],
            comments="test add file\nagain\n",
            when=1242376543.0,
            branch="test",
            repository="~knielsen/maria/test",
        )
        for default, branch in (("trunk", "trunk"), (None, "lp:~knielsen/maria/test")):
            self.check(mailformats.launchpad(read(LAUNCHPAD), None, default), branch=branch)

    def test_buildbotCVS(self) -> None:
        """A mail of buildbot-cvs-mail is read for both versions of CVS."""
        self.check(
            mailformats.buildbotCVS(read(CVS)),
            who="andy",
            files=["test/dir/file one.c", "test/dir/new.c", "test/dir/gone.c"],
            branch="B1",
            revision="2009-12-02 11:00:00",
            repository=":ext:cvs@example.org:/cvsroot",
            project="Test",
            category=None,
            comments="two files\nand one gone\n",
        )
        old = CVS.replace("1.12", "1.11").replace("Path: test/dir\n", "")
        old = old.replace("file one.c 1.1 1.2 new.c NONE 1.1", "test/dir file one.c,1.1,1.2 new.c,NONE,1.1")
        old = old.replace(" gone.c 1.3.2.1 NONE", " gone.c,1.3.2.1,NONE")
        self.check(
            mailformats.buildbotCVS(read(old)),
            files=["test/dir/file one.c", "test/dir/new.c", "test/dir/gone.c"],
        )
        for broken in (CVS.replace("1.12", "2"), CVS.replace("Path:", "P:"), CVS.replace("1.3.2.1 ", "")):
            self.assertRaises(ValueError, mailformats.buildbotCVS, read(broken))

    def test_others(self) -> None:
        """Every kind leaves the mails of the others, and mails about anything else."""
        all_ = [FRESHCVS, SYNCMAIL, BONSAI, COMMIT_EMAIL, LAUNCHPAD, CVS, "Subject: hi\n\nLog:\n", "", "\n\n"]
        kinds = (mailformats.freshCVS, mailformats.syncmail, mailformats.bonsai, mailformats.svnCommit)
        for kind in (*kinds, mailformats.launchpad, mailformats.buildbotCVS):
            self.assertLessEqual(sum(kind(read(text)) is not None for text in all_), 2, kind)
            self.assertEqual([kind(read(text)) for text in all_[-3:]], [None] * 3)

    def test_oddBodies(self) -> None:
        """The body may be quoted-printable or base64, in any charset, and one part of several."""
        for encoding, charset, body in (
            ("8bit", "iso-8859-15", "größe"),
            ("8bit", "us-ascii", "größe"),
            ("8bit", "no-such-charset", "größe"),
            ("8bit", "idna", "größe"),
        ):
            raw = f"From: a@b\nContent-Type: text/plain; charset={charset}\n"
            raw += f"Content-Transfer-Encoding: {encoding}\n\nLog:\n{body}\nAdded:\n  {body}.c\n"
            used = "iso-8859-15" if charset == "iso-8859-15" else "utf-8"
            self.check(mailformats.svnCommit(read(raw, used)), files=["größe.c"], comments="größe\n")
        from email.mime.multipart import MIMEMultipart
        from email.mime.text import MIMEText

        whole = MIMEMultipart("mixed")
        whole["From"] = "=?utf-8?q?Zo=C3=AB?= <zoe@b>"
        text = "Log:\n" + "größe\n" * 3 + "Added:\n  größe.c\n"
        whole.attach(MIMEText(text, "plain", "utf-8"))  # base64
        whole.attach(MIMEText("<p>Log:</p>", "html", "utf-8"))
        found = mailformats.svnCommit(message_from_bytes(whole.as_bytes()))
        self.check(found, who="zoe", files=["größe.c"], comments="größe\n" * 3)
        crlf = COMMIT_EMAIL.replace("\n", "\r\n")
        self.check(mailformats.svnCommit(read(crlf)), revision="105955", who="jmason")

    def test_bytes(self) -> None:
        """A name of a file that is not UTF-8 reaches the slave as it is."""
        raw = b"From: a@b\n\nLog:\nb\xfcb\nAdded:\n  gr\xf6\xdfe.c\n"
        change = mail.parseBonsaiMail(None, io.BytesIO(raw))
        self.assertIsNone(change)
        found = mailformats.svnCommit(message_from_bytes(raw))
        change = mail.changeOf(found)
        assert isinstance(change, Change)
        self.assertEqual(
            [name.encode("utf-8", "surrogateescape") for name in change.files], [b"gr\xf6\xdfe.c"]
        )
        self.assertEqual(change.comments, "b?b\n")


class ParserTests(unittest.SynchronousTestCase):
    """The functions of 0.7.5 and the results of a site's own parser."""

    def test_functions(self) -> None:
        """The parsers of 0.7.5 read a file, and leave files out that are not below the prefix."""
        for fd in (io.StringIO(SYNCMAIL), io.BytesIO(SYNCMAIL.encode())):
            change = mail.parseSyncmail(None, fd, prefix="CVSROOT/tool")
            assert change is not None
            self.assertEqual(change.files, ["checkoutlist", "conf", "news"])
        self.assertIsNone(mail.parseSyncmail(None, io.StringIO(SYNCMAIL), "CVSROOT/to"))
        self.assertIsNone(mail.parseFreshCVSMail(None, io.StringIO(SYNCMAIL)))
        change = mail.parseBonsaiMail(None, io.StringIO(BONSAI), "Sources:", ":")
        self.assertIsNone(change)

    def test_results(self) -> None:
        """A Change, a dictionary, and a dictionary with the name of the version control are the same."""
        values = {"author": "ann", "files": ["a"], "comments": None, "when_timestamp": None, "is_dir": 1}
        for parsed in (values, ("svn", values), Change("ann", ["a"], "", isdir=1)):
            change = mail.changeOf(parsed)
            assert change is not None
            self.assertEqual((change.who, change.files, change.comments, change.isdir), ("ann", ["a"], "", 1))
        for nothing in (None, (), ("svn", None)):
            self.assertIsNone(mail.changeOf(nothing))  # type: ignore[arg-type]
        wrong: Any
        for wrong in (7, {"files": []}, Change(7, ["a"], "")):  # type: ignore[arg-type]
            self.assertRaises(BadChange, mail.changeOf, wrong)

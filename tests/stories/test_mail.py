"""People get mails about builds: which ones, what they say, and what happens when the mail server is down."""

from __future__ import annotations

import gzip
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, ensureDeferred, execute

from buildbot.logs.reading import LogViews
from buildbot.mails import postbox
from buildbot.mails.contents import Contents
from buildbot.mails.letter import Letter
from buildbot.outgoing.target import TargetDown
from buildbot.reporters import work
from buildbot.reporters.work import Work
from tests import clouds
from tests.stories.mails import MailCase, textOf

DO = Work.do


class MailStory(MailCase):
    """A master that tells everything to everybody."""

    def test_failed(self) -> None:
        """The mail about a failed build says what failed, whose change it was, and the end of the log."""
        self.begin()
        self.slaves[-1].onCommand = lambda command: command.end(
            2, stdout="\x1b[31ma.c:7:\x1b[0m no such file\n"
        )
        self.send()
        self.wait(70)
        ((recipients, mail),) = self.postbox.sent
        self.assertEqual(recipients, ["team@example.com"])
        self.assertEqual(mail["Subject"], "buildbot failure in full")
        self.assertEqual((mail["From"], mail["To"]), ("buildbot@example.com", "team@example.com"))
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertEqual(mail["X-Buildbot-Result"], "failure")
        text = textOf(mail)
        for words in ("full #0: failed", "bot1", "ann", "r7", "fix", "a.c:7: no such file"):
            self.assertIn(words, text)

    def test_longLog(self) -> None:
        """The end of a long log is in the text of the mail, and the whole log is attached."""
        self.edit("['team@example.com'])]", "['team@example.com'], addLogs=True)]")
        self.patch(postbox, "deferToThread", execute)
        self.begin()
        logs = self.master.botmaster.resources.logs
        logs.views = LogViews(execute)
        lines = "".join(f"line {n} of the log\n" for n in range(30000))
        self.slaves[-1].onCommand = lambda command: command.end(1, stdout=lines)
        self.send()
        self.wait(70)
        ((_, mail),) = self.postbox.sent
        text = textOf(mail)
        self.assertIn("    line 29999 of the log\n", text)
        self.assertNotIn("line 29940 of", text)
        (attached,) = mail.iter_attachments()
        part: Any = attached
        self.assertEqual(gzip.decompress(part.get_content()).decode(), lines)

    def test_once(self) -> None:
        """Each build has one mail, with its own Message-ID."""
        self.begin()
        for _ in range(3):
            self.build()
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"] * 3)
        self.assertEqual(len({mail["Message-ID"] for _, mail in self.postbox.sent}), 3)

    def test_similarBuilders(self) -> None:
        """Builders with similar names have one mail each, also if the mails have waited for the server."""
        names = ("linux-x86_64-release-gcc", "linux-x86_64-release-clang")
        for old, new in zip(("full", "package"), names, strict=True):
            self.edit(f"'name': '{old}'", f"'name': '{new}'")
        self.edit("['full']", str(list(names)))
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.postbox.trouble = None
        self.wait(120)
        self.assertEqual(len({mail["Message-ID"] for _, mail in self.postbox.sent}), 2)

    def test_thread(self) -> None:
        """The mails about one outage, also the one about its end, answer the first one."""
        self.begin()
        for status in (0, 1, 1, 0, 1):
            self.build(status)
        mails = [mail for _, mail in self.postbox.sent]
        first = mails[1]["Message-ID"]
        self.assertEqual([mail["In-Reply-To"] for mail in mails], [None, None, first, first, None])
        self.assertEqual([mail["References"] for mail in mails], [None, None, first, first, None])
        self.assertIn("Broken since: build 1", textOf(mails[2]))
        self.assertIn("Was broken since: build 1", textOf(mails[3]))

    def test_threadOverRestart(self) -> None:
        """A thread goes on after a restart of the master."""
        self.begin()
        self.build(1)
        self.stop()
        self.begin()
        self.build(1)
        first, second = [mail for _, mail in self.postbox.sent]
        self.assertEqual(second["In-Reply-To"], first["Message-ID"])

    def test_serverDown(self) -> None:
        """A mail waits while the server is down, C{buildbot status} shows it, and it arrives once."""
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        (outgoing,) = self.status()["master"]["outgoing"]
        self.assertEqual(
            (outgoing["target"], outgoing["waiting"], outgoing["reason"]),
            ("mail to localhost", 1, "connection refused"),
        )
        self.postbox.trouble = None
        self.wait(120)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"])

    def test_killed(self) -> None:
        """A mail that waited when the master was killed is sent by the next one."""
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.kill()
        self.postbox.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"])

    def test_reconfig(self) -> None:
        """Mails that wait are sent after a reconfig with other arguments, and later builds have one mail."""
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.postbox.trouble = None
        self.edit("team@example.com", "others@example.com")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(5)
        self.build()
        self.assertEqual([to for to, _ in self.postbox.sent], [["team@example.com"], ["others@example.com"]])

    def test_corrected(self) -> None:
        """Mails that wait for a wrong mail server are sent after a reconfig with the right one, in order."""
        self.edit("fromaddr=", "relayhost='mial', fromaddr=")
        self.begin()
        self.postbox.trouble = TargetDown("unknown host")
        for _ in range(2):
            self.build()
        self.postbox.trouble = None
        self.edit("relayhost='mial'", "relayhost='mail'")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(5)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"] * 2)
        numbers = [mail["Message-ID"].split(".")[1] for _, mail in self.postbox.sent]
        self.assertEqual(numbers, ["0", "1"])

    def test_cleanStop(self) -> None:
        """A mail that waits when the master is stopped is sent after the next start."""
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.stop()
        self.postbox.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full"])

    def test_stoppedWhileWritten(self) -> None:
        """A mail that takes too long to write when the master is stopped is written at the next start."""
        self.begin()
        self.build()
        held: Deferred[None] = Deferred()
        written = Contents.ofBuild

        async def slow(contents: Contents, *args: Any) -> Letter:
            await held
            return await written(contents, *args)

        self.patch(Contents, "ofBuild", slow)
        self.build(1)
        stopped = ensureDeferred(self.master.stopService())
        self.wait(6)
        self.successResultOf(stopped)
        self.patch(Contents, "ofBuild", written)
        self.begin()
        self.wait(5)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full", "buildbot failure in full"])

    def test_killedBeforeQueued(self) -> None:
        """A build that ended just before a kill of the master is told by the next one; the others are not."""
        self.begin()
        self.build()
        self.wait(5)
        self.patch(Work, "do", lambda self, work: work.close())  # the kill comes before
        self.build(1)
        self.kill()
        self.unpatch()
        self.begin()
        self.wait(5)
        self.assertEqual(self.postbox.subjects, ["buildbot success in full", "buildbot failure in full"])
        self.build()
        self.assertEqual(len(self.postbox.sent), 3)
        for _ in range(2):
            self.stop()
            self.begin()
            self.wait(5)
        self.assertEqual(len(self.postbox.sent), 3)

    def test_killedInOrder(self) -> None:
        """A build that ends in the first second after a kill has its mail after that of the lost build."""
        self.begin()
        self.build()
        self.wait(5)
        self.patch(Work, "do", lambda self, work: work.close())
        self.build(1)
        self.kill()
        self.unpatch()
        self.begin()
        self.exitStatus = 0
        self.successResultOf(ensureDeferred(self.master.commands["force"]("full")))
        self.settle()
        self.wait(5)
        numbers = [mail["Message-ID"].split(".")[1] for _, mail in self.postbox.sent]
        self.assertEqual(numbers, ["0", "1", "2"])

    def test_givenUp(self) -> None:
        """F16: the last build of a request that was running in three kills has a mail with the reason."""
        connect = self.connect
        self.patch(self, "connect", lambda onCommand: connect(onCommand=lambda command: None))
        self.begin()
        self.slaves[-1].onCommand = lambda command: None  # it runs until the kill
        self.send()
        self.wait(70)
        for _ in range(3):
            self.kill()
            self.begin()
            self.wait(5)
        *_, (_, mail) = self.postbox.sent
        self.assertEqual(mail["Subject"], "buildbot exception in full")
        self.assertIn("given up: the master was killed or crashed during each of 3 builds", textOf(mail))
        self.assertEqual([each.number for each in self.builds("full")], [0, 1, 2])
        sent = len(self.postbox.sent)
        self.stop()
        self.begin()
        self.wait(70)
        self.assertEqual(len(self.postbox.sent), sent)

    def unpatch(self) -> None:
        """Let notifiers work again."""
        self.patch(Work, "do", DO)


class WishesStory(MailCase):
    """What the arguments of a notifier do."""

    def start_(self, arguments: str, before: str = "") -> None:
        """Start a master whose notifier has these arguments."""
        self.edit(
            f"c['status'] = [mail.MailNotifier({self.arguments})]",
            f"{before}\nc['status'] = [mail.MailNotifier('bot@x.example', {arguments})]",
        )
        self.begin()

    def test_problem(self) -> None:
        """The mode "problem" tells the first failure of each outage."""
        self.start_("mode='problem', extraRecipients=['a@x.example']")
        for status in (0, 1, 1, 0, 1):
            self.build(status)
        self.assertEqual([mail["X-Buildbot-Revision"] for _, mail in self.postbox.sent], ["r7", "r7"])
        self.assertEqual(self.postbox.subjects, ["buildbot failure in full"] * 2)

    def test_change(self) -> None:
        """The mode "change" tells when a builder breaks, and when it is good again, also over a restart."""
        self.start_("mode=('change',), extraRecipients=['a@x.example']")
        for status in (0, 0, 1):
            self.build(status)
        self.stop()
        self.begin()
        for status in (1, 0, 0):
            self.build(status)
        self.assertEqual(self.postbox.subjects, ["buildbot failure in full", "buildbot success in full"])

    def test_interested(self) -> None:
        """The author of a change gets a mail, and the others a copy."""
        self.start_("lookup='x.example', extraRecipients='team@x.example'")
        self.build()
        ((recipients, mail),) = self.postbox.sent
        self.assertEqual(recipients, ["ann@x.example", "team@x.example"])
        self.assertEqual((mail["To"], mail["Cc"]), ("ann@x.example", "team@x.example"))

    def test_nobody(self) -> None:
        """Without recipients there is no mail."""
        self.start_("sendToInterestedUsers=False")
        self.build()
        self.assertEqual(self.postbox.sent, [])
        self.assertEqual(self.status()["master"]["outgoing"][0]["waiting"], 0)

    def test_lines(self) -> None:
        """Addresses may be the lines of a file, and several may be in one text."""
        self.start_(r"extraRecipients=['a@x.example\n', 'Bob <b@x.example>, c@x.example\n']")
        self.build()
        ((to, mail),) = self.postbox.sent
        self.assertEqual(to, ["a@x.example", "b@x.example", "c@x.example"])
        self.assertEqual(mail["To"], "a@x.example, Bob <b@x.example>, c@x.example")

    def test_otherBuilder(self) -> None:
        """A notifier for other builders or categories sends nothing."""
        for chosen in ("builders=['package']", "categories=['x']", "tags='x'"):
            self.start_(f"extraRecipients=['a@x.example'], {chosen}")
            self.build()
            self.stop()
            self.edit(f"'bot@x.example', extraRecipients=['a@x.example'], {chosen}", self.arguments)
        self.assertEqual(self.postbox.sent, [])

    def test_subject(self) -> None:
        """The subject has the title, as in 0.8, or what the file wants."""
        self.add("c['title'] = 'Ship'")
        self.start_("extraRecipients=['a@x.example']")
        self.build()
        self.stop()
        self.edit(
            "extraRecipients=['a@x.example']",
            "extraRecipients=['a@x.example'], subject='%(projectName)s: %(result)s #%(number)s'",
        )
        self.begin()
        self.build(1)
        self.assertEqual(self.postbox.subjects, ["buildbot success in Ship on full", "Ship: failure #1"])

    def test_formatter(self) -> None:
        """A messageFormatter of 0.8 words the mail, as plain text or as HTML."""
        self.start_(
            "extraRecipients=['a@x.example'], messageFormatter=words",
            "def words(mode, name, build, results, status):\n"
            "    body = '<b>%s %s %d %s</b>' % (mode, name, build.getNumber(), status.getProjectName())\n"
            "    return {'body': body, 'type': 'html', 'subject': 'my words'}\n",
        )
        self.build()
        ((_, mail),) = self.postbox.sent
        self.assertEqual((mail["Subject"], mail.get_content_type()), ("my words", "text/html"))
        self.assertEqual(mail.get_content().strip(), "<b>all full 0 </b>")

    def test_both(self) -> None:
        """A messageFormatter may give plain text and HTML: the mail has both, the plain text first."""
        self.start_(
            "extraRecipients=['a@x.example'], messageFormatter=words",
            "def words(mode, name, build, results, status):\n"
            "    return {'body': 'plain words', 'type': 'plain', 'html': '<b>words</b>'}\n",
        )
        self.build()
        ((_, mail),) = self.postbox.sent
        self.assertEqual(mail.get_content_type(), "multipart/alternative")
        parts = [(part.get_content_type(), part.get_content().strip()) for part in mail.iter_parts()]
        self.assertEqual(parts, [("text/plain", "plain words"), ("text/html", "<b>words</b>")])

    def test_unsubscribe(self) -> None:
        """A mail has the address for those who want no more mails."""
        self.start_("extraRecipients=['a@x.example'], unsubscribe='lists@x.example'")
        self.build()
        self.edit("'lists@x.example'", "'https://x.example/no'")
        self.assertTrue(self.reconfig()["applied"])
        self.build()
        said = [mail["List-Unsubscribe"] for _, mail in self.postbox.sent]
        self.assertEqual(said, ["<mailto:lists@x.example>", "<https://x.example/no>"])

    def test_digest(self) -> None:
        """After two mails within ten minutes, the next builds share one; a kill of the master loses none."""
        self.start_("extraRecipients=['a@x.example'], mode='failing', digestAfter=2")
        for status in (1, 1, 1, 0, 1):
            self.build(status)
        self.assertEqual(self.postbox.subjects, ["buildbot failure in full"] * 2)
        self.wait(600)
        (_, digest) = self.postbox.sent[2]
        self.assertEqual(digest["Subject"], "buildbot failure in 2 builds")
        for words in ("2 builds within ten minutes", "full #2: failed", "full #4: failed"):
            self.assertIn(words, textOf(digest))
        self.assertNotIn("full #3", textOf(digest))
        for _ in range(3):
            self.build(1)
        self.assertEqual(len(self.postbox.sent), 5)
        self.kill()
        self.begin()
        self.wait(5)
        self.assertEqual(len(self.postbox.sent), 6)
        self.assertIn("full #7", textOf(self.postbox.sent[5][1]))

    def test_digestAtStop(self) -> None:
        """A digest does not wait longer than the master runs."""
        self.start_("extraRecipients=['a@x.example'], digestAfter=1")
        for _ in range(3):
            self.build(1)
        self.stop()
        self.begin()
        self.wait(5)
        self.assertEqual(self.postbox.subjects, ["buildbot failure in full", "buildbot failure in 2 builds"])

    def test_customMesg(self) -> None:
        """A customMesg of 0.7 words the mail, from a dictionary."""
        self.start_(
            "extraRecipients=['a@x.example'], customMesg=words",
            "def words(attrs):\n"
            "    lines = [attrs['logs'][0][2][0], attrs['builderName'], attrs['changes'][0].who]\n"
            "    return (' '.join(lines), 'plain')\n",
        )
        self.slaves[-1].onCommand = lambda command: command.end(0, stdout="hello\n")
        self.send()
        self.wait(70)
        ((_, mail),) = self.postbox.sent
        self.assertEqual(textOf(mail).strip(), "hello full ann")

    def test_message(self) -> None:
        """A customMesg of 0.7.11 may add to the text of mail.message."""
        self.start_(
            "extraRecipients=['a@x.example'], customMesg=words",
            "from buildbot.status import mail\n"
            "def words(attrs): return (mail.message(attrs)[0] + 'More: see below', 'plain')\n",
        )
        self.build(1)
        ((_, sent),) = self.postbox.sent
        text = textOf(sent)
        for words in ("The build of full has the result failure.", "Slave: bot1", "More: see below"):
            self.assertIn(words, text)

    def test_formatterFails(self) -> None:
        """If the function of the file fails, the usual text is sent with a note."""
        self.start_(
            "extraRecipients=['a@x.example'], messageFormatter=lambda *args: args[9]",
        )
        self.build()
        self.assertEqual(len(self.flushLoggedErrors(IndexError)), 1)
        ((_, mail),) = self.postbox.sent
        self.assertIn("The function of the configuration for this text failed", textOf(mail))
        self.assertIn("full #0: success", textOf(mail))

    def test_formatterHangs(self) -> None:
        """A function of the file that never answers costs its own words, and no mail."""
        self.start_(
            "extraRecipients=['a@x.example'], messageFormatter=words, previousBuildGetter=before",
            "from twisted.internet import defer\n"
            "def words(*args): return defer.Deferred()\n"
            "def before(build): return defer.Deferred()\n",
        )
        for status in (1, 0):
            self.build(status)
        self.wait(60)
        self.assertEqual(len(self.postbox.sent), 2)
        for _, mail in self.postbox.sent:
            self.assertIn("(The function of the configuration for this text failed", textOf(mail))
        self.assertEqual(len(self.flushLoggedErrors(TimeoutError)), 4)

    def test_deciderFails(self) -> None:
        """If a function that decides about mails fails, the usual rule does."""
        self.start_("extraRecipients=['a@x.example'], mode='change', previousBuildGetter=lambda build: 1 / 0")
        self.edit(
            "c['status'] = [mail.MailNotifier(",
            "class Own(mail.MailNotifier):\n"
            "    def isMailNeeded(self, build, results): raise KeyError(results)\n"
            "c['status'] = [Own(",
        )
        self.assertTrue(self.reconfig()["applied"])
        for status in (0, 1, 1):
            self.build(status)
        self.assertEqual(self.postbox.subjects, ["buildbot failure in full"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError, KeyError)), 6)

    def test_lookupFails(self) -> None:
        """If the look-up of the file fails, the others get the mail all the same."""
        self.start_(
            "extraRecipients=['a@x.example'], lookup=Broken()",
            "class Broken:\n    def getAddress(self, user):\n        raise KeyError(user)\n",
        )
        self.build()
        self.flushLoggedErrors(KeyError)
        self.assertEqual([to for to, _ in self.postbox.sent], [["a@x.example"]])

    def test_logs(self) -> None:
        """Logs are attached: all of them, or those that are named."""
        for wanted, names in (("True", ["shell.stdio"]), ("['stdio']", ["shell.stdio"]), ("['x.y']", [])):
            self.start_(f"extraRecipients=['a@x.example'], addLogs={wanted}")
            self.slaves[-1].onCommand = lambda command: command.end(0, stdout="hello\n")
            self.send()
            self.wait(70)
            self.stop()
            self.edit(f"'bot@x.example', extraRecipients=['a@x.example'], addLogs={wanted}", self.arguments)
            mail = self.postbox.sent[-1][1]
            self.assertEqual([part.get_filename() for part in mail.iter_attachments()], names)

    def test_headers(self) -> None:
        """Further headers may have properties; one that cannot be filled in is left out."""
        self.start_(
            "extraRecipients=['a@x.example'], extraHeaders={'X-Slave': WithProperties('on %(slavename)s'),"
            " 'X-Odd': WithProperties('%(nothing)s'), 'Reply-To': 'list@x.example'}",
            "from buildbot.process.properties import WithProperties",
        )
        self.build()
        ((_, mail),) = self.postbox.sent
        self.assertEqual((mail["X-Slave"], mail["Reply-To"]), ("on bot1", "list@x.example"))
        self.assertNotIn("X-Odd", mail)

    def test_links(self) -> None:
        """The text has links to the pages of the build, the log and the change."""
        self.add("c['buildbotURL'] = 'http://ci.example/'")
        self.start_("extraRecipients=['a@x.example']")
        self.slaves[-1].onCommand = lambda command: command.end(1, stdout="hello\n")
        self.send()
        self.wait(70)
        ((_, mail),) = self.postbox.sent
        for path in ("builders/full/builds/0", "builders/full/builds/0/steps/shell/logs/stdio", "changes/1"):
            self.assertIn(f"http://ci.example/{path}\n", textOf(mail))
        self.assertRegex(mail["Message-ID"], r"^<full\.0\.[0-9a-f]+\.[0-9a-f]+@ci\.example>$")
        self.assertEqual(mail["List-Id"], "<full.ci.example>")

    def test_previousBuildGetter(self) -> None:
        """A function of the file says which build is the one before."""
        self.start_("mode='change', extraRecipients=['a@x.example'], previousBuildGetter=lambda build: None")
        for status in (0, 1):
            self.build(status)
        self.assertEqual(self.postbox.sent, [])

    def test_set(self) -> None:
        """One mail tells all builds of a build set."""
        self.edit("60, ['full']", "60, ['full', 'package']")
        self.start_("extraRecipients=['a@x.example'], buildSetSummary=True")
        self.build(1)
        ((_, mail),) = self.postbox.sent
        self.assertEqual(mail["Subject"], "buildbot failure in whole buildset")
        for words in ("full #0: failed", "package #0: failed"):
            self.assertIn(words, textOf(mail))

    def test_setKilledBeforeQueued(self) -> None:
        """The mail about a set that ended just before a kill of the master comes, and only once."""
        self.edit("60, ['full']", "60, ['full', 'package']")
        self.start_("extraRecipients=['a@x.example'], buildSetSummary=True")
        self.build()
        self.patch(Work, "do", lambda self, work: work.close())
        self.build(1)
        self.kill()
        self.patch(Work, "do", DO)
        for restart in (self.stop, self.kill):
            self.begin()
            self.wait(5)
            restart()
        self.assertEqual(
            self.postbox.subjects,
            ["buildbot success in whole buildset", "buildbot failure in whole buildset"],
        )
        self.begin()

    def test_setOverRestart(self) -> None:
        """The mail about a set comes also if the master was restarted between its builds."""
        self.edit("60, ['full']", "60, ['full', 'package']")
        self.edit("'full', 'slavename': 'bot1'", "'full', 'slavename': 'bot2'")
        self.edit("('bot1', 'sekrit')", "('bot1', 'sekrit'), ('bot2', 'sekrit')")
        self.start_("extraRecipients=['a@x.example'], buildSetSummary=True")
        self.build()
        self.assertEqual(self.postbox.sent, [])  # one of the slaves is away
        self.stop()
        self.begin()
        self.connect(name="bot2", onCommand=lambda command: command.end(0))
        self.wait(5)
        ((_, mail),) = self.postbox.sent
        for words in ("full #0: success", "package #0: success"):
            self.assertIn(words, textOf(mail))

    def test_buildMessage(self) -> None:
        """A subclass of 0.7.5 may write the mails that are needed by itself."""
        self.edit(
            f"c['status'] = [mail.MailNotifier({self.arguments})]",
            "class Own(mail.MailNotifier):\n"
            "    def buildMessage(self, name, build, results):\n"
            "        if build.getNumber():\n"
            "            return mail.MailNotifier.buildMessage(self, name, build, results)\n"
            "c['status'] = [Own(fromaddr='bot@x.example', extraRecipients=['a@x.example'], mode='failing')]",
        )
        self.begin()
        for status in (1, 0, 1):
            self.build(status)
        self.assertEqual([mail["X-Buildbot-Result"] for _, mail in self.postbox.sent], ["failure"])

    def test_laterSubclass(self) -> None:
        """A subclass of 0.8 may decide which builds need a mail, and gets lists of builds to write about."""
        self.edit(
            f"c['status'] = [mail.MailNotifier({self.arguments})]",
            "class Own(mail.MailNotifier):\n"
            "    def isMailNeeded(self, build, results):\n"
            "        needed = mail.MailNotifier.isMailNeeded(self, build, results)\n"
            "        return needed and build.getNumber() != 2\n"
            "    def buildMessage(self, name, builds, results):\n"
            "        assert [build.getBuilder().getName() for build in builds] == ['full']\n"
            "        assert self.status.getBuilder(name) is self.master_status.getBuilder(name)\n"
            "        assert self.relayhost == 'localhost'\n"
            "        return mail.MailNotifier.buildMessage(self, name, builds, results)\n"
            "c['status'] = [Own(fromaddr='bot@x.example', extraRecipients=['a@x.example'], mode='change')]",
        )
        self.begin()
        for status in (0, 1, 0):
            self.build(status)
        self.stop()
        self.begin()
        self.build(1)
        self.assertEqual([mail["X-Buildbot-Result"] for _, mail in self.postbox.sent], ["failure", "failure"])

    def test_differentMails(self) -> None:
        """Two notifiers that write to the same people send both mails, each with an id of its own."""
        others = self.arguments + ", subject='in short: %(result)s'"
        self.edit("c['status'] = [", f"c['status'] = [mail.MailNotifier({others}), ")
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.postbox.trouble = None
        self.wait(120)
        self.assertEqual(sorted(self.postbox.subjects), ["buildbot success in full", "in short: success"])
        self.assertEqual(len({mail["Message-ID"] for _, mail in self.postbox.sent}), 2)

    def test_differentPeople(self) -> None:
        """Two notifiers that find different addresses send both mails, also after the server was down."""
        self.edit(
            f"mail.MailNotifier({self.arguments})",
            "*[mail.MailNotifier('bot@x.example', lookup=each) for each in ('a.example', 'b.example')]",
        )
        self.begin()
        self.postbox.trouble = TargetDown("connection refused")
        self.build()
        self.postbox.trouble = None
        self.wait(120)
        self.assertEqual(sorted(to for to, _ in self.postbox.sent), [["ann@a.example"], ["ann@b.example"]])

    def test_stopWhileWriting(self) -> None:
        """A notifier that waits for a mail before it stops hears of the builds that end meanwhile."""
        self.patch(work, "PATIENCE", 200.0)
        self.begin()
        held: Deferred[None] = Deferred()
        written = Contents.ofBuild

        async def slow(contents: Contents, *args: Any) -> Letter:
            await held
            return await written(contents, *args)

        self.patch(Contents, "ofBuild", slow)
        self.build(1)
        notifier: Any = self.master.config.status[0]
        stopped = ensureDeferred(notifier.disownServiceParent())
        self.build(0)
        held.callback(None)
        self.wait(2)
        self.successResultOf(stopped)
        self.assertEqual(self.postbox.subjects, ["buildbot failure in full", "buildbot success in full"])

    def test_two(self) -> None:
        """Two notifiers may use one server; after a reconfig that removes one, the other one still works."""
        others = "mail.MailNotifier(fromaddr='bot@example.com', extraRecipients=['others@example.com'])"
        self.edit("c['status'] = [", f"c['status'] = [{others}, ")
        self.begin()
        self.build()
        self.assertEqual(
            sorted(to for to, _ in self.postbox.sent), [["others@example.com"], ["team@example.com"]]
        )
        self.edit(f", mail.MailNotifier({self.arguments})", "")
        self.assertTrue(self.reconfig()["applied"])
        self.build()
        self.assertEqual([to for to, _ in self.postbox.sent[2:]], [["others@example.com"]])

    def test_plugin(self) -> None:
        """A plug-in may send mails of its own, and derive from the notifier."""
        self.edit(
            f"c['status'] = [mail.MailNotifier({self.arguments})]",
            "from email.message import EmailMessage\n"
            "class Own(mail.MailNotifier):\n"
            "    def buildFinished(self, name, build, results):\n"
            "        m = EmailMessage()\n"
            "        m['Subject'] = 'my own'\n"
            "        m.set_content('text')\n"
            "        return self.sendMessage(m, ['a@x.example'])\n"
            "c['status'] = [Own(fromaddr='bot@x.example')]",
        )
        self.begin()
        self.build()
        ((recipients, mail),) = self.postbox.sent
        self.assertEqual(
            (recipients, mail["Subject"], mail["From"]), (["a@x.example"], "my own", "bot@x.example")
        )


class SlaveStory(MailCase):
    """Slaves that are lost, and their owners."""

    def setUp(self) -> None:
        super().setUp()
        self.edit("('bot1', 'sekrit')", "('bot1', 'sekrit', {'notify_on_missing': 'owner@x.example'})")

    def lose(self) -> None:
        """Lose the slave, and let the master notice."""
        self.slaves[-1].broker.transport.loseConnection()
        self.settle()

    def test_missing(self) -> None:
        """The owner of a slave gets one mail about an outage, also over a restart of the master (O6)."""
        self.begin()
        self.wait(5)
        self.lose()
        self.wait(3700)
        ((recipients, mail),) = self.postbox.sent
        self.assertEqual(
            (recipients, mail["Subject"]), (["owner@x.example"], "buildbot: slave bot1 is missing")
        )
        self.assertIn("The slave bot1 has been away since", textOf(mail))
        self.stop()
        self.successResultOf(self.start())
        self.wait(4000)
        self.assertEqual(len(self.postbox.sent), 1)

    def test_reconfig(self) -> None:
        """A notifier with other arguments goes on with an outage: it tells it in time, and not again."""
        self.begin()
        self.wait(5)
        self.lose()
        self.wait(1800)
        self.edit("fromaddr=", "mode='failing', fromaddr=")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(1900)
        self.assertEqual([to for to, _ in self.postbox.sent], [["owner@x.example"]])
        self.edit("team@example.com", "others@example.com")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(4000)
        self.assertEqual(len(self.postbox.sent), 1)

    def test_back(self) -> None:
        """When the slave is back, its owner gets a second mail in the same thread, also after a restart."""
        self.begin()
        self.wait(5)
        self.lose()
        self.wait(3700)
        self.stop()
        self.begin()
        self.wait(5)
        (_, missing), (recipients, back) = self.postbox.sent
        self.assertEqual((recipients, back["Subject"]), (["owner@x.example"], "buildbot: slave bot1 is back"))
        self.assertEqual(back["In-Reply-To"], missing["Message-ID"])
        self.assertEqual(back["List-Id"], missing["List-Id"])
        self.assertRegex(textOf(back), r"^The slave bot1 is back since .*\n\nIt had been away since ")
        self.stop()
        self.begin()
        self.wait(4000)
        self.assertEqual(len(self.postbox.sent), 2)

    def test_all(self) -> None:
        """The recipients of a notifier are told about the slaves that it watches."""
        self.edit("['team@example.com'])]", "['team@example.com'], watchedSlaves='all')]")
        self.begin()
        self.wait(5)
        self.lose()
        self.wait(3700)
        self.assertEqual([to for to, _ in self.postbox.sent], [["owner@x.example", "team@example.com"]])


class LatentStory(MailCase):
    """A latent slave that does not attach, and its owner."""

    def test_late(self) -> None:
        """The owner gets one mail if it does not attach after its start; none while nobody needs it."""
        clouds.CLOUD = clouds.Cloud()
        self.edit(
            "('bot1', 'sekrit')",
            "CloudSlave('bot1', 'sekrit', missing_timeout=60, notify_on_missing='owner@x.example').asBot()",
        )
        self.edit("c = Build", "from tests.clouds import CloudSlave\nc = Build")
        self.begin()
        self.wait(400)
        self.assertEqual(self.postbox.sent, [])
        self.send()
        self.wait(400)
        ((recipients, mail),) = self.postbox.sent
        self.assertEqual(
            (recipients, mail["Subject"]), (["owner@x.example"], "buildbot: slave bot1 is missing")
        )

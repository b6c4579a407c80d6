"""What people ask the IRC bot, and what they may do (A12)."""

from __future__ import annotations

from typing import Any

from tests.stories.irc import ANN, BOB, IrcCase


class AskedTests(IrcCase):
    """The commands that only ask."""

    def test_questions(self) -> None:
        """Everybody may ask about builders and builds, in the channel and in private."""
        self.enter()
        self.assertEqual(self.ask("list builders", BOB), ["builders: full, package"])
        self.assertEqual(self.ask("status", BOB), ["all 2 builders are idle"])
        self.assertEqual(self.ask("status full", BOB, "builder"), ["full: idle"])
        self.assertEqual(self.ask("last full", BOB), ["full: no build has ended yet"])
        self.send()
        self.wait(61)
        self.quiet()
        (answer,) = self.ask("last full", BOB)
        self.assertIn("full: last build #0, ", answer)
        self.assertIn("Success", answer)
        (answer,) = self.ask("status nothing", BOB)
        self.assertIn("there is no builder 'nothing'", answer)

    def test_about(self) -> None:
        """Each command has its help, and a wrong word is told."""
        self.enter()
        (names,) = self.ask("commands")
        for name in names.removeprefix("commands: ").split(", "):
            (answer,) = self.ask(f"help {name}")
            self.assertTrue(answer.startswith((name, f"usage: {name}")), answer)
        self.assertIn("I know no command 'frobnicate'", self.ask("frobnicate")[0])
        self.assertIn("buildbot", self.ask("version")[0])
        self.assertIn("buildbot", self.ask("source")[0])
        self.assertIn("'commands' lists", self.ask("help")[0])
        self.assertIn("there is no command 'x'", self.ask("help x")[0])
        self.assertEqual(self.ask("Thanks!"), ["you are welcome"])
        self.assertIn("usage: list", self.ask("list")[0])
        self.assertIn("usage: watch", self.ask("watch")[0])
        self.assertEqual(self.ask(""), [])
        self.assertEqual(len(self.ask("dance")), 5)
        self.assertEqual(self.ask("hello"), ["hello!"])
        self.assertIn("ACTION", self.ask("destroy")[0])

    def test_watch(self) -> None:
        """Who watches a builder is told the end of its running build, once, whatever is told otherwise."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.assertEqual(self.ask("watch full", BOB, "builder"), ["no build of full is running"])
        self.send()
        self.wait(61)
        self.assertIn("watching: build #0 of full started", self.ask("watch full", BOB, "builder")[0])
        self.ask("watch full", BOB, "builder")
        self.assertIn("building #0 for", self.ask("status", BOB)[0])
        self.slaves[0].commands[-1].end(0)
        self.settle()
        told = self.said("bob")
        self.assertEqual([each.partition(":")[0] for each in told], ["build #0 of full is complete"])

    def test_notify(self) -> None:
        """A channel says which events it wants; a wrong name is told."""
        self.enter()
        self.assertEqual(self.ask("notify list"), ["these events are told here: finished, started"])
        self.assertEqual(self.ask("notify off started"), ["these events are told here: finished"])
        self.assertEqual(self.ask("notify off"), ["no events are told here"])
        self.assertEqual(
            self.ask("notify on successToFailure"), ["these events are told here: successToFailure"]
        )
        self.assertEqual(self.ask("notify on succes"), ["'succes' is no event"])
        self.assertIn("usage: notify", self.ask("notify")[0])

    def test_mute(self) -> None:
        """A muted channel hears nothing, until it wants to."""
        self.enter()
        self.ask("mute")
        self.assertEqual(self.ask("hello"), [])
        self.assertEqual(self.ask("unmute"), ["I speak again"])
        self.assertEqual(self.ask("hello"), ["hello!"])

    def test_notMeant(self) -> None:
        """What people say to each other, notices, and the bot's own words are no commands."""
        self.enter()
        self.server.say(
            f":{ANN} PRIVMSG #dev :builders: status",
            f":{ANN} PRIVMSG #dev :status",
            f":{ANN} NOTICE builder :status",
            ":builder!b@host PRIVMSG #dev :builder: status",
            ":irc.example.org PRIVMSG builder :status",
            f":{ANN} PRIVMSG builder :\x01VERSION\x01",
            f":{ANN} PRIVMSG builder :\x01DCC SEND x 1 2 3\x01",
        )
        self.pause()
        self.assertEqual(self.server.heard(), [])
        self.server.say(f":{ANN} PRIVMSG #dev :\x01ACTION kicks builder\x01")
        self.assertIn("ACTION", self.said()[0])


class ActionTests(IrcCase):
    """The commands that do something."""

    def test_force(self) -> None:
        """Who may force gets a build, with start and end told, and is in the record of actions."""
        self.enter()
        answers = self.ask("force build --branch=b full for fun")
        heads = [each.partition(":")[0].partition(",")[0] for each in answers]
        self.assertEqual(
            heads,
            [
                "build #0 of full is forced; I shall tell when it ends",
                "build #0 of full started",
                "build #0 of full is complete",
            ],
        )
        build: Any = self.master.status.getBuilder("full").getLastFinishedBuild()
        self.assertEqual(build.getReason(), "forced by ann on IRC (#dev): for fun")
        self.assertEqual(build.getSourceStamp().branch, "b")
        self.assertEqual(self.records(), [(ANN, "forceBuild", "builder/full", "done")])

    def test_mayNot(self) -> None:
        """Others are refused, in words, and that is recorded; a taken nick does not help."""
        self.enter()
        for who in (BOB, "ann!~a@else"):
            for text in ("force build full", "stop build full", "shutdown start", "join #spam"):
                (answer,) = self.ask(text, who)
                self.assertIn("you may not do this from here", answer)
        self.assertEqual(self.records()[0][3], "refused")
        self.assertEqual(len(self.records()), 8)
        self.assertIsNone(self.master.status.getBuilder("full").getLastFinishedBuild())
        self.assertIsNone(self.master.cleanStop.toRecord())

    def test_account(self) -> None:
        """Somebody who is logged in as ann may force, whatever the nick and the host."""
        self.enter()
        self.ask("force build full", BOB, tags="@time=x;account=ann ")
        self.assertEqual(self.records(), [(f"{BOB} (ann)", "forceBuild", "builder/full", "done")])

    def test_nobody(self) -> None:
        """Without allowForce and allowShutdown nobody may do anything."""
        self.edit(" allowForce=['ann!*@home', 'account:ann'], allowShutdown=['ann!*@home'],", "")
        self.enter()
        for text in ("force build full", "shutdown start"):
            (answer,) = self.ask(text)
            self.assertIn("nobody may do this from IRC", answer)

    def test_waits(self) -> None:
        """A build that must wait is told with its reason, and again when it starts and ends."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.ask("notify off")
        self.ask("force build full")
        (answer,) = self.ask("force build full again")
        self.assertIn("the build of full waits", answer)
        self.slaves[0].commands[-1].end(0)
        self.settle()
        self.store.flush()
        told = self.said()
        self.assertEqual(
            [each.partition(":")[0] for each in told],
            ["build #0 of full is complete", "build #1 of full started"],
        )
        self.slaves[0].commands[-1].end(0)
        self.settle()
        self.assertIn("build #1 of full is complete", self.said()[0])

    def test_stopBuild(self) -> None:
        """A running build is stopped, by its number or as the only one; without one, that is told."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.slaves[0].onInterrupt = lambda command: command.end(-1)
        self.assertEqual(self.ask("stop build full"), ["no build of full is running"])
        for text in ("stop build full 0 too slow", "stop build full too slow"):
            self.ask("force build full")
            answers = self.ask(text)
            self.assertIn("is stopped", answers[0])
            self.assertIn("stopped by ann on IRC (#dev): too slow", answers[1])
        subjects = [(action, subject) for _, action, subject, ended in self.records() if ended == "done"]
        self.assertIn(("stopBuild", "builder/full/build/0"), subjects)

    def test_shutdown(self) -> None:
        """The master stops after the running builds, and that can be cancelled."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.ask("force build full")
        self.assertEqual(self.ask("shutdown check"), ["the master runs normally"])
        self.assertIn("after the running builds (1 now)", self.ask("shutdown start")[0])
        self.assertIn("stops after", self.ask("shutdown check")[0])
        self.assertEqual(self.ask("shutdown stop"), ["the shutdown is cancelled"])
        self.assertEqual(self.ask("shutdown stop"), ["there was none to cancel"])
        self.assertIn("usage: shutdown", self.ask("shutdown soon")[0])

    def test_shutdownNow(self) -> None:
        """The master stops at once, although a build runs; its author is recorded, and others may not."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.ask("force build full")
        self.assertIn("you may not", self.ask("shutdown now", BOB)[0])
        self.assertFalse(self.reactor.stopped)
        self.assertEqual(self.ask("shutdown now"), ["the master stops at once"])
        self.assertTrue(self.reactor.stopped)
        self.assertIn((ANN, "shutdown", "master", "done"), self.records())

    def test_codebase(self) -> None:
        """A build is forced for a codebase."""
        self.enter()
        self.ask("force build --codebase=lib --branch=b full")
        build: Any = self.master.status.getBuilder("full").getLastFinishedBuild()
        self.assertEqual((build.getSourceStamp().codebase, build.getSourceStamp().branch), ("lib", "b"))

    def test_join(self) -> None:
        """The bot comes to another channel, and leaves it; a name or a key cannot bring more commands."""
        self.enter()
        self.server.say(f":{ANN} PRIVMSG builder :join #more")
        self.pause()
        self.assertEqual(
            self.server.heard(), ["JOIN #more", "PRIVMSG ann :I ask the server to let me into #more"]
        )
        self.server.drop()
        self.wait(30)
        self.server.welcome()
        self.pause()
        self.assertIn("JOIN #dev,#more", self.server.heard())
        self.server.say(f":{ANN} PRIVMSG builder :leave #more")
        self.pause()
        self.assertEqual(self.server.heard(), ["PART #more"])
        self.assertEqual([action for _, action, *_ in self.records()], ["leaveChannel", "joinChannel"])
        for wrong in ("join more", "join #a,#b", "join", "join #a k,k", "join #a :k", "join #a k k"):
            self.assertIn("usage: join", self.ask(wrong)[0])

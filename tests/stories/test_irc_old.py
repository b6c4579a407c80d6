"""Bots of a site's own as those of 0.7.5: with commands as methods of the bot itself."""

from __future__ import annotations

from tests.stories.irc import BOB, IrcCase

OWN = """
from buildbot.process.base import BuildRequest
from buildbot.sourcestamp import SourceStamp
from buildbot.status import words
class Bot(words.IrcStatusBot):
    silly = {'ping?': 'pong!', 'sing': ['la', 'li']}
    def command_STATUS(self, user, reply, args):
        self.reply(reply, '%s asks' % user)
        words.IrcStatusBot.command_STATUS(self, user, reply, args)
    def command_ALL(self, user, reply, args):
        self.reply(reply, ', '.join(b.getName() for b in self.getAllBuilders()))
        self.emit_status(reply, 'full')
        self.emit_last(reply, 'full')
        self.reply(reply, self.convertTime(90))
        self.doSilly(user, reply, args)
    def command_NEW(self, user, reply, args):
        which = args or 'full'
        control = self.getControl(which)
        request = BuildRequest('asked', SourceStamp(), which)
        told = words.IrcBuildRequest(self, reply)
        request.subscribe(told.started)
        control.requestBuild(request)
class Factory(words.IrcStatusFactory):
    protocol = Bot
class IRC(words.IRC):
    factoryClass = Factory
"""


class OldBotStory(IrcCase):
    """A bot whose class overrides and adds commands in the way of 0.7.5."""

    config = "c['status'] = [IRC('irc.example.org', 'builder', ['#dev'])]"

    def setUp(self) -> None:
        super().setUp()
        self.edit("\nc = Build", f"{OWN}\nc = Build")

    def test_override(self) -> None:
        """A command of the bot's class takes the place of the usual one, which it may call."""
        self.enter()
        self.assertEqual(self.ask("status full", BOB), ["bob asks", "full: idle"])
        self.assertIn("there is no builder 'x'", self.ask("status x", BOB)[1])

    def test_helpers(self) -> None:
        """The helpers of 0.7.5 tell builders, builds and times, and answer for fun."""
        self.enter()
        said = ["full, package", "full: idle", "1 min 30 s", "full: no build has ended yet"]
        self.assertEqual(sorted(self.ask("all nothing")), sorted(said))
        self.assertEqual(sorted(self.ask("all sing")), sorted([*said, "la", "li"]))
        self.assertIn("status", self.server.bot.build_commands())

    def test_request(self) -> None:
        """A request that a command makes is told when it starts, and when it ends."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        (begun,) = self.ask("new")
        self.assertEqual(begun, "build #0 of full started; I shall tell when it ends")
        self.assertEqual(self.ask("new"), ["the build waits; I shall tell when it starts"])
        self.slaves[0].commands[-1].end(0)
        self.settle()
        self.assertEqual(len(self.said()), 2)
        self.assertIn("there is no builder", self.ask("new x")[0])

    def test_ownReceiver(self) -> None:
        """A subclass of IRC that tells builds itself reaches the bot as C{f.p}, and says bytes and texts."""
        self.edit(
            "    factoryClass = Factory\n",
            "    factoryClass = Factory\n"
            "    def setServiceParent(self, parent):\n"
            "        words.IRC.setServiceParent(self, parent)\n"
            "        parent.getStatus().subscribe(self)\n"  # the base class of 0.7.5 does not
            "    def buildFinished(self, name, build, results):\n"
            "        bot = self.f.p\n"
            "        for channel in bot.channels:\n"
            "            bot.msg(channel, ('%s has ended' % name).encode('ascii', 'replace'))\n"
            "            bot.notice(channel, 'really')\n",
        )
        self.enter()
        told = self.ask("new") + self.said()
        ours = ["full has ended", "really"]
        self.assertEqual([each for each in told if each in ours], ours)

    def test_rights(self) -> None:
        """A command of the bot's class that calls a usual one gives nobody more rights."""
        self.edit(
            "'%s asks' % user)", "'%s asks' % user)\n        self.command_FORCE(user, reply, 'build full')"
        )
        self.enter()
        self.assertIn("nobody may do this from IRC", " ".join(self.ask("status full", BOB)))

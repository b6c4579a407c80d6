"""People in chat rooms are told about builds."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from buildbot.chat.hooks import DiscordStatus, MattermostStatus, SlackStatus
from buildbot.chat.matrix import MatrixStatus
from buildbot.config.arguments import BadArguments
from buildbot.outgoing.target import TargetBusy, TargetDown
from tests.stories.posting import PostingCase


class ChatStory(PostingCase):
    """A master with one builder."""

    def setUp(self) -> None:
        super().setUp()
        self.add("from buildbot.status.chat import DiscordStatus, MattermostStatus, SlackStatus")
        self.add("c['buildbotURL'] = 'http://ci.example/'")

    def slack(self, more: str = "") -> None:
        """Start a master that writes to Slack."""
        self.add(f"c['status'] = [SlackStatus('https://hooks.slack.example/canary-3'{more})]")
        self.begin()

    def said(self) -> list[str]:
        """The texts that Slack has got."""
        return [body["attachments"][0]["text"] for _, body in self.server.got]

    def words(self) -> list[str]:
        """The result of the build in each of these texts."""
        return [text.splitlines()[0].rpartition(": ")[2] for text in self.said()]

    def test_brokenAndFixed(self) -> None:
        """Without a mode, a room is told that a builder breaks, and that it is good again."""
        self.slack()
        for status in (0, 1, 1, 0, 0):
            self.build(status)
        url = "http://ci.example/builders/full/builds"
        self.assertEqual(
            self.said(),
            [
                f"<{url}/1|full #1>: failed: shell\nrevision r7, by ann",
                f"<{url}/3|full #3>: success\nrevision r7, by ann\nWas broken since build 1",
            ],
        )

    def test_modes(self) -> None:
        """The modes are those of mails."""
        self.slack(", mode='all'")
        for status in (0, 1, 1):
            self.build(status)
        self.assertEqual(self.words(), ["success", "shell", "shell"])
        self.assertIn("\nBroken since build 1", self.said()[-1])

    def test_chosen(self) -> None:
        """Builds of other builders are not told."""
        self.slack(", mode='all', builders=['package']")
        self.build(1)
        self.assertEqual(self.said(), [])

    def test_sets(self) -> None:
        """One message may tell all builds of a set."""
        self.edit("60, ['full']", "60, ['full', 'package']")
        self.add("c['projectName'] = 'Ship'")
        self.slack(", buildSetSummary=True")
        self.build(0)
        self.build(1)
        (text,) = self.said()
        self.assertRegex(
            text, r"^Ship: .*\n<[^|]*\|full #1>: failed: shell\n<[^|]*\|package #1>: failed: shell\n"
        )

    def test_setOverRestart(self) -> None:
        """A set whose builds end before and after a restart of the master is told once."""
        self.edit("60, ['full']", "60, ['full', 'package']")
        self.edit("'full', 'slavename': 'bot1'", "'full', 'slavename': 'bot2'")
        self.edit("('bot1', 'sekrit')", "('bot1', 'sekrit'), ('bot2', 'sekrit')")
        self.slack(", mode='all', buildSetSummary=True")
        self.build(1)
        self.assertEqual(self.said(), [])  # one of the slaves is away
        self.stop()
        self.begin()
        self.connect(name="bot2", onCommand=lambda command: command.end(0))
        self.wait(5)
        (text,) = self.said()
        for words in ("full #0>: success", "package #0>: failed"):
            self.assertIn(words, text)

    def test_formatter(self) -> None:
        """A function may write the text, in both shapes. If it fails, the usual one is sent."""
        self.add("def said(mode, name, build, results, status):")
        self.add("    n = build.getNumber()")
        self.add("    if n == 3: raise ZeroDivisionError()")
        self.add("    return ['<%s> %s' % (name, n), {'body': 'b'}, None][n]")
        self.slack(", mode='all', messageFormatter=said")
        for status in (0, 1, 0, 1):
            self.build(status)
        self.assertEqual(self.said()[:2], ["&lt;full&gt; 0", "b"])
        self.assertEqual(self.words()[2:], ["shell"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_servers(self) -> None:
        """Each kind of server gets its shape."""
        self.add(
            "c['status'] = [MattermostStatus('https://a.example/x', 'all', channel='town', username='ci'),"
        )
        self.add("    DiscordStatus('https://b.example/x', 'all', username='ci')]")
        self.begin()
        self.build(1)
        bodies: list[Any] = [body for _, body in self.server.got]
        mattermost = next(body for body in bodies if "attachments" in body)
        self.assertEqual((mattermost["channel"], mattermost["username"]), ("town", "ci"))
        discord = next(body for body in bodies if "embeds" in body)
        self.assertEqual(discord["username"], "ci")
        self.assertIn("failed: shell", discord["embeds"][0]["description"])

    def test_busy(self) -> None:
        """A server that takes one message a second is no trouble."""
        self.slack(", mode='all'")
        self.server.trouble = TargetBusy("it answered 429", 1.0)
        self.build(0)
        (record,) = self.status()["master"]["outgoing"]
        self.assertEqual((record["waiting"], record["failures"]), (1, 0))
        self.server.trouble = None
        self.wait(5)
        self.assertEqual(self.words(), ["success"])

    def test_killedBeforeQueued(self) -> None:
        """A build that ended just before a kill of the master is told by the next one, and only once."""
        self.slack()
        self.build(0)
        self.loseBuild(1)
        for restart in (self.stop, self.kill):
            restart()
            self.begin()
            self.wait(5)
        self.assertEqual(self.words(), ["shell"])

    def test_secret(self) -> None:
        """The address of a webhook is in no text, and not in the store."""
        self.slack(", mode='all'")
        self.server.trouble = TargetDown("connection refused")
        self.build(0)
        (receiver,) = self.master.config.status
        kept = self.successResultOf(self.store.getStates("outgoing/"))
        self.assertTrue(kept)
        self.assertNotIn("canary-3", f"{receiver!r} {self.server.address!r} {self.status()} {kept}")

    def test_wrong(self) -> None:
        """Wrong arguments are told, without the secrets in them."""
        url, token, room = "https://x/", "canary", "!a:x"
        given: list[tuple[Any, dict[str, Any], str]] = [
            (SlackStatus, {"url": "canary"}, "url must be an address"),
            (MattermostStatus, {"url": url, "mode": "broken"}, "mode must be"),
            (DiscordStatus, {"url": url, "messageFormatter": "x"}, "messageFormatter must be a function"),
            (MatrixStatus, {"server": url, "token": "canary 1", "room": room}, "token must be text"),
            (MatrixStatus, {"server": url, "token": token, "room": "#a:x"}, "room must be the id of a room"),
        ]
        for kind, arguments, said in given:
            error = self.assertRaises(BadArguments, kind, **arguments)
            self.assertIn(said, str(error))
            self.assertNotIn("canary", str(error))


class MatrixStory(PostingCase):
    """A master that writes in a room of Matrix."""

    key = "path"

    def setUp(self) -> None:
        super().setUp()
        self.add("from buildbot.status.chat import MatrixStatus")
        self.add("c['status'] = [MatrixStatus('https://m.example/', 'canary-4', '!a:m.example', 'all')]")
        self.begin()

    def test_room(self) -> None:
        """A message goes to the room, with the token, and an id of its own."""
        for status in (0, 1):
            self.build(status)
        address = self.server.address
        self.assertEqual(address.url, "https://m.example/_matrix/client/v3/rooms")
        self.assertEqual((address.method, address.token, address.bearer), ("PUT", "canary-4", True))
        (first, body), (second, _) = self.server.got
        for path in (first, second):
            self.assertRegex(path, r"^/%21a%3Am\.example/send/m\.room\.message/[0-9a-f]{32}$")
        self.assertNotEqual(first, second)
        self.assertEqual(body["body"], "full #0: success\nrevision r7, by ann")

    def test_repeated(self) -> None:
        """A message that is sent again, because the answer was lost in a kill, has the same id."""
        tried: list[str] = []
        deliver = self.server.deliver

        def unheard(message: Any) -> Any:
            tried.append(message["path"])
            return Deferred() if len(tried) == 1 else deliver(message)

        self.patch(self.server, "deliver", unheard)
        self.build(0)
        self.kill()
        self.begin()
        self.wait(5)
        self.assertEqual(len(tried), 2)
        self.assertEqual(tried[0], tried[1])

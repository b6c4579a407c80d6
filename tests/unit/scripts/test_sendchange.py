"""The command C{sendchange} and its arguments. tests.integration tests it with a master."""

from __future__ import annotations

import io
import json
import os
import sys
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python import usage
from twisted.trial import unittest

from buildbot.clients.sendchange import Sender, SendFailed
from buildbot.control import remote
from buildbot.control.client import ControlError, NoAnswer
from buildbot.scripts import sendchange
from buildbot.scripts.buildoptions import SendChangeOptions
from buildbot.scripts.output import CommandFailed
from tests.commandline import command, options

NEEDED = ("--master", "localhost:9989", "--username", "me")


class FakeSender:
    """Replaces the sender, and records the changes."""

    made: list[FakeSender] = []

    def __init__(self, *args: Any, **kw: Any) -> None:
        self.made.append(self)
        self.account = (args, kw)

    def send(self, *args: Any, **kw: Any) -> Deferred[None]:
        self.sent = (args, kw)
        return succeed(None)

    def sendAll(self, changes: Any, told: Any) -> Deferred[None]:
        self.sent = (tuple(changes), {})
        for index, change in enumerate(changes):
            told(index, "no good" if change["comments"] == "poison" else None)
        return succeed(None)


class SendTests(unittest.TestCase):
    """The sent change."""

    def setUp(self) -> None:
        self.patch(sendchange, "Sender", FakeSender)
        self.patch(FakeSender, "made", [])
        self.patch(os, "environ", {key: value for key, value in os.environ.items() if key != sendchange.AUTH})

    def send(self, *words: str) -> FakeSender:
        """The change that was to be sent."""
        self.successResultOf(sendchange.send(options(SendChangeOptions, [*NEEDED, *words])))
        return FakeSender.made[-1]

    def test_optionsOfOldHooks(self) -> None:
        """The options of 0.8 have their effect: the person, properties, the page, and the time."""
        words = ["--who", "ann", "-p", "a:b=c:d", "--property=e:", "-l", "http://x", "-w", "1300000000.5"]
        master = ["--master", "h:1", *words, "--vc", "git", "a.c"]
        self.successResultOf(sendchange.send(options(SendChangeOptions, master)))
        args, more = FakeSender.made[-1].sent
        self.assertEqual(args[4], "ann")
        told = {"properties": {"a": "b=c:d", "e": ""}, "revlink": "http://x", "when": 1300000000.5}
        self.assertEqual(more, told)

    def test_encoding(self) -> None:
        """Texts in another encoding than that of the environment are decoded with the one that is named."""
        latin = os.fsdecode("J\xf6rg".encode("latin-1"))
        words = ["-m", latin, "-p", f"{latin}:{latin}", "--encoding", "latin-1", latin]
        (_, _, comments, files, _), more = self.send(*words).sent
        name = "J\xf6rg"
        self.assertEqual((comments, files, more["properties"]), (name, [name], {name: name}))
        for wrong, why in (
            (("--encoding", "klingon"), "Python knows no encoding 'klingon'"),
            (("--encoding", "ascii", "-m", "\xf6"), "is not in ascii"),
            (("-p", "a=b"), "--property must be NAME:VALUE"),
            (("--when", "noon"), "--when must be a number of seconds since 1970, not 'noon'"),
            (("--who", "you"), "--who and --username are alternatives"),
            (("--changes", "f", "-p", "a:b"), "leave out --username, --property"),
        ):
            error = self.assertRaises(usage.UsageError, options, SendChangeOptions, [*NEEDED, *wrong])
            self.assertIn(why, str(error))

    def refusal(self, *words: str) -> str:
        """The error, if nothing was sent."""
        sent = sendchange.send(options(SendChangeOptions, [*NEEDED, *words]))
        return str(self.failureResultOf(sent, CommandFailed).value)

    def file(self, content: bytes) -> str:
        path: str = self.mktemp()
        with open(path, "wb") as stream:
            stream.write(content)
        return path

    def test_least(self) -> None:
        """The minimal arguments; the account is that of 0.7.5, and the timeout a minute."""
        sender = self.send("a.c", "b.c")
        self.assertEqual(sender.account, (("localhost:9989", None, "change", "changepw"), {"timeout": 60.0}))
        self.assertEqual(sender.sent, ((None, None, "", ["a.c", "b.c"], "me"), {}))

    def test_most(self) -> None:
        """All arguments."""
        words = ["--branch=größe", "-r", "12", "-m", "why\nnot", "--category", "docs", "-t", "5", "Ä b.c"]
        sender = self.send("--auth", "me:pass:word", *words)
        self.assertEqual(sender.account, (("localhost:9989", None, "me", "pass:word"), {"timeout": 5.0}))
        self.assertEqual(sender.sent, (("größe", "12", "why\nnot", ["Ä b.c"], "me"), {"category": "docs"}))

    def test_places(self) -> None:
        """F2: a change can have a repository, project and codebase."""
        sender = self.send("--repository", "git://h/ä", "--project", "x", "--codebase", "c", "a.c")
        self.assertEqual(sender.sent[1], {"repository": "git://h/ä", "project": "x", "codebase": "c"})

    def test_revisions(self) -> None:
        """The revision is text, a number, or the unchanged content of a file."""
        self.assertEqual(self.send("--revision_number", "12").sent[0][1], 12)
        self.assertEqual(
            self.send("--revision_file", self.file(b"context\r\n\n")).sent[0][1], "context\r\n\n"
        )

    def test_comments(self) -> None:
        """The comments may be in a file, or on standard input."""
        self.assertEqual(self.send("--logfile", self.file("größer\n".encode())).sent[0][2], "größer\n")
        stdin = io.TextIOWrapper(io.BytesIO(b"typed\n"))
        self.patch(sys, "stdin", stdin)
        self.assertEqual(self.send("-F", "-").sent[0][2], "typed\n")

    def test_auth(self) -> None:
        """The account may be in a file or in the environment, so that lists of processes do not show it."""
        path = self.file(b"me:sekrit\n")
        self.assertEqual(self.send("--auth-file", path).account[0][2:], ("me", "sekrit"))
        os.environ[sendchange.AUTH] = "you:canary"
        self.assertEqual(self.send().account[0][2:], ("you", "canary"))
        self.assertEqual(self.send("--auth-file", path).account[0][2:], ("me", "sekrit"))
        self.assertEqual(self.send("--auth", "x:y").account[0][2:], ("x", "y"))

    def test_badAuth(self) -> None:
        """An invalid account is reported without the password."""
        for words in (
            ("--auth", "canary"),
            ("--auth", ":canary"),
            ("--auth-file", self.file(b"a:canary\nb")),
        ):
            reason = self.refusal(*words)
            self.assertEqual(reason, f"{words[0]} must hold USER:PASSWORD")
        os.environ[sendchange.AUTH] = "canary"
        self.assertEqual(self.refusal(), f"{sendchange.AUTH} must hold USER:PASSWORD")

    def test_unreadable(self) -> None:
        """A file that cannot be read is reported with its option, and nothing is sent."""
        for option in ("--auth-file", "--revision_file", "--logfile"):
            self.assertEqual(
                self.refusal(option, "nofile"), f"{option}: cannot read nofile: No such file or directory"
            )
        self.assertIn("Is a directory", self.refusal("--auth-file", "."))
        self.assertEqual(FakeSender.made, [])

    def test_noStandardInput(self) -> None:
        """Closed standard input is reported too."""
        self.patch(sys, "stdin", None)
        self.assertEqual(self.refusal("-F", "-"), "--logfile: standard input is closed")

    def test_notUTF8(self) -> None:
        """A file name that is not UTF-8 is sent as its bytes."""
        name = os.fsdecode(b"caf\xe9")
        self.assertEqual(self.send(name).sent[0][3], [b"caf\xe9"])

    def changes(self, *lines: str, json: bool = False) -> tuple[Any, str]:
        """The results of sending the changes of a file with these lines, and the output."""
        path = self.file("\n".join(lines).encode("utf-8", "surrogateescape"))
        words = ["--master", "h:1", "--changes", path, *(["--json"] if json else [])]
        out = io.StringIO()
        self.patch(sys, "stdout", out)
        sent = sendchange.send(options(SendChangeOptions, words))
        return sent, out.getvalue()

    def test_changes(self) -> None:
        """F10: several changes come from a file, one a line, and each is reported as sent."""
        sent, out = self.changes(
            '{"who": "a", "files": ["x"], "comments": "c", "branch": "b", "revision": "1"}',
            "",
            '{"who": "b", "files": ["caf\\udce9"], "comments": ""}',
        )
        self.assertIsNone(self.successResultOf(sent))
        self.assertEqual(out, "change 1: sent\nchange 2: sent\n")
        first = {"who": "a", "files": ["x"], "comments": "c", "branch": "b", "revision": "1"}
        second = {"who": "b", "files": [b"caf\xe9"], "comments": ""}
        self.assertEqual(FakeSender.made[-1].sent[0], (first, second))

    def test_changeRefused(self) -> None:
        """F10: the result of each change is printed as JSON, and the command fails if one failed."""
        line = '{"who": "a", "files": [], "comments": "%s"}'
        sent, out = self.changes(line % "poison", line % "c", json=True)
        self.assertEqual(
            [json.loads(each) for each in out.splitlines()],
            [{"change": 1, "sent": False, "why": "no good"}, {"change": 2, "sent": True, "why": None}],
        )
        self.assertIn(
            "the master refuses 1 of 2 changes", str(self.failureResultOf(sent, CommandFailed).value)
        )

    def test_badChanges(self) -> None:
        """F10: a line that is not a change is named, and nothing is sent."""
        for line, reason in (
            ("{", "line 1: Expecting property name"),
            ("[]", "line 1: a change must be a JSON object"),
            ('{"who": "a"}', "line 1: a change needs files, comments"),
            ('{"who": "a", "files": [], "comments": "", "brunch": 1}', "line 1: a change cannot have brunch"),
            ('{"who": "a", "files": "a.c", "comments": ""}', "line 1: files must be a list of names"),
        ):
            sent, _ = self.changes(line)
            self.assertIn(reason, str(self.failureResultOf(sent, CommandFailed).value))
            self.assertFalse(any(hasattr(each, "sent") for each in FakeSender.made))

    def test_badMaster(self) -> None:
        """An invalid address is reported as a wrong argument."""
        self.patch(sendchange, "Sender", Sender)
        sent = sendchange.send(options(SendChangeOptions, [*NEEDED, "--master", "127.0.0.1"]))
        why = self.failureResultOf(sent, CommandFailed).value
        self.assertEqual((str(why), why.status), ("--master: must be HOST:PORT, not '127.0.0.1'", 2))


class OptionsTests(unittest.TestCase):
    """Wrong arguments, before anything is sent."""

    def test_refused(self) -> None:
        """Missing, repeated and wrong arguments have status 2."""
        for words, reason in (
            ((), "--master=HOST:PORT and --username"),
            (("--master", "h:1"), "--master=HOST:PORT and --username"),
            ((*NEEDED, "--auth=a:b", "--auth-file=x"), "give only one"),
            ((*NEEDED, "-m", "a", "-F", "x"), "give only one"),
            ((*NEEDED, "-r", "1", "-n", "1"), "give only one"),
            ((*NEEDED, "--logfile=-", "--auth-file=-"), "standard input"),
            ((*NEEDED, "-n", "one"), "--revision_number must be a whole number, not 'one'"),
            (("--changes=x",), "--master=HOST:PORT is needed"),
            ((*NEEDED, "--changes=x"), "the file of --changes describes the changes: leave out --username"),
            (
                ("--master=h:1", "--changes=x", "a.c"),
                "the file of --changes describes the changes: leave out a.c",
            ),
            (("--master=h:1", "--changes=-", "--auth-file=-"), "standard input"),
            (("--url=http://h/", "a.c"), "--username is needed"),
            (("--url=http://h/", *NEEDED), "--master is for a PBChangeSource"),
            (("--url=http://h/", "-u", "me", "--auth=a:b"), "--auth is for a PBChangeSource"),
            (("--url=http://h/", "-u", "me", "--auth-file=x"), "--auth-file is for a PBChangeSource"),
            ((*NEEDED, "--token=x"), "--token belongs to --url"),
            (("--url=http://h/", "--changes=x", "-u", "me"), "leave out --username"),
        ):
            said = command("sendchange", *words)
            self.assertEqual(said.status, 2)
            self.assertIn(reason, said.err)

    def test_masterOf08(self) -> None:
        """Whoever gives the master as -m, as in 0.8, is told the option that it has here."""
        for address in ("localhost:9989", "ci.example.org:9989", "[::1]:9989"):
            said = command("sendchange", "-m", address, "-W", "me", "-c", "Fix the leak", "a.c")
            self.assertEqual(said.status, 2)
            self.assertIn(f"-m is --comments, and -c is --category: give --master={address}", said.err)
        for comments in ("Fix the leak", "fix: 12", "parser:12 is wrong", "fix:123456"):
            said = command("sendchange", "-m", comments, "-W", "me", "a.c")
            self.assertEqual(said.status, 2)
            self.assertNotIn("-m is", said.err)


class ToURLTests(unittest.TestCase):
    """Changes that are sent to the web server of a master."""

    URL = "https://ci.example.org/"

    def setUp(self) -> None:
        self.asked: list[Any] = []
        self.failures: list[Exception | None] = []
        self.patch(remote, "request", self._request)
        self.patch(os, "environ", {**os.environ, "BUILDBOT_TOKEN": "bbt_1"})

    def _request(self, url: str, token: str, command: str, params: Any, patience: float) -> Any:
        self.asked.append((url, token, command, json.loads(json.dumps(params)), patience))
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return {"change": len(self.asked)}

    def run_(self, *words: str) -> Any:
        """The outcome of the command."""
        return command("sendchange", "--url", self.URL, *words)

    def test_sent(self) -> None:
        """A change has what the options say, and the number that the master gave it is printed."""
        said = self.run_(
            "-u", "me", "-m", "größer", "-n", "12", "-b", "x", "--project", "p", "-t", "5", "a.c"
        )
        self.assertEqual((said.status, said.out, said.err), (0, "change 1 sent successfully\n", ""))
        change = {"who": "me", "files": ["a.c"], "comments": "größer", "revision": 12, "branch": "x"}
        self.assertEqual(self.asked, [(self.URL, "bbt_1", "sendchange", {**change, "project": "p"}, 5.0)])
        self.assertEqual(self.run_("-q", "-u", "me", "a.c").out, "")

    def test_notSent(self) -> None:
        """Status 1 with the reason; a change that may have been taken is told so."""
        for failure, words in (
            (ControlError("cannot reach it"), "cannot reach it\n"),
            (NoAnswer("too slow"), "too slow; it may still take the change\n"),
            (remote.NeverTaken("The body is wrong"), "The body is wrong\n"),
        ):
            self.failures = [failure]
            said = self.run_("-u", "me", "a.c")
            self.assertEqual((said.status, said.out, said.err), (1, "", words))

    def test_notUTF8(self) -> None:
        """A name that is no UTF-8 is refused before anything is sent."""
        said = self.run_("-u", "me", "a\udcff.c")
        self.assertEqual(said.status, 1)
        self.assertIn("only text in UTF-8 can be sent", said.err)
        self.assertEqual(self.asked, [])

    def test_tooLarge(self) -> None:
        """A change that the master would never read is refused before it is sent, with the reason."""
        path = self.mktemp()
        with open(path, "w") as stream:
            stream.write("x" * 5_000_000)
        said = self.run_("-u", "me", "--logfile", path, "a.c")
        self.assertEqual((said.status, self.asked), (1, []))
        self.assertIn("the change has more than 4194304 bytes", said.err)

    def test_listed(self) -> None:
        """The changes of a file are sent one after the other. One that is never taken does not stop them."""
        path = self.mktemp()
        with open(path, "w") as stream:
            for number in range(3):
                print(json.dumps({"who": "a", "files": [], "comments": str(number)}), file=stream)
        said = self.run_("--changes", path)
        self.assertEqual((said.status, said.out), (0, "change 1: sent\nchange 2: sent\nchange 3: sent\n"))
        self.failures = [None, remote.NeverTaken("no good")]
        said = self.run_("--json", "--changes", path)
        told = [json.loads(line) for line in said.out.splitlines()]
        self.assertEqual(
            [(each["sent"], each["why"]) for each in told[1:]], [(False, "no good"), (True, None)]
        )
        self.assertEqual((said.status, said.err.count("1 of 3 changes")), (1, 1))
        self.asked, self.failures = [], [None, ControlError("cannot reach it")]
        said = self.run_("--changes", path)
        self.assertEqual((said.status, said.out, said.err), (1, "change 1: sent\n", "cannot reach it\n"))
        self.assertEqual(len(self.asked), 2)


class RunTests(unittest.TestCase):
    """The whole command, with a fake reactor."""

    def run_(self, result: object) -> Any:
        """Run the command with this result; None: a signal stopped the reactor."""
        calls: list[Any] = []

        class Reactor:
            def callWhenRunning(self, call: Any) -> None:
                calls.append(call)

            def run(self) -> None:
                for call in calls:
                    call()

            def stop(self) -> None:
                pass

        def send(config: object) -> Deferred[None]:
            sent: Deferred[None] = Deferred()
            if isinstance(result, LookupError):
                raise result
            if isinstance(result, Exception):
                sent.errback(result)
            elif result is not None:
                sent.callback(None)
            return sent

        from twisted import internet

        self.patch(internet, "reactor", Reactor())
        self.patch(sendchange, "send", send)
        return command("sendchange", *NEEDED, "a.c")

    def test_sent(self) -> None:
        """Status 0, and a line, when the master has the change."""
        said = self.run_("sent")
        self.assertEqual((said.status, said.out, said.err), (0, "change sent successfully\n", ""))

    def test_notSent(self) -> None:
        """Status 1, with the reason, if it has not; the hook of 0.7.5 never noticed."""
        said = self.run_(SendFailed("h:1 did not answer within 60 s"))
        self.assertEqual((said.status, said.out, said.err), (1, "", "h:1 did not answer within 60 s\n"))

    def test_usage(self) -> None:
        """Status 2 for wrong arguments."""
        said = self.run_(CommandFailed("--master: no", status=2))
        self.assertEqual((said.status, said.err), (2, "--master: no\n"))

    def test_broken(self) -> None:
        """F12: any error ends the command with a line: a push must not wait for ever for its hook."""
        said = self.run_(KeyError("a fault of ours"))
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertEqual(
            said.err,
            "buildbot: internal error: KeyError: 'a fault of ours'\n"
            "This is a bug in buildbot. `buildbot --verbose sendchange …` shows where it is.\n",
        )

    def test_interrupted(self) -> None:
        """Status 130 after an interrupt."""
        said = self.run_(None)
        self.assertEqual((said.status, said.err), (130, "interrupted\n"))

"""The lines of a server are read."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.irc.heard import Heard, heard


class HeardTests(unittest.SynchronousTestCase):
    """Good lines, odd lines, and lines that nobody reads."""

    def test_read(self) -> None:
        """A line has an author, a command and parameters; some servers tell the account of the author."""
        self.assertEqual(
            heard(b"@time=1;account=ann :a!b@c PRIVMSG #dev :builder: hello"),
            Heard("ann", "a!b@c", "PRIVMSG", ["#dev", "builder: hello"]),
        )
        answer = heard(b":srv 433 * builder :taken")
        assert answer is not None
        self.assertEqual((answer.command, answer.name), ("433", "ERR_NICKNAMEINUSE"))

    def test_noComment(self) -> None:
        """A line may lack its comment."""
        for line, parameters in (
            (b":a!b@c QUIT", [""]),
            (b":a!b@c KICK #dev builder", ["#dev", "builder", ""]),
        ):
            said = heard(line)
            assert said is not None
            self.assertEqual(said.parameters, parameters)

    def test_tagOfClient(self) -> None:
        """No client can say which account it has."""
        said = heard(b"@+account=ann;xaccount=ann :a!b@c PRIVMSG builder :hello")
        assert said is not None
        self.assertEqual(said.account, "")

    def test_leftOut(self) -> None:
        """Lines with too few parameters, empty ones, and lines that nobody reads are left out."""
        for line in (
            *(
                b"",
                b":",
                b"@",
                b"@a",
                b":x",
                b" ",
                b":s",
                b"PRIVMSG",
                b"PRIVMSG #dev",
                b":a!b@c NOTICE builder :",
            ),
            *(b":a!b@c KICK #dev", b"CAP", b"CAP *", b":s 433", b":s 332 builder #dev", b"PING"),
            *(b":s MODE #dev +o x", b":s 005 builder PREFIX=(ov", b":s 372 builder :hello"),
        ):
            self.assertIsNone(heard(line), line)

"""Passwords from files and from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.config.secrets import LARGEST, passwordFromEnv, passwordFromFile

CANARY = "canary-in-a-coal-mine"
TEXT = """from buildbot.config.secrets import passwordFromEnv, passwordFromFile
c = BuildmasterConfig = {'builders': [], 'slavePortnum': 9989}
c['bots'] = [
    ('b1', %s),
]
"""


class SecretsTests(unittest.TestCase):
    """A configuration without passwords in it."""

    def setUp(self) -> None:
        self.basedir = Path(self.mktemp()).resolve()
        self.basedir.mkdir()

    def write(self, data: bytes, mode: int = 0o600) -> str:
        """Write a password file in the master's directory; return its name."""
        path = self.basedir / "b1.password"
        path.write_bytes(data)
        path.chmod(mode)
        return path.name

    def load(self, expression: str, more: str = "") -> MasterConfig:
        """The configuration with this as the password of b1."""
        return load(TEXT % expression + more, "master.cfg", str(self.basedir))

    def refused(self, expression: str, more: str = "") -> str:
        """The errors of that configuration."""
        with self.assertRaises(ConfigErrors) as caught:
            self.load(expression, more)
        return str(caught.exception)

    def test_file(self) -> None:
        """A bot's password can be in a file beside master.cfg; the line end is removed (S2)."""
        for data in (b"p\xc3\xa4ss word", b"p\xc3\xa4ss word\n", b"p\xc3\xa4ss word\r\n"):
            self.write(data)
            config = self.load("passwordFromFile('b1.password')")
            self.assertEqual((config.slaves["b1"].password, config.warnings), ("päss word", ()))

    def test_onlyOneLineEnd(self) -> None:
        """Line ends of every system after the password are removed, and nothing else."""
        for written in (b" pw \n", b" pw \r\n", b" pw \n\n", b" pw "):
            self.write(written)
            self.assertEqual(self.load("passwordFromFile('b1.password')").slaves["b1"].password, " pw ")

    def test_severalLines(self) -> None:
        """F14: a file or variable with more than one line is not accepted as a password."""
        self.write(b"one\ntwo\n")
        error = self.assertRaises(ConfigErrors, self.load, "passwordFromFile('b1.password')")
        self.assertIn("b1.password: this has more than one line", str(error))
        self.patch(os, "environ", {"F14": "one\ntwo"})
        error = self.assertRaises(ConfigErrors, self.load, "passwordFromEnv('F14')")
        self.assertIn("F14, which is to hold a password, has several lines", str(error))
        self.assertNotIn("two", str(error))

    def test_long(self) -> None:
        """A password may be long."""
        self.write(b"x" * LARGEST)
        self.assertEqual(len(self.load("passwordFromFile('b1.password')").slaves["b1"].password), LARGEST)

    def test_absolute(self) -> None:
        """The file may be anywhere."""
        self.write(b"pw")
        expression = f"passwordFromFile({str(self.basedir / 'b1.password')!r})"
        self.assertEqual(self.load(expression).slaves["b1"].password, "pw")

    def test_readableByOthers(self) -> None:
        """A password file that others can read causes a warning, with the command that closes it (S2)."""
        for mode, who in ((0o640, "group"), (0o604, "everybody"), (0o644, "everybody")):
            name = self.write(b"pw", mode)
            [warning] = self.load(f"passwordFromFile({name!r})").warnings
            self.assertEqual((warning.filename, warning.line), ("master.cfg", 4))
            self.assertIn(who, warning.message)
            self.assertIn(f"chmod 600 {self.basedir / name}", warning.message)

    def test_unusable(self) -> None:
        """A missing, empty or odd password file is an error with the line and the reason."""
        (self.basedir / "folder").mkdir()
        os.mkfifo(self.basedir / "pipe")
        self.assertEqual(
            self.refused("passwordFromFile('gone')"),
            "master.cfg:4: password file gone: No such file or directory",
        )
        for name, words in (
            ("folder", "directory"),
            ("pipe", "not a plain file"),
            ("a\0b", "no file can have"),
        ):
            self.assertIn(words, self.refused(f"passwordFromFile({name!r})"))
        for data, words in (
            (b"", "empty"),
            (b"\n", "empty"),
            (b"\xff\xfe", "not UTF-8"),
            (b"x" * (LARGEST + 1), "longer than"),
        ):
            self.write(data)
            self.assertIn(words, self.refused("passwordFromFile('b1.password')"))

    def test_allAtOnce(self) -> None:
        """Two missing passwords and another error are reported together."""
        told = self.refused(
            "passwordFromFile('gone')", "c['bots'].append(('b2', passwordFromEnv('X Y')))\n1 / 0\n"
        )
        self.assertEqual(
            [line.split(": ")[0] for line in told.splitlines()], [f"master.cfg:{n}" for n in (4, 6, 7)]
        )

    def test_environment(self) -> None:
        """A bot's password can be in the environment; an unset or empty variable is an error."""
        self.patch(os, "environ", {"BUILDBOT_B1": "pw", "BUILDBOT_B2": ""})
        self.assertEqual(self.load("passwordFromEnv('BUILDBOT_B1')").slaves["b1"].password, "pw")
        self.assertIn(
            "BUILDBOT_B2, which is to hold a password, is empty",
            self.refused("passwordFromEnv('BUILDBOT_B2')"),
        )
        self.assertIn("is not set", self.refused("passwordFromEnv('BUILDBOT_B3')"))

    def test_neverTold(self) -> None:
        """A password from a helper is in no error and no warning, however it is misused (S2)."""
        name = self.write(CANARY.encode(), 0o644)
        give = f"passwordFromFile({name!r})"
        config = self.load(give, f"c[{give}] = 1\n")
        self.assertEqual(len(config.warnings), 3)
        told = [str(config.warnings), repr(config)]
        told += [self.refused(give, f"raise ValueError({give} + '!')\n"), self.refused(f"({give},)")]
        told += [self.refused(give, f"c['builders'] = [{{'name': {give}}}]\n")]
        self.assertNotIn(CANARY, " ".join(told))
        self.assertIn("ValueError: ********!", told[2])

    def test_shortPassword(self) -> None:
        """A short password is removed from messages as a word, a long one wherever it occurs."""
        self.write(b"is")
        give = "passwordFromFile('b1.password')"
        self.assertIn(
            "ValueError: this ********!", self.refused(give, f"raise ValueError('this ' + {give} + '!')\n")
        )
        self.write(b"longer-one")
        self.assertIn("ValueError: x********y", self.refused(give, f"raise ValueError('x' + {give} + 'y')\n"))

    def credentials(self, **given: bytes) -> None:
        """Hand these credentials to the master, as systemd does."""
        directory = self.basedir / "credentials"
        directory.mkdir(0o700)
        for name, data in given.items():
            (directory / name).write_bytes(data)
            (directory / name).chmod(0o440)
        self.patch(os, "environ", {**os.environ, "CREDENTIALS_DIRECTORY": str(directory)})

    def test_credential(self) -> None:
        """A password that systemd hands over is read, without a warning about the group of its access list,
        and is in no message.
        """
        self.credentials(b1=CANARY.encode() + b"\n")
        give = "secrets.passwordFromCredential('b1')"
        imports = "from buildbot.config import secrets\n"
        text = imports + TEXT % give
        config = load(text, "master.cfg", str(self.basedir))
        self.assertEqual((config.slaves["b1"].password, config.warnings), (CANARY, ()))
        self.assertEqual(config.secrets, frozenset((CANARY,)))
        error = self.assertRaises(
            ConfigErrors, load, f"{text}raise ValueError({give})\n", "master.cfg", str(self.basedir)
        )
        self.assertNotIn(CANARY, str(error))
        (self.basedir / "credentials").chmod(0o755)
        [warning] = load(text, "master.cfg", str(self.basedir)).warnings
        self.assertIn("can be read by", warning.message)

    def test_noCredential(self) -> None:
        """A missing credential is an error that names those that are there, and the line for the unit."""
        give = "__import__('buildbot.config.secrets').config.secrets.passwordFromCredential({!r})"
        self.patch(os, "environ", {})
        self.assertIn("LoadCredential=bot:PATH", self.refused(give.format("bot")))
        self.credentials(bots=b"pw", empty=b"")
        self.assertIn("there are bots, empty); did you mean 'bots'?", self.refused(give.format("bot")))
        self.assertIn("credential empty: this is empty", self.refused(give.format("empty")))
        for name in ("", "..", "../bots", "/etc/passwd", "a\0b"):
            self.assertIn("text without a slash", self.refused(give.format(name)))

    def test_outside(self) -> None:
        """Outside of a configuration, the helpers raise the error."""
        self.write(b"pw")
        self.assertEqual(passwordFromFile(str(self.basedir / "b1.password")), "pw")
        self.assertRaises(ConfigErrors, passwordFromFile, str(self.basedir / "gone"))
        self.patch(os, "environ", {"A": "b"})
        self.assertEqual(passwordFromEnv("A"), "b")
        self.assertRaises(ConfigErrors, passwordFromEnv, "B")

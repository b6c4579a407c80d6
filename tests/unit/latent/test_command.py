"""CommandLatentBuildSlave: its arguments, and what the store has of it. tests.processes runs its commands."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial import unittest

from buildbot.buildslave import CommandLatentBuildSlave
from buildbot.config.arguments import BadArguments
from buildbot.latent.command import LONGEST_ID, fromMeans, idOf


def made(**more: Any) -> CommandLatentBuildSlave:
    """A slave with the required arguments."""
    return CommandLatentBuildSlave(
        **{"name": "a", "password": "p", "start_command": ["go"], "stop_command": ["halt"], **more}
    )


class CommandTests(unittest.SynchronousTestCase):
    """A slave that commands start and stop."""

    def test_wrong(self) -> None:
        """A command is a list of texts; others have their kinds, and no message shows a password."""
        wrongs: list[dict[str, Any]] = [
            {"start_command": "go"},
            {"stop_command": []},
            {"check_command": [7]},
            {"password": ""},
            {"env": {"A": 7}},
            {"start_timeout": 0},
            {"masterFQDN": ""},
        ]
        for wrong in wrongs:
            with self.assertRaises(BadArguments, msg=wrong) as caught:
                made(**wrong)
            self.assertIn(next(iter(wrong)), str(caught.exception))
        with self.assertRaises(BadArguments) as caught:
            made(password=["s3cret"], env=[("A", "s3cret")])
        self.assertNotIn("s3cret", str(caught.exception))

    def test_newPasswords(self) -> None:
        """Without a password the master makes one each time, and nobody can know the one in c['bots']."""
        slave = made(password=None)
        self.assertTrue(slave.makesPassword)
        self.assertGreater(len(slave.asBot()[1]), 40)
        self.assertEqual(slave, made(password=None))
        self.assertFalse(made().makesPassword)

    def test_means(self) -> None:
        """The store has all that is needed to stop an instance whose slave has left the file."""
        slave = made(check_command=["look"], env={"ZONE": "x"}, stop_timeout=9.0, retry_wait=7.0)
        kept = fromMeans("a", json.loads(json.dumps(slave.means())))
        self.assertEqual(kept.means(), slave.means())
        self.assertEqual((kept.stop_command, kept.env, kept.stop_timeout), (["halt"], {"ZONE": "x"}, 9.0))

    def test_id(self) -> None:
        """The id of an instance is the last line that is not empty, up to a limit."""
        self.assertEqual(idOf(b"pulling\n i-17 \n\n"), "i-17")
        self.assertEqual(idOf(b""), "")
        self.assertEqual(idOf(b"\xff" * 5000), "�" * LONGEST_ID)

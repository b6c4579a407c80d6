# -*- test-case-name: tests.daemons.test_manhole -*-
"""OpenSSH's client logs in to the manhole of a real master."""

from __future__ import annotations

import os
import shutil
import subprocess

from twisted.internet import threads
from twisted.trial.unittest import SkipTest

from tests.integration.masters import MasterTestCase
from tests.ports import freePort

MANHOLE = """
from buildbot.manhole import AuthorizedKeysManhole
c['manhole'] = AuthorizedKeysManhole('tcp:{port}:interface=127.0.0.1', {keys!r})
"""


class SSHTests(MasterTestCase):
    """A master with an AuthorizedKeysManhole."""

    async def test_ssh(self) -> None:
        """The owner of a listed key gets a prompt; another key is refused; a restart keeps the host key."""
        ssh = shutil.which("ssh")
        if ssh is None:
            raise SkipTest("needs OpenSSH's client (Debian: openssh-client)")
        port = freePort()
        hosts, mine, other = (os.path.join(self.directory, name) for name in ("hosts", "mine", "other"))
        for each in (mine, other):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", each], check=True)
        os.chmod(f"{mine}.pub", 0o600)
        master = await self.startMaster(after=MANHOLE.format(port=port, keys=f"{mine}.pub"))

        def login(key: str, checking: str) -> tuple[int, str]:
            options = [
                f"StrictHostKeyChecking={checking}",
                f"UserKnownHostsFile={hosts}",
                "IdentitiesOnly=yes",
            ]
            words = [each for option in (*options, "BatchMode=yes") for each in ("-o", option)]
            done = subprocess.run(
                [ssh, "-F", "none", "-tt", *words, "-i", key, "-p", str(port), "ann@127.0.0.1"],
                input=b"print(6 * 7, sorted(master.botmaster.slaves))\n\x04",
                capture_output=True,
                timeout=180,
            )
            return done.returncode, done.stdout.decode()

        _, said = await threads.deferToThread(login, mine, "accept-new")
        self.assertIn("\n42 []", said)
        self.assertEqual((await threads.deferToThread(login, other, "yes"))[0], 255)
        audited = await master.run("audit", master.basedir)
        self.assertIn("openManhole", audited.stdout)
        await master.stop()
        await master.start()
        self.assertIn("\n42 []", (await threads.deferToThread(login, mine, "yes"))[1])
        self.assertNoTracebacks(master)

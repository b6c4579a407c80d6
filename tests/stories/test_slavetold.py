"""What a slave tells about itself, for the steps of its builds."""

from __future__ import annotations

from typing import Any

from tests.stories.test_choosing import ChoosingCase
from tests.stories.test_force import LONG

STEPS = """
from buildbot.process.properties import Interpolate, WithProperties, renderer
from buildbot.steps.transfer import FileUpload
c['schedulers'] = [ForceScheduler('form', ['full', 'docs'])]

@renderer
def address(props):
    return props.getBuild().build_status.master.status.getBuildbotURL()

class Listing(ShellCommand):
    def start(self):
        self.setCommand(['ls', self.build.path_module.join('dist', 'lists')])
        ShellCommand.start(self)

c['buildbotURL'] = 'http://builds/'
f = c['builders'][0]['factory'] = BuildFactory()
f.addStep(ShellCommand(
    command=['mkdir', Interpolate('%(prop:workdir)s/tmp'), WithProperties('%(builddir)s')]))
f.addStep(Listing(name='list'))
f.addStep(ShellCommand(name='tell', command=['tell', address]))
"""


class DirectoryTests(ChoosingCase):
    """The directory of a slave."""

    config = STEPS

    def sent(self, more: str = "", **told: Any) -> list[list[bytes]]:
        """The commands that a slave gets that tells this."""
        if more:
            self.write(LONG + STEPS + more)
            self.assertTrue(self.reconfig()["applied"])
        bot = self.connect(info={key.encode(): value for key, value in told.items()})
        self.wanted("1")
        commands = []
        while bot.commands:
            commands.append(bot.commands[0].args[b"command"])
            self.end(bot)
        return commands

    def test_told(self) -> None:
        """builddir and workdir are the absolute path of the builder's directory on the slave, as in 0.8."""
        made, listed, address = self.sent(basedir=b"/srv/slave", system=b"posix")
        self.assertEqual(made, [b"mkdir", b"/srv/slave/full/tmp", b"/srv/slave/full"])
        self.assertEqual(listed, [b"ls", b"dist/lists"])
        self.assertEqual(address, [b"tell", b"http://builds/"])
        [build] = self.successResultOf(self.store.getBuilds("full"))
        self.assertEqual((build.properties or {})["builddir"], "/srv/slave/full")
        self.assertEqual(build.sourceOf("builddir"), "slave")

    def test_windows(self) -> None:
        """On Windows, the paths are those of Windows."""
        made, listed, _ = self.sent(basedir=b"C:\\slave", system=b"nt")
        self.assertEqual(made[2], b"C:\\slave\\full")
        self.assertEqual(listed, [b"ls", b"dist\\lists"])

    def test_notTold(self) -> None:
        """If the slave tells no directory, a build lacks these properties, and a step with them fails."""
        self.assertEqual(self.sent(), [])

    def test_own(self) -> None:
        """Properties of the configuration with these names stay as they are."""
        made, *_ = self.sent("c['builders'][0]['properties'] = {'builddir': '/mine'}", basedir=b"/srv/slave")
        self.assertEqual(made, [b"mkdir", b"/srv/slave/full/tmp", b"/mine"])

    def test_onTheMaster(self) -> None:
        """A slave cannot choose a path on the master with its directory."""
        self.sent(
            "f.steps[:] = []\nf.addStep(FileUpload('x', WithProperties('up/%(builddir)s')))",
            basedir=b"../../etc",
        )
        [build] = self.successResultOf(self.store.getBuilds("full"))
        self.assertIn("exception", str(build.text))

"""A poller of a site's own, written for 0.8, keeps its place over a restart."""

from __future__ import annotations

from tests.stories.changes import ChangeCase

POLLER = """
from buildbot.changes.base import PollingChangeSource
from buildbot.util import epoch2datetime
from buildbot.util.state import StateMixin
from twisted.internet import defer
from twisted.python import log

class ReleasePoller(PollingChangeSource, StateMixin):
    compare_attrs = ('path', 'pollInterval')

    def __init__(self, path, pollInterval=20):
        PollingChangeSource.__init__(self, name=path, pollInterval=pollInterval, pollAtLaunch=True)
        self.path = path
        self.lastRev = 0

    def startService(self):
        import os
        self.path = os.path.join(self.master.basedir, self.path)
        d = self.getState('lastRev', 0)
        def setLastRev(rev):
            self.lastRev = rev
        d.addCallback(setLastRev)
        d.addCallback(lambda _: PollingChangeSource.startService(self))
        d.addErrback(log.err, 'while starting the poller')
        return d

    def describe(self):
        return 'releases in ' + self.path + ('' if self.master else ' [STOPPED - check log]')

    @defer.inlineCallbacks
    def poll(self):
        with open(self.path) as f:
            revisions = [int(line) for line in f]
        for rev in revisions:
            if rev > self.lastRev:
                yield self.master.addChange(author='ann', revision=str(rev), files=['a.c'],
                    comments='release', when_timestamp=epoch2datetime(rev), branch=None, category=None,
                    project='', repository='', src='git')
                self.lastRev = rev
        yield self.setState('lastRev', self.lastRev)

c = BuildmasterConfig = {}
"""


class OwnPollerStory(ChangeCase):
    """The file of releases has one number in each line."""

    def setUp(self) -> None:
        super().setUp()
        self.edit("c = BuildmasterConfig = {}", POLLER)
        self.edit("[PBChangeSource(passwd='canary-1')]", "[ReleasePoller('releases')]")
        self.edit("Scheduler('quick', None, 60, ['full'])", "Scheduler('quick', None, None, ['full'])")

    def release(self, *numbers: int) -> None:
        """Write all releases so far."""
        with open(f"{self.basedir}/releases", "w", encoding="ascii") as file:
            file.writelines(f"{number}\n" for number in numbers)

    def revisions(self) -> list[str]:
        """What was built."""
        changes = [each for build in self.builds() for each in build.sourcestamp["changes"]]
        return [each["revision"] for each in changes]

    def test_restarts(self) -> None:
        """Each release is built once, also when the master is restarted or reconfigured in between."""
        self.release(1, 2)
        self.begin()
        self.wait(5)
        self.assertEqual(self.revisions(), ["1", "2"])
        self.release(1, 2, 3)
        self.wait(20)
        self.stop()
        self.slaves = []
        self.release(1, 2, 3, 4)
        self.begin()
        self.wait(5)
        self.assertEqual(self.revisions(), ["1", "2", "3", "4"])
        self.edit("('releases')", "('releases', 15)")
        self.assertTrue(self.reconfig()["applied"])
        self.release(1, 2, 3, 4, 5)
        self.wait(20)
        self.assertEqual(self.revisions(), ["1", "2", "3", "4", "5"])

    def test_status(self) -> None:
        """The status describes the running poller in its own words."""
        self.release()
        self.begin()
        self.wait(1)
        (told,) = [each["source"] for each in self.status()["master"]["pollers"]]
        self.assertEqual(told, f"releases in {self.basedir}/releases")

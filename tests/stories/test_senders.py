"""What all senders of messages tell after a reconfig: the same as a master that was started anew."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any
from weakref import ref

from twisted.internet.defer import Deferred, succeed

from buildbot.outgoing.sender import Sender
from tests.garbage import setOthersAside
from tests.schedulers import TestStore
from tests.stories.changes import CONFIG, ChangeCase

#: One sender of each kind. A reconfig that changes only builders replaces none of them.
SENDERS = """
from buildbot.status.chat import SlackStatus
from buildbot.status.github import GitHubStatus
from buildbot.status.gitlab import GitLabStatus
from buildbot.status.mail import MailNotifier
from buildbot.status.status_gerrit import GerritStatusPush, defaultReviewCB
from buildbot.status.tinderbox import TinderboxMailNotifier
from buildbot.status.webhook import Webhook
who = dict(categories=['told'])
c['status'] = [
    MailNotifier('ci@example.com', relayhost='mail', extraRecipients=['team@example.com'], **who),
    MailNotifier('ci@example.com', relayhost='sets', extraRecipients=['a@b.cd'], buildSetSummary=True, **who),
    TinderboxMailNotifier('ci@example.com', 'tree', ['tinder@example.com'], relayhost='tinderbox', **who),
    Webhook('https://hooks.example/x', events=['build.started', 'build.finished'], **who),
    GitHubStatus('t0ken', 'acme', 'ship', sha='a' * 40, **who),
    GitLabStatus('t0ken', 'acme/ship', sha='a' * 40, **who),
    SlackStatus('https://slack.example/x', mode='all', **who),
    GerritStatusPush('builds.example', 'ci', reviewCB=defaultReviewCB, **who),
    GerritStatusPush('sets.example', 'ci', **who),
]
"""
#: How many of them tell a build when it ends.
ALL = 9
FULL = "{'name': 'full', 'slavename'"
WITH_CATEGORY = "{'name': 'full', 'category': 'told', 'slavename'"
WITH_TAG = "{'name': 'full', 'tags': ['more', 'told'], 'slavename'"
GERRIT = {"event.change.id": "I7", "event.change.number": "12", "event.patchSet.number": "3"}


class SendersStory(ChangeCase):
    """A master with senders of all kinds, and one builder that builds each change.

    @ivar told: the sender, and the kind of each message.
    """

    def setUp(self) -> None:
        super().setUp()
        self.told: list[tuple[str, str]] = []

        def add(
            sender: Sender, id: str, message: Mapping[str, Any], subject: str, group: str = ""
        ) -> Deferred[None]:
            kind = id.split(".")[0] if sender.name.startswith("GitHub") else ""
            self.told.append((sender.name, kind))
            return succeed(None)

        self.patch(Sender, "add", add)
        self.write(CONFIG.replace(", Dependent('package', quick, ['package'])", "") + SENDERS)

    def build(self) -> list[tuple[str, str]]:
        """Build a change; return what is told, in the order of the senders."""
        self.told.clear()
        self.send(properties=GERRIT)
        self.wait(70)
        self.assertEqual(self.builds()[-1].results, 0)
        return sorted(self.told)

    def change(self, old: str, new: str) -> None:
        """Edit master.cfg, and reconfigure."""
        self.edit(old, new)
        self.assertTrue(self.reconfig()["applied"])
        self.wait(5)

    def fresh(self) -> list[tuple[str, str]]:
        """What a master without a past tells of a build, with the same master.cfg."""
        self.kill()
        self.store = TestStore()
        self.begin()
        return self.build()

    def same(self) -> list[tuple[str, str]]:
        """What is told of a build; a master without a past must tell the same."""
        told = self.build()
        self.assertEqual(told, self.fresh())
        return told

    def senders(self, told: list[tuple[str, str]]) -> int:
        """The number of senders that tell something."""
        return len({name for name, _ in told})

    def test_categoryComes(self) -> None:
        """A builder that gets a category in a reconfig is told by those who follow this category."""
        self.begin()
        self.assertEqual(self.build(), [])
        self.change(FULL, WITH_CATEGORY)
        self.assertEqual(self.senders(self.same()), ALL)

    def test_tagComes(self) -> None:
        """The same is true for a tag."""
        self.begin()
        self.assertEqual(self.build(), [])
        self.change(FULL, WITH_TAG)
        self.assertEqual(self.senders(self.same()), ALL)

    def test_categoryGoes(self) -> None:
        """A builder that loses its category is not told any more."""
        self.edit(FULL, WITH_CATEGORY)
        self.begin()
        self.assertEqual(self.senders(self.build()), ALL)
        self.change(WITH_CATEGORY, FULL)
        self.assertEqual(self.same(), [])

    def test_categoryComesAgain(self) -> None:
        """A category that goes and comes again makes no message double."""
        self.edit(FULL, WITH_CATEGORY)
        self.begin()
        self.change(WITH_CATEGORY, FULL)
        self.change(FULL, WITH_TAG)
        self.assertEqual(self.senders(self.same()), ALL)

    def test_builderComesAgain(self) -> None:
        """A builder that is removed and added again, now with the category, is told."""
        self.begin()
        line = next(each for each in CONFIG.splitlines() if FULL in each)
        self.edit("['full']", "['package']")
        self.change(line, "")
        self.edit("['package']", "['full']")
        self.change("c['builders'] = [", "c['builders'] = [\n" + line.replace(FULL, WITH_CATEGORY))
        self.assertEqual(self.senders(self.same()), ALL)

    def test_duringABuild(self) -> None:
        """A category that comes during a build tells its end, as a build that began after a restart."""
        self.begin()
        self.slaves[-1].onCommand = lambda command: self.held.append(command)
        self.held: list[Any] = []
        self.send(properties=GERRIT)
        self.wait(70)
        self.change(FULL, WITH_CATEGORY)
        self.assertEqual(self.told, [])
        self.held[0].end(0)
        self.wait(5)
        self.assertEqual(self.senders(self.told), ALL)
        self.assertNotIn("pending", [kind for _, kind in self.told])

    def test_choiceChanges(self) -> None:
        """Other builders= of the senders count from the reconfig on, in both directions."""
        self.begin()
        self.change("categories=['told']", "builders=['full']")
        self.assertEqual(self.senders(self.build()), ALL)
        self.change("builders=['full']", "builders=['package']")
        self.assertEqual(self.build(), [])
        self.change("builders=['package']", "builders=['package', 'full']")
        self.assertEqual(self.senders(self.same()), ALL)

    def test_gone(self) -> None:
        """Senders that are taken out tell nothing more, and no builder remembers them."""
        self.edit(FULL, WITH_CATEGORY)
        self.begin()
        self.change("c['status'] = [", "unused = [")
        self.assertEqual(self.build(), [])

    def test_ownClass(self) -> None:
        """A class of one's own that tells builds in its own way hears of its builders only, also of 0.7.5."""
        self.add("from buildbot.status.mail import MailNotifier as Base")
        self.add("class Own(Base):")
        for method in ("buildStarted", "buildFinished", "builderChangedState"):
            self.add(f"    def {method}(self, name, *news): self.heard.append('{method} ' + name)")
        self.edit(
            "c['status'] = [",
            "Own.heard = []\nc['status'] = [Own('a@b.cd', builders=['package'])]\nunused = [",
        )
        self.begin()
        own: Any = self.master.config.status[0]
        self.build()
        self.assertEqual(set(own.heard), {"builderChangedState package"})

    def test_forgotten(self) -> None:
        """A reconfig that replaces the senders keeps none of the old ones in memory."""
        setOthersAside(self)
        self.begin()
        self.build()
        old = [ref(each) for each in self.master.config.status]
        self.change("'told'", "'told', 'more'")
        self.change("'more'", "'less'")
        gc.collect()
        self.assertEqual([each() for each in old], [None] * len(old))

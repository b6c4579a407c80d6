"""The pollers of a configuration, with the arguments that files of 0.7 and 0.8 give them."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors

HEAD = """\
from buildbot.changes.bonsaipoller import BonsaiPoller
from buildbot.changes.gitpoller import GitPoller
from buildbot.changes.hgpoller import HgPoller
from buildbot.changes.p4poller import P4Source, get_simple_split
from buildbot.changes.svnpoller import SVNPoller, split_file_branches
from buildbot.plugins import changes, util
c = BuildmasterConfig = {'slaves': [], 'slavePortnum': 9989, 'schedulers': [], 'builders': []}
c['change_source'] = []
"""
NEXT = HEAD.count("\n") + 1

GOOD = """\
GitPoller(repourl='u', workdir='w', branch='b', pollinterval=60, category='c', usetimestamps=False)
GitPoller('u', branches=['refs/heads/a', 'b'], gitbin='g', encoding='latin-1', fetch_refspec=None)
changes.GitPoller('u', branches=lambda ref: True, pollAtLaunch=True)
HgPoller('u', 'default', 'w', 60, 'hg', True, 'c', 'p', None, 'utf-8', True)
HgPoller(repourl='u', branch='default', workdir='w', pollinterval=60)
changes.HgPoller('u', branches=['a', 'b'], revlink=lambda branch, revision: '')
SVNPoller('u', split_file_branches, 'user', 'password', 60, 100, '/usr/bin/svn')
SVNPoller(svnurl='u', pollinterval=60, histmax=10, split_file=util.svn.split_file_projects_branches)
changes.SVNPoller('u', revlinktmpl='http://x/%s', cachepath='f', project='p', pollAtLaunch=True)
P4Source('p:1', 'user', 'password', '//depot/x/', 'p4', get_simple_split, 60, 100)
P4Source(p4base='//depot/', pollinterval=60, histmax=10, server_tz='Europe/Berlin', encoding='cp437')
changes.P4Source(p4passwd='x', use_tickets=True, ticket_login_interval=60, name='n', project='p')
BonsaiPoller('http://x', 'all', 'HEAD', 'tree', '/cvsroot', 60)
changes.BonsaiPoller(bonsaiURL='http://x', module='all', branch='HEAD', project='p', pollAtLaunch=True)
"""

#: A poller -> its error.
WRONG = {
    "HgPoller()": "HgPoller lacks its argument repourl",
    "HgPoller('u', branch='a', branches=['b'])": "HgPoller takes branch or branches, not both",
    "HgPoller('u', branches=False)": "branches must be True for all branches, or a list, not False",
    "HgPoller('u', branches='a')": "branches must be a list of branches, True for all, or a function",
    "HgPoller('u', revlink='x')": "revlink must be a function of a branch and a revision, or None",
    "HgPoller('u', pollInterval='60')": "pollInterval must be a number of seconds above 0, not the text '60'",
    "P4Source(use_tickets=True)": "P4Source: use_tickets needs p4passwd, to log in",
    "P4Source(encoding='klingon')": "encoding must be the name of an encoding (text), such as 'utf-8'",
    "P4Source(p4passwd=7)": "p4passwd must be text, and not empty, or None",
    "P4Source(split_file='x')": "split_file must be a function of a path",
    "GitPoller('u', encoding='klingon')": "encoding must be the name of an encoding (text)",
    "BonsaiPoller('http://x', 'all')": "BonsaiPoller lacks its argument branch",
    "SVNPoller('u', histmax=0)": "histmax must be a whole number, at least 1",
    "GitPoller('u', fetch_refspec='x')": "fetch_refspec must be None: only branches are watched",
}


class PollersTests(unittest.SynchronousTestCase):
    """Every poller, as files have it."""

    def test_describes(self) -> None:
        """A GitPoller of the site may describe itself with the revisions that it has seen."""
        own = (
            "class Own(GitPoller):\n"
            "    def describe(self):\n"
            "        return f'{self.repourl} every {self.pollInterval}: {self.lastRev}'\n"
            "c['change_source'].append(Own('u', branches=['b'], pollinterval=60))\n"
        )
        (source,) = load(HEAD + own, "master.cfg", "/nonexistent").sources
        self.assertEqual(source.describe(), "u every 60: {}")  # type: ignore[attr-defined]

    def test_good(self) -> None:
        """Each of these pollers is taken."""
        lines = "".join(f"c['change_source'].append({line})\n" for line in GOOD.splitlines())
        config = load(HEAD + lines, "master.cfg", os.getcwd())
        self.assertEqual(len(config.sources), len(GOOD.splitlines()))

    def test_wrong(self) -> None:
        """Each of these pollers has one error, with its line; no error shows a password."""
        lines = "".join(f"c['change_source'].append({line})\n" for line in WRONG)
        errors = self.assertRaises(ConfigErrors, load, HEAD + lines, "master.cfg", os.getcwd()).errors
        self.assertEqual(sorted(each.line or 0 for each in errors), [*range(NEXT, NEXT + len(WRONG))])
        for error, wanted in zip(
            sorted(errors, key=lambda each: each.line or 0), WRONG.values(), strict=True
        ):
            self.assertIn(wanted, error.message)

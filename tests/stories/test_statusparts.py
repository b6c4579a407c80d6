"""The web parts of public configurations: the migration and the loader take their arguments and plug-ins.

Each text is ours; it has the arguments and calls of a public file, and the name of its site if that is known.
"""

from __future__ import annotations

import os
import warnings

from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.migrate import migrate
from buildbot.web.service import WebStatus

BEGIN = """
import os
from buildbot.buildslave import BuildSlave
from buildbot.process.factory import BuildFactory
from buildbot.status import html
from buildbot.status.web import auth, authz, baseweb
from buildbot.status.web.base import HtmlResource
c = BuildmasterConfig = {}
c['slaves'] = [BuildSlave('bot1', 'sekrit')]
c['slavePortnum'] = 9989
c['builders'] = [dict(name='full', slavename='bot1', builddir='b', factory=BuildFactory(), category='x')]
c['schedulers'] = []
c['status'] = []
people = auth.BasicAuth([('ann', 'pw')])
"""
#: Names of sites or of what is special -> the lines in Python 2.
PARTS = {
    "WebKit": """
web = html.WebStatus(http_port=8010)
c['status'] = [web]
""",
    "Mozilla": """
from buildbot.status.html import WebStatus
where = {'http_port': 8010, 'hostname': 'x'}
c['status'].append(WebStatus(http_port=where['http_port'], allowForce=True))
c['buildbotURL'] = 'http://%(hostname)s:%(http_port)i/' % where
""",
    "PyPy": """
from twisted.web import server
from twisted.web.server import Site
class Logged(Site):
    def __init__(self, *a, **kw):
        Site.__init__(self, logPath='h.log', *a, **kw)
from buildbot.status.html import WebStatus
status = WebStatus(8010, allowForce=True)
c['status'] = [status]
""",
    "Clementine": """
c['status'] = [html.WebStatus(http_port='tcp:8010', authz=authz.Authz(forceBuild=True,
    stopBuild=True, cancelPendingBuild=True, cancelAllPendingBuilds=True, stopChange=True))]
""",
    "Athena": """
rights = authz.Authz(auth = people, default_action = 'auth')
c['status'] = [html.WebStatus(authz = rights, http_port = 8010)]
""",
    "Kitware": r"""
open('passwords', 'w').write('ann:{SHA}x\n')
def webOf(secrets):
    rights = authz.Authz(auth=auth.HTPasswdAprAuth(os.path.abspath('passwords')),
        gracefulShutdown='auth', forceBuild='auth', forceAllBuilds='auth', pingBuilder='auth',
        stopBuild='auth', stopAllBuilds='auth', cancelPendingBuild='auth')
    return [html.WebStatus(http_port=secrets['port'], authz=rights,
        change_hook_dialects={'github': True})]
c['status'] += webOf({'port': 8010})
""",
    "a file of passwords that may be missing": """
try:
    who = auth.HTPasswdAuth('no-such-file')
except AssertionError:
    print 'no passwords'
    who = None
c['status'].append(html.WebStatus(http_port=8000, authz=authz.Authz(**{'forceBuild': True,
        'auth': who})))
""",
    "Buildbot itself": r"""
c['status'].append(html.WebStatus(http_port=8010, allowForce=False, order_console_by_time=True,
    revlink='https://git.example/%s',
    changecommentlink=(r'\b#(\d+)\b', r'https://bugs.example/\1', r'Ticket \g<0>')))
""",
    "all rights": """
rights = authz.Authz(auth=people, gracefulShutdown='auth', forceBuild='auth',
        forceAllBuilds='auth', pingBuilder='auth', stopBuild='auth', stopAllBuilds='auth',
        cancelPendingBuild='auth', cancelAllPendingBuilds='auth', stopChange='auth',
        cleanShutdown='auth', pauseSlave='auth', showUsersPage='auth')
c['status'].append(html.WebStatus(http_port='tcp:8010:interface=127.0.0.1', authz=rights,
    order_console_by_time=True))
""",
    "images of the state": r"""
class Image(HtmlResource):
    contentType = 'image/svg+xml'
    def getChild(self, name, request):
        return self
    def content(self, request, ctx):
        return '<svg/>'
class Ours(html.WebStatus):
    def setupUsualPages(self, numbuilds, num_events, num_events_max):
        html.WebStatus.setupUsualPages(self, numbuilds, num_events, num_events_max)
        self.putChild('image', Image())
open('hook.passwd', 'w').write('u:p\n')
c['status'].append(Ours(http_port=8010, authz=authz.Authz(auth=people, forceBuild='auth'),
    change_hook_auth=['file:hook.passwd'], change_hook_dialects={'github': {}}))
""",
    "pages of one project": """
class Filtered(html.WebStatus):
    def __init__(self, categories=None, *args, **kw):
        self.categories = categories
        html.WebStatus.__init__(self, *args, **kw)
def linkOf(sha, repo):
    return 'https://git.example/%s/%s' % (repo, sha)
c['status'].append(Filtered(['x'], http_port=8010, revlink=linkOf,
        change_hook_dialects={'github': True}))
""",
    "Erebot": r"""
class Anybody(auth.AuthBase):
    def authenticate(self, user, passwd):
        return True
parts = ['Core', 'API']
c['status'].append(baseweb.WebStatus(http_port=8010, authz=authz.Authz(auth=Anybody(),
        forceBuild='auth'),
    revlink=dict(zip(parts, ['https://git.example/%s/%%s' % p for p in parts])),
    changecommentlink=dict(zip(parts, [(r'#(\d+)', 'https://b.example/\\1',
        r'Issue \g<0>') for p in parts])),
    projects=dict((p, 'https://w.example/' + p) for p in parts),
    repositories=dict((p, 'https://r.example/' + p) for p in parts)))
""",
    "gdb": """
class Plain(html.WebStatus):
    def __init__(self, http_port=None, authz=None, **kwargs):
        html.WebStatus.__init__(self, http_port=http_port, authz=authz, **kwargs)
    def setupSite(self):
        html.WebStatus.setupSite(self)
        self.site.resource.defaultType = r'text/plain'
c['status'].append(Plain(http_port=8010, authz=authz.Authz(forceBuild=True)))
""",
    "links to revisions": r"""
from buildbot import revlinks
c['revlink'] = revlinks.RevlinkMatch([r'git://x/(.*)'], r'https://x/\1/commit/%s')
c['status'].append(html.WebStatus(http_port=8010, change_hook_dialects={'github': True}))
""",
    "Chromium": """
from buildbot.status.web.console import ConsoleStatusResource
web = html.WebStatus(http_port=8010, allowForce=None, authz=authz.Authz(forceBuild=True),
    num_events_max=3000, public_html='../public_html', provide_feeds=[])
web.putChild('horizontal_one_box_per_builder', ConsoleStatusResource())
c['status'].append(web)
""",
    "Positronic": """
rights = authz.Authz(view=True, auth=auth.UsersAuth(), useHttpHeader=True,
    httpLoginUrl='/login', default_action='auth')
c['status'].append(html.WebStatus('tcp:8010:interface=127.0.0.1', authz=rights, logRotateLength=1000,
    maxRotatedFiles=3))
""",
    "a port as text": """
from ConfigParser import ConfigParser
allow = False
c['status'].append(html.WebStatus(http_port='8010', allowForce=allow))
""",
    "arguments by name": """
import os.path
kwargs = {'favicon': None, 'categories': ['x']}
c['status'].append(html.Waterfall(http_port=8010, **kwargs))
""",
    "webhook_status.py of 0.8": """
from buildbot import status
class Sender(status.base.StatusReceiverMultiService):
    def __init__(self, url):
        status.base.StatusReceiverMultiService.__init__(self)
c['status'] = [html.WebStatus(8010), Sender('http://x/')]
""",
}


class PartsTests(unittest.SynchronousTestCase):
    """People move their configuration here."""

    def test_parts(self) -> None:
        """Each file loads after the migration, and has its web server."""
        here = os.path.abspath(self.mktemp())
        os.mkdir(here)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(here)  # as the process that checks a configuration
        wrong = {}
        for site, text in PARTS.items():
            converted = migrate((BEGIN + text + "\n").encode()).after
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = load(converted, "master.cfg", here).status
            except Exception as error:
                wrong[site] = str(error)
            else:
                if not any(isinstance(each, WebStatus) for each in found):
                    wrong[site] = repr(found)
        self.assertEqual(wrong, {})

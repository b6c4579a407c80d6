"""Two own pages as people have written them for 0.7.12 and for 0.8, in Python 2."""

from __future__ import annotations

MASTER = """
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
from buildbot.status import html
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit'), ('bot<2>', 'sekrit')]
c['slavePortnum'] = 9989
c['projectName'] = 'Fish'
f = BuildFactory()
f.addStep(ShellCommand, name='test', command=['make', 'test'])
c['builders'] = [
    {'name': name, 'slavenames': ['bot1'], 'builddir': 'b%d' % number, 'factory': f}
    for number, name in enumerate(['full', 'my <builder>'])
]
"""

#: The last builds of each builder, for 0.7.12.
SUMMARY = (
    MASTER
    + """
import urllib
from twisted.web import html as webhtml
from buildbot.status.builder import SUCCESS, Results
from buildbot.status.web.base import HtmlResource, Box, ICurrentBox, build_get_class, map_branches
from buildbot.status.web.base import path_to_build, path_to_builder

class Summary(HtmlResource):
    title = "Summary"
    addSlash = True

    def __init__(self, count=5):
        HtmlResource.__init__(self)
        self.count = count

    def head(self, request):
        return '<link href="%ssummary.css" rel="stylesheet" type="text/css" />' % self.path_to_root(request)

    def getTitle(self, request):
        return "Summary of %s" % self.getStatus(request).getProjectName()

    def getChild(self, path, request):
        if self.getStatus(request).getBuilderNames().count(path):
            return OneBuilder(path)
        return HtmlResource.getChild(self, path, request)

    def body(self, request):
        status = self.getStatus(request)
        names = request.args.get("builder", status.getBuilderNames())
        branches = [b for b in request.args.get("branch", []) if b]
        data = "<table>\\n"
        counts = {}
        for name in names:
            builder = status.getBuilder(name)
            data += '<tr><td class="box"><a href="%s">%s</a></td>' % (
                path_to_builder(request, builder), webhtml.escape(name))
            data += ICurrentBox(builder).getBox(status).td(align="center")
            builds = list(builder.generateFinishedBuilds(map_branches(branches), num_builds=self.count))
            if not builds:
                data += '<td class="LastBuild box">no build</td>'
            for b in builds:
                start, end = b.getTimes()
                label = '<a href="%s">#%d</a> %ds' % (path_to_build(request, b), b.getNumber(), end - start)
                box = Box([label] + b.getText(), class_="LastBuild box %s" % build_get_class(b))
                data += box.td(align="center")
                if counts.has_key(b.getResults()):
                    counts[b.getResults()] += 1
                else:
                    counts[b.getResults()] = 1
            data += "</tr>\\n"
        data += "</table>\\n"
        rows = counts.items()
        rows.sort()
        for result, count in rows:
            data += "<p>%s: %d</p>" % (Results[result], count)
        print >>None or open(os.devnull, "w"), "made", urllib.quote("a b")
        return data

class OneBuilder(HtmlResource):
    def __init__(self, name):
        HtmlResource.__init__(self)
        self.name = name
    def getTitle(self, request):
        return "Builder %s" % self.name
    def body(self, request):
        last = self.getStatus(request).getBuilder(self.name).getLastFinishedBuild()
        if last is None:
            return "<p>nothing</p>"
        steps = ["%s: %s" % (s.getName(), webhtml.escape(" ".join(s.getText()))) for s in last.getSteps()]
        return "<p>%s</p>" % ", ".join(steps)

import os
ws = html.WebStatus(http_port=8010, allowForce=True)
ws.putChild("summary", Summary(3))
c['status'] = [ws]
"""
)

#: The slaves, for 0.8.
SLAVES = (
    MASTER
    + """
import time
from twisted.internet import defer
from twisted.python import log
from buildbot.status.web import baseweb
from buildbot.status.web.base import HtmlResource, path_to_slave, path_to_root
from buildbot.status.web.waterfall import WaterfallStatusResource
from buildbot.status.web.authz import Authz
from buildbot.status.web.auth import BasicAuth

class SlaveTable(HtmlResource):
    pageTitle = "Slaves & hosts"

    @defer.inlineCallbacks
    def content(self, request, cxt):
        s = self.getStatus(request)
        wanted = request.args.get('only', [''])[0]
        rows = []
        for name in sorted(s.getSlaveNames()):
            slave = s.getSlave(name)
            if wanted == 'connected' and not slave.isConnected():
                continue
            used = [b for b in s.getBuilderNames() if slave in s.getBuilder(b).getSlaves()]
            rows.append((name, path_to_slave(request, slave), slave.isConnected(), len(used)))
        pending = 0
        for b in s.getBuilderNames():
            statuses = yield s.getBuilder(b).getPendingBuildRequestStatuses()
            pending += len(statuses)
        out = u"<table><tr><th>Slave</th><th>State</th></tr>"
        for name, url, connected, used in rows:
            out += "<tr><td><a href='%s'>%s</a></td><td>%s, %d builders</td></tr>" % (
                url, name.replace("<", "&lt;"), connected and "connected" or "offline", used)
        out += "</table><p>%(title)s, version %(version)s</p>" % cxt
        out += "<p>waiting: %d, force: %s</p>" % (
            pending, cxt['authz'].advertiseAction('forceBuild', request))
        log.msg("table made")
        request.setHeader('x-table', 'yes')
        defer.returnValue(out)

class OurStatus(baseweb.WebStatus):
    head_elements = ['<meta name="fish" content="red">']

    def setupUsualPages(self, numbuilds, num_events, num_events_max):
        baseweb.WebStatus.setupUsualPages(self, numbuilds, num_events, num_events_max)
        self.putChild("slavetable", SlaveTable())
        self.putChild("full-waterfall", WaterfallStatusResource(categories=['none']))

authz = Authz(auth=BasicAuth([("ann", "pw")]), forceBuild='auth')
c['status'] = [OurStatus(8010, authz=authz)]
"""
)


#: The failed tests of the last revisions, with the imports and calls of PyPy's page
#: (pypy/buildbot, bot2/pypybuildbot/summary.py; 0.8).
REVISIONS = (
    MASTER
    + """
import time, urlparse, urllib
from buildbot.status.web.base import HtmlResource
from buildbot.status.builder import FAILURE, EXCEPTION
from buildbot.status.html import WebStatus

N = 5

def withoutHost(url):
    parts = urlparse.urlsplit(url)
    return urlparse.urlunsplit(('', '') + parts[2:])

def propertyOf(thing, name, default=None):
    try:
        return thing.getProperty(name)
    except KeyError:
        return default

class Failures(object):
    def __init__(self):
        self.lines = {}
        self.seconds = 0

    def gather(self, status, builderName, number):
        build = status.getBuilder(builderName).getBuild(number)
        for step in build.getSteps():
            logs = dict((log.getName(), log) for log in step.getLogs())
            begun, ended = step.getTimes()
            if begun is not None and ended is not None:
                self.seconds += ended - begun
            if logs.has_key('stdio') and logs['stdio'].hasContents():
                for line in logs['stdio'].readlines():
                    if line[0] == 'F':
                        self.lines.setdefault(line[2:].rstrip(), []).append((builderName, number))
            if step.getResults()[0] in (FAILURE, EXCEPTION):
                self.lines.setdefault(' '.join(step.getText()), []).append((builderName, number))

class Detail(HtmlResource):
    def getTitle(self, request):
        return "%s #%s" % (request.args.get('builder', [''])[0], request.args.get('build', ['?'])[-1])

    def body(self, request):
        found = Failures()
        found.gather(self.getStatus(request), request.args['builder'][0], int(request.args['build'][0]))
        names = found.lines.keys()
        names.sort()
        return u"<pre>%s</pre>" % u"\\n".join(map(unicode, names))

class Revisions(HtmlResource):
    def __init__(self, categories=[]):
        HtmlResource.__init__(self)
        self.putChild('detail', Detail())
        self.categories = categories

    def getTitle(self, request):
        return "%s: last %d revisions" % (self.getStatus(request).getTitle(), N)

    def _stepsOf(self, status, builderName):
        factory = status.botmaster.builders[builderName].config.factory
        return [arguments.get('name') for step, arguments in factory.steps]

    def _key(self, (category, branch)):
        for i, prefix in enumerate(self.categories):
            if category.startswith(prefix):
                return (i, category, branch)
        return (len(self.categories), category, branch)

    def body(self, request):
        status = self.getStatus(request)
        found = {}
        for name in status.getBuilderNames(request.args.get('category', None)):
            builder = status.getBuilder(name)
            for build in builder.generateFinishedBuilds(num_builds=5*N):
                start, _ = build.getTimes()
                if start > time.time():
                    continue
                branch = propertyOf(build, 'branch') or '<trunk>'
                revision = propertyOf(build, 'got_revision', 'none')
                runs = found.setdefault((builder.category or '-', branch), {})
                runs.setdefault(revision, {})[name] = build
        out = u""
        for key in sorted(found.iterkeys(), key=self._key):
            out += u"<h2>%s %s</h2>" % (key[0], key[1].replace("<", "&lt;"))
            for revision, builds in found[key].iteritems():
                for name, build in sorted(builds.items()):
                    page = "/revisions/detail?" + urllib.urlencode(
                        {'builder': name, 'build': build.getNumber()})
                    out += u'<p>%s: <a href="%s">%s</a> (<a href="%s">failures</a>) of %s</p>' % (
                        revision, withoutHost(status.getURLForThing(build)), build.getBuilder().getName(),
                        page.replace("&", "&amp;"), ", ".join(self._stepsOf(status, name)))
        return out

status = WebStatus(8010, allowForce=True)
status.putChild('revisions', Revisions(['linux']))
c['status'] = [status]
c['buildbotURL'] = 'http://ci.example/'
"""
)

#: A site whose pages are all its own, with the imports and calls of GNOME's
#: (GNOME/jhbuild, jhbuild/buildbot/status/web; 0.7.12).
MODULES = (
    MASTER
    + """
import os
from twisted.web import server, static, resource
from twisted.web.util import Redirect
from buildbot.status.web.base import HtmlResource, ITopBox, build_get_class, path_to_build, map_branches
from buildbot import interfaces, util
from buildbot.status.builder import SUCCESS, WARNINGS, FAILURE, EXCEPTION
from buildbot.status.web.baseweb import WebStatus
from buildbot.status.web.waterfall import WaterfallStatusResource

def content(self, request):
    data = request.site.buildbot_service.template
    data = data.replace('@TITLE@', self.getTitle(request))
    return data.replace('@BODY@', self.body(request))
HtmlResource.content = content

class Home(HtmlResource):
    def getTitle(self, request):
        return self.getStatus(request).getProjectName()

    def body(self, request):
        parent = request.site.buildbot_service
        status = self.getStatus(request)
        out = '<table class="Modules">'
        for module in parent.modules:
            builder = status.getBuilder(module)
            state, builds = builder.getState()
            words = ITopBox(builder).getBox(request).text
            last = builder.getLastFinishedBuild()
            shown, class_ = 'never', ''
            if last:
                shown, class_ = ' '.join(words), build_get_class(last)
                for step in reversed(last.getSteps()):
                    if step.name.split()[-1] == 'test' and step.results == WARNINGS:
                        class_ = 'failedchecks'
            out += '<tr><td class="%s">%s</td><td>%s</td></tr>' % (class_, shown, state)
        return out + '</table>'

class Bots(HtmlResource):
    def getChild(self, path, req):
        if path == '':
            return Redirect('..')
        if path in req.site.buildbot_service.slaves:
            return Bot(path, req)
        return HtmlResource.getChild(self, path, req)

class Bot(HtmlResource):
    def __init__(self, slavename, req):
        HtmlResource.__init__(self)
        self.slave = self.getStatus(req).botmaster.slaves[slavename]

    def getTitle(self, request):
        return 'Slave: %s' % self.slave.slavename

    def body(self, req):
        return '<dl><dt>Name</dt><dd>%s</dd></dl>' % self.slave.slavename

class ModuleStatus(WebStatus):
    def __init__(self, moduleset, modules, slaves, *args, **kwargs):
        WebStatus.__init__(self, *args, **kwargs)
        self.moduleset = moduleset
        self.modules = modules
        self.slaves = slaves
        self.putChild("", Home())
        for module in self.modules:
            self.putChild(module + "-falls", WaterfallStatusResource(categories=[module]))
        self.putChild('bots', Bots())

    def setupSite(self):
        WebStatus.setupSite(self)
        self.template = open(os.path.join(self.parent.basedir, "template.html")).read()

c['status'] = [ModuleStatus('fish', ['full'], ['bot1'], http_port=8010)]
"""
)

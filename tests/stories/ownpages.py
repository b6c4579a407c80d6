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

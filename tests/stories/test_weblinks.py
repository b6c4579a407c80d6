"""The pages link revisions, bugs, projects and repositories to other sites, as WebStatus of 0.8 does."""

from __future__ import annotations

from buildbot.changes.changes import Change
from tests.stories.web import WebWorld


class LinksTests(WebWorld):
    """A site with all four arguments."""

    STATUS = (
        "from buildbot.status import html\n"
        "links = dict(revlink={'git://r': 'http://view/%s'}, projects={'p': 'http://p/'})\n"
        "links.update(changecommentlink=(r'#(\\d+)', r'http://bugs/\\1'), repositories=lambda r: 'http://r/')\n"
        "c['status'] = [html.WebStatus(http_port=8010, **links)]"
    )

    def test_changes(self) -> None:
        """A change has links to its revision, the bugs in its comments, its project and its repository."""
        self.successResultOf(self.start())
        change = Change("ann", ["a.c"], "fix #7 <now>", revision="12ab", repository="git://r", project="p")
        self.successResultOf(self.master.addChange(change))
        for path in ("/changes", "/changes/1", "/revision/12ab"):
            self.assertIn('<a href="http://view/12ab">source</a>', self.ask(path).text)
        for page in (self.ask("/changes").text, self.ask("/changes/1").text):
            self.assertIn('fix <a href="http://bugs/7">#7</a> &lt;now&gt;', page)
        self.assertIn('<a href="http://p/">p</a>', page)
        self.assertIn('<a href="http://r/">git://r</a>', page)

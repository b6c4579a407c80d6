# -*- test-case-name: tests.unit.text.test_revlinks -*-
"""Functions from a revision and its repository to the address of a page about it: C{c['revlink']} of 0.8."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

#: A function of (revision, repository); None: it knows no page.
Revlink = Callable[[str, str], "str | None"]


class RevlinkMatch:
    """I know the pages of all repositories that match one of my regular expressions.

    @ivar revlink: the address. It has the groups of the expression as for C{re.sub}, and one C{%s} for the
        revision.
    """

    def __init__(self, repo_urls: str | Iterable[str], revlink: str) -> None:
        """@param repo_urls: a regular expression, or several."""
        urls = [repo_urls] if isinstance(repo_urls, str) else repo_urls
        self.repo_urls = [re.compile(each) for each in urls]
        self.revlink = revlink

    def __call__(self, rev: str, repo: str) -> str | None:
        """The address; None if no expression matches the repository."""
        for expression in self.repo_urls:
            match = expression.match(repo)
            if match:
                return match.expand(self.revlink) % rev
        return None


class GitwebMatch(RevlinkMatch):
    """I know the pages of a gitweb. The expressions have a group C{repo}."""

    def __init__(self, repo_urls: str | Iterable[str], revlink: str) -> None:
        """@param revlink: the address of the gitweb."""
        RevlinkMatch.__init__(self, repo_urls, revlink + r"?p=\g<repo>;a=commit;h=%s")


class RevlinkMultiplexer:
    """I ask several functions in their order."""

    def __init__(self, *revlinks: Revlink) -> None:
        self.revlinks = revlinks

    def __call__(self, rev: str, repo: str) -> str | None:
        """The first address; None if there is none."""
        return next((found for each in self.revlinks if (found := each(rev, repo))), None)


#: All ways to write the address of a repository on a host.
_ANY = r"(?:https?://|git://|ssh://)?(?:[^@/]*@)?"
GithubRevlink = RevlinkMatch(
    _ANY + r"github\.com[:/]([^/]+)/([^/]+?)(?:\.git)?/?$", r"https://github.com/\1/\2/commit/%s"
)
SourceforgeGitRevlink = GitwebMatch(
    _ANY + r"([^./]+)\.git\.sourceforge\.net(?:/|:)gitroot/(?P<repo>.+)$",
    r"http://\1.git.sourceforge.net/git/gitweb.cgi",
)
SourceforgeGitRevlink_AlluraPlatform = RevlinkMatch(
    _ANY + r"git\.code\.sf\.net/p/(?P<repo>.+)$", r"https://sourceforge.net/p/\1/ci/%s/"
)
#: The known pages without C{c['revlink']}.
default_revlink_matcher = RevlinkMultiplexer(
    GithubRevlink, SourceforgeGitRevlink, SourceforgeGitRevlink_AlluraPlatform
)

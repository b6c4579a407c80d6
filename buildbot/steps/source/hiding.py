# -*- test-case-name: tests.unit.steps.source.test_hiding -*-
"""Hide passwords in text: in URLs, in commands, and in the output of programs that repeat them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from urllib.parse import quote, unquote

#: The replacement of a secret.
HIDDEN = "XXXXXX"
#: Shorter secrets are not searched for in output: they would be found everywhere.
SHORTEST = 3
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<login>[^/\s'\"]+)@")
#: A scheme whose user name alone is no secret.
_KEYED = ("ssh", "svn+ssh", "bzr+ssh", "sftp", "git+ssh", "ssh+git")


def secretsOf(url: str) -> list[str]:
    """The secrets in a URL: its password, or a token in the place of the user."""
    found = []
    for match in _LOGIN.finditer(url):
        user, colon, password = match["login"].partition(":")
        if colon:
            found.append(password)
            if password in ("", "x-oauth-basic"):
                found.append(user)
        elif match["scheme"][:-3].lower() not in _KEYED:
            found.append(user)
    # pserver of CVS: ":pserver:user:password@host:/path"
    found += re.findall(r"^:\w+(?:;[^:]*)?:[^:@/]*:([^@/]+)@", url)
    return [each for each in found if each]


def isSecret(text: str) -> bool:
    """True if a URL has secrets."""
    return bool(secretsOf(text))


class Hiding:
    """I replace secrets in text that comes in pieces."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for each in secrets if len(each) >= SHORTEST for form in _forms(each)}
        self._forms = sorted(forms, key=len, reverse=True)
        self._longest = max(map(len, self._forms), default=0)
        self._pattern = re.compile("|".join(map(re.escape, self._forms))) if self._forms else None

    def hide(self, text: str) -> str:
        """The text without secrets."""
        return self._pattern.sub(HIDDEN, text) if self._pattern is not None else text

    def split(self, text: str) -> tuple[str, str]:
        """The text without secrets, in two parts. The second part may be the beginning of a secret."""
        if self._pattern is None:
            return text, ""
        text = self.hide(text)
        for start in range(max(0, len(text) - self._longest + 1), len(text)):
            end = text[start:]
            if any(form.startswith(end) for form in self._forms):
                return text[:start], end
        return text, ""


def _forms(secret: str) -> set[str]:
    """A secret as programs print it: as it is, in a URL, quoted for a shell, and as Python shows it."""
    plain = {secret, unquote(secret)}
    found = set(plain)
    for each in plain:
        found |= {quote(each), quote(each, safe=""), shlex.quote(each)}
        # 0.7 and 0.8 print the list of arguments
        found |= {repr(each)[1:-1], repr(each.encode("utf-8", "surrogateescape"))[2:-1]}
    return {each for each in found if len(each) >= SHORTEST}

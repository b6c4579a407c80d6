# -*- test-case-name: tests.unit.web.hooks.test_options -*-
"""Check C{change_hook_dialects} of a WebStatus: the dialects of 0.8, and their options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from buildbot.config.arguments import Kind
from buildbot.config.kinds import isText, takes
from buildbot.config.messages import articled, listing, nearest
from buildbot.web.hooks.delivery import HookOptions
from buildbot.web.hooks.githubhandler import GitHubEventHandler

#: Other names for dialects: one more forge, and the names of later releases of Buildbot.
ALIASES = {"forgejo": "gitea", "bitbucketcloud": "bitbucket", "bitbucketserver": "bitbucket"}
#: The dialects of 0.8 whose services are gone.
_GONE = {
    "gitorious": "Gitorious was closed in 2015: take the hook out, and use that of the new host",
    "googlecode": "Google Code was closed in 2016: take the hook out, and use that of the new host",
}
_OWN_CODE = (
    "a handler of one's own is not supported: use the dialect 'base', whose change you can send as JSON"
)

_COMMON = ("secret", "addresses")
_OF_PUSH = ("codebase", "tags")
#: The options of each dialect; L{buildbot.web.hooks.readers} reads its deliveries.
_KNOWN = {
    "base": (*_COMMON, "codebase", "get"),
    "bitbucket": (*_COMMON, *_OF_PUSH, "pullrequest_ref"),
    "gitea": (*_COMMON, *_OF_PUSH),
    "github": (*_COMMON, *_OF_PUSH, "strict", "sha1", "pullrequest_ref", "class"),
    "gitlab": (*_COMMON, *_OF_PUSH),
    "poller": (*_COMMON, "allowed", "get"),
}
_REFUSED = {
    "class": _OWN_CODE,
    "custom_class": _OWN_CODE,
    "skips": "not supported: filter the changes in a scheduler",
    "token": "not needed: the master does not ask GitHub for more",
}


@dataclass(frozen=True)
class Checked:
    """I am the outcome of the check.

    @ivar dialects: name in the URL -> options.
    @ivar errors: the faults, as sentences for the author of master.cfg. None shows a secret.
    @ivar doubts: probable mistakes, as such sentences.
    """

    dialects: Mapping[str, HookOptions]
    errors: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def checkedDialects(value: object, hasLogin: bool = False) -> Checked:
    """Check C{change_hook_dialects}.

    @param value: a dict of names and options: True, None or a dict; or None for no hooks.
    @param hasLogin: True if C{change_hook_auth} asks for a login before each hook.
    """
    if value is None:
        return Checked({})
    if not isinstance(value, Mapping):
        return Checked({}, (f"must be a dict of dialects and their options, not {articled(value)}",))
    dialects: dict[str, HookOptions] = {}
    errors: list[str] = []
    doubts: list[str] = []
    for name, options in value.items():
        if options is False:
            continue
        made = _dialect(name, options, errors)
        if made is not None:
            dialects[name] = made
            if not (made.secrets or made.addresses or hasLogin):
                doubts.append(
                    f"hook {name!r} has no secret, so it refuses every delivery: give it {{'secret': …}}, or"
                    " {'addresses': […]} for senders without one"
                )
    return Checked(dialects, tuple(errors), tuple(doubts))


def _dialect(name: object, options: object, errors: list[str]) -> HookOptions | None:
    if not isinstance(name, str):
        errors.append(f"the name of a dialect must be text, not {articled(name)}")
        return None
    known = ALIASES.get(name, name)
    if name in _GONE:
        errors.append(f"dialect {name!r}: {_GONE[name]}")
        return None
    if known not in _KNOWN:
        every = [*_KNOWN, *ALIASES]
        errors.append(
            f"there is no dialect {name!r}{nearest(name, every)}; the dialects are {listing(sorted(every))}"
        )
        return None
    given = {} if options is None or options is True else options
    if not isinstance(given, Mapping):
        errors.append(f"dialect {name!r}: the options must be a dict, not {articled(options)}")
        return None
    troubles = [f"dialect {name!r}: {each}" for each in _troubles(known, given)]
    errors += troubles
    return None if troubles else _made(known, given)


def _troubles(dialect: str, given: Mapping[Any, Any]) -> list[str]:
    found = []
    for key, value in given.items():
        if key in _REFUSED and key not in _KNOWN[dialect]:
            found.append(f"option {key!r}: {_REFUSED[key]}")
        elif key not in _KNOWN[dialect]:
            like = nearest(key, _KNOWN[dialect]) if isinstance(key, str) else ""
            found.append(f"there is no option {key!r}{like}; the options are {listing(_KNOWN[dialect])}")
        else:
            trouble = _KINDS[key].trouble(value)
            found += [f"option {key!r} {trouble}"] * (trouble is not None)
    if given.get("strict") is True and not given.get("secret"):
        found.append("option 'strict' needs the option 'secret'")
    return found


def _made(dialect: str, given: Mapping[str, Any]) -> HookOptions:
    allowed = given.get("allowed")
    return HookOptions(
        dialect,
        secrets=_several(given.get("secret")),
        addresses=tuple(ip_network(each, strict=False) for each in _several(given.get("addresses"))),
        codebase=given.get("codebase") or "",
        tags=bool(given.get("tags")),
        sha1=bool(given.get("sha1")),
        get=bool(given.get("get")),
        pullRef=given.get("pullrequest_ref") or "merge",
        allowed=None if allowed is None else tuple(allowed),
        handler=given.get("class"),
    )


def _several(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def _isTexts(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isText(each) and each for each in value)


def _isSecret(value: object) -> bool:
    return value is None or (isText(value) and value != "") or (_isTexts(value) and bool(value))


def _isNetworks(value: Any) -> bool:
    isTexts = value is None or isinstance(value, str) or _isTexts(value)
    return isTexts and all(_isNetwork(each) for each in _several(value))


def _isNetwork(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _isHandler(value: object) -> bool:
    return value is None or (_derives(value) and not _overridesProcess(value))


def _derives(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, GitHubEventHandler)


def _overridesProcess(value: object) -> bool:
    return hasattr(value, "process")


def _handlerDetail(value: object) -> str | None:
    if _derives(value):
        return "its process() would not be called: override handle_push() and the like"
    return "or use the dialect 'base', whose change you can send as JSON"


_FLAG = Kind("True or False", lambda value: value is None or isinstance(value, bool))
_KINDS: Mapping[str, Kind] = {
    "secret": Kind("text that is not empty, or a list of such texts", _isSecret, isSecret=True),
    "addresses": Kind(
        "a list of IP addresses or networks, as in ['192.0.2.7', '2001:db8::/32']", _isNetworks
    ),
    "codebase": Kind(
        "text, or a function of the body",
        lambda value: value is None or isText(value) or (callable(value) and takes(value, {})),
    ),
    "tags": _FLAG,
    "strict": _FLAG,
    "sha1": _FLAG,
    "get": _FLAG,
    "pullrequest_ref": Kind("'merge' or 'head'", lambda value: value in (None, "merge", "head")),
    "class": Kind(
        "a class that derives from buildbot.status.web.hooks.github.GitHubEventHandler",
        _isHandler,
        _handlerDetail,
    ),
    "allowed": Kind("a list of names of pollers", lambda value: value is None or _isTexts(value)),
}


def _detail(value: object) -> str | None:
    errors = checkedDialects(value).errors
    return "; ".join(errors) if isinstance(value, Mapping) else None


#: The kind of the argument C{change_hook_dialects}.
CHANGE_HOOK_DIALECTS = Kind(
    "a dict of dialects and their options",
    lambda value: not checkedDialects(value).errors,
    _detail,
    isSecret=True,
)

# -*- test-case-name: tests.unit.config.test_check -*-
"""The rules for the keys of BuildmasterConfig except bots and builders, and the L{MasterConfig} it makes.

Each rule is a small generator of errors. All rules run, so that an admin sees all errors at once. A rule
skips values that another rule reports. This module loads, opens and starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from buildbot.config.arguments import isMisconfigured
from buildbot.config.bots import RESERVED_NAMES, botDoubts, botErrors, names, propertiesTrouble, slaves
from buildbot.config.builders import (
    builderDoubts,
    builderErrors,
    builders,
    functionTrouble,
    mergeRule,
    mergeTrouble,
)
from buildbot.config.choices import choiceDoubts
from buildbot.config.codebases import codebaseDoubts
from buildbot.config.compare import sameValue
from buildbot.config.horizons import KEYS as HORIZONS
from buildbot.config.horizons import horizonDoubts, horizonErrors
from buildbot.config.later import KEYS as LATER_KEYS
from buildbot.config.messages import (
    Raw,
    Report,
    articled,
    asList,
    entries,
    inOneLine,
    isEncodable,
    listing,
    nearest,
    noText,
)
from buildbot.config.model import CUT, ConfigError, IsLogStorage, MasterConfig, MergeRule
from buildbot.config.optional import HasAccount, HasDoubts
from buildbot.config.pluginerrors import pluginErrors
from buildbot.config.ports import BadPort, address, describe, portsOf
from buildbot.config.standins import isStandIn
from buildbot.config.targets import nickDoubts, targetErrors
from buildbot.config.triggers import lockDoubts, triggerDoubts, triggerErrors
from buildbot.config.uncalled import overriddenInVain
from buildbot.config.weburl import urlDoubts
from buildbot.text.similar import closest

#: The keys that hold text.
TEXTS = (
    "projectName",
    "projectURL",
    "buildbotURL",
    "debugPassword",
)
#: All keys.
KEYS = (
    "bots",
    "sources",
    "schedulers",
    "builders",
    "slavePortnum",
    "manhole",
    "status",
    "logStorage",
    *TEXTS,
    "mergeRequests",
    "properties",
    "prioritizeBuilders",
    "revlink",
    "codebaseGenerator",
    "whenStoreIsAway",
    *HORIZONS,
)
#: The keys whose values become attributes of MasterConfig as they are.
_UNCHANGED = (
    "projectURL",
    "buildbotURL",
    "manhole",
    "logStorage",
    "prioritizeBuilders",
    "revlink",
    "codebaseGenerator",
    "whenStoreIsAway",
    *HORIZONS,
)
REQUIRED = ("bots", "builders", "slavePortnum")
#: Keys of later and earlier Buildbots -> the key or remedy in this release.
OTHER_KEYS = {
    "www": "web pages are an entry of the list c['status']",
    "services": "what reports on builds is an entry of the list c['status']",
    "db": "leave it out: this master looks after its own storage",
    "db_url": "leave it out: this master looks after its own storage",
    "multiMaster": "leave it out: there is one master",
    "buildbotNetUsageData": "leave it out: this master sends no usage data",
    "configurators": "leave it out, and write into c what they would",
    "mq": "leave it out: there is one master",
    "secretsProviders": "read each secret with passwordFromFile of buildbot.config.secrets",
    "user_managers": "leave it out: users are those who made the changes",
    "validation": "leave it out: the names of branches and revisions need no settings",
    "collapseRequests": "here it is c['mergeRequests']",
    **dict.fromkeys(
        ("logMaxSize", "logMaxTailSize"),
        "leave it out, or give this argument to steps: of a long log the head and the tail are kept",
    ),
    **dict.fromkeys(
        ("logCompressionLimit", "logCompressionMethod"), "leave it out: logs are stored as they are"
    ),
    **dict.fromkeys(
        ("buildCacheSize", "changeCacheSize", "caches"), "leave it out: nothing needs to be tuned"
    ),
    "interlocks": "use locks, which builders and steps take in their 'locks'",
}
Rule = Callable[[Raw, Report], Iterator[ConfigError]]


def errors(raw: Raw, report: Report) -> list[ConfigError]:
    """All errors in a configuration's dictionary, rule by rule."""
    found = [error for rule in (*_RULES, builderErrors) for error in rule(raw, report)]
    return list(dict.fromkeys(found))


def warnings(raw: Raw, report: Report) -> list[ConfigError]:
    """All warnings about a configuration's dictionary."""
    return [warning for rule in (*_DOUBTS, builderDoubts) for warning in rule(raw, report)]


def configuration(
    raw: Raw,
    warnings: tuple[ConfigError, ...] = (),
    modules: tuple[str, ...] = (),
    isLater: bool = False,
) -> MasterConfig:
    """Build the MasterConfig from a dictionary for which L{errors} is empty."""
    plain = {key: raw[key] for key in _UNCHANGED if key in raw}
    return MasterConfig(
        slaves={slave.name: slave for slave in slaves(raw)},
        builders={builder.name: builder for builder in builders(raw)},
        schedulers=tuple(entries(raw, "schedulers")),
        sources=tuple(entries(raw, "sources")),
        status=tuple(entries(raw, "status")),
        ports=tuple(describe(port) for port in portsOf(raw["slavePortnum"])),
        debugPassword=cast(Any, raw.get("debugPassword")) or None,
        projectName=str(raw.get("projectName") or ""),
        mergeRequests=mergeRule(raw) or MergeRule(True),
        properties=dict(cast(Any, raw.get("properties")) or {}),
        warnings=warnings,
        modules=modules,
        isLater=isLater,
        **plain,  # type: ignore[arg-type] # the rules have checked them
    )


# Keys.


def _required(raw: Raw, report: Report) -> Iterator[ConfigError]:
    for key in REQUIRED:
        if key not in raw:
            yield report(f"c[{key!r}] is missing: the file must define {key!r}")


def _lists(raw: Raw, report: Report) -> Iterator[ConfigError]:
    for key in ("bots", "builders", "schedulers", "sources", "status"):
        value = raw.get(key, [])
        if not isinstance(value, (list, tuple)):
            yield report(f"c[{key!r}] must be a list, not {articled(value)}{asList(value)}", key)


def _texts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    for key in TEXTS:
        value = raw.get(key)
        if value is not None and not isinstance(value, str):
            yield report(f"c[{key!r}] must be text, not {noText(value)}", key)
        elif value is not None and not isEncodable(value):
            yield report(f"c[{key!r}] has characters that UTF-8 does not know", key)


def _mergeRequests(raw: Raw, report: Report) -> Iterator[ConfigError]:
    trouble = mergeTrouble(raw)
    if trouble:
        yield report(f"c['mergeRequests'] {trouble}", "mergeRequests")


def _properties(raw: Raw, report: Report) -> Iterator[ConfigError]:
    trouble = propertiesTrouble(raw.get("properties") or {})
    if trouble:
        yield report(f"c['properties'] must be {trouble}", "properties")


def _prioritizeBuilders(raw: Raw, report: Report) -> Iterator[ConfigError]:
    rule = raw.get("prioritizeBuilders")
    trouble = rule is not None and functionTrouble(rule, "a function of (master, builders)", 2)
    if trouble:
        yield report(f"c['prioritizeBuilders'] {trouble}", "prioritizeBuilders")


def _revlink(raw: Raw, report: Report) -> Iterator[ConfigError]:
    link = raw.get("revlink")
    trouble = link is not None and functionTrouble(link, "a function of (revision, repository)", 2)
    if trouble:
        yield report(f"c['revlink'] {trouble}", "revlink")


def _codebaseGenerator(raw: Raw, report: Report) -> Iterator[ConfigError]:
    generator = raw.get("codebaseGenerator")
    wanted = "a function of a change's dictionary, which returns the name of its codebase"
    trouble = generator is not None and functionTrouble(generator, wanted, 1)
    if trouble:
        yield report(f"c['codebaseGenerator'] {trouble}", "codebaseGenerator")


def _whenStoreIsAway(raw: Raw, report: Report) -> Iterator[ConfigError]:
    wish = raw.get("whenStoreIsAway")
    if wish is not None and wish != CUT:
        said = repr(wish) if isinstance(wish, str) else articled(wish)
        yield report(f"c['whenStoreIsAway'] must be {CUT!r} or None, not {said}", "whenStoreIsAway")


def _unknownKeys(raw: Raw, report: Report) -> Iterator[ConfigError]:
    for key in raw:
        if key in KEYS:
            continue
        if not isinstance(key, str):
            yield report(f"c has a key that is not text but {articled(key)}; it does nothing")
        elif key in OTHER_KEYS:
            yield report(f"unknown key c[{key!r}] does nothing here: {OTHER_KEYS[key]}", key)
        else:
            like = closest(key, [*KEYS, *LATER_KEYS, *OTHER_KEYS])
            hint = f"; did you mean {like!r}?" if like else ""
            if like in OTHER_KEYS:
                hint = f"; did you mean {like!r}? ({OTHER_KEYS[like]})"
            yield report(f"unknown key c[{key!r}] does nothing{hint}", key)


def _noDebugAccount(raw: Raw, report: Report) -> Iterator[ConfigError]:
    if raw.get("debugPassword") == "":
        yield report("c['debugPassword'] is empty: there is no debug account", "debugPassword")


# Ports.


def _ports(raw: Raw, report: Report) -> Iterator[ConfigError]:
    ports = portsOf(raw["slavePortnum"]) if "slavePortnum" in raw else [9989]
    if not ports:
        yield report("c['slavePortnum'] is an empty list: no slave could connect", "slavePortnum")
    taken: dict[object, str] = {}
    for index, port in enumerate(ports):
        say = report.item(raw, "slavePortnum", index)
        try:
            description = describe(port)
        except BadPort as error:
            yield say(f"c['slavePortnum']: {error}")
            continue
        binds = address(description) or description
        if binds in taken:
            yield say(f"c['slavePortnum']: {taken[binds]} and {description} are the same port")
        taken.setdefault(binds, description)
    yield from _portsOfPlugins(raw, report, {binds: "c['slavePortnum']" for binds in taken})


def _portsOfPlugins(raw: Raw, report: Report, taken: dict[object, str]) -> Iterator[ConfigError]:
    """Yield errors about ports of plug-ins that are taken, which could not be opened.

    @param taken: what the slave ports bind -> their descriptions. I add the ports of the plug-ins.
    """
    for key in ("schedulers", "sources"):
        for index, entry in enumerate(entries(raw, key)):
            port = getattr(entry, "port", None) if not isinstance(entry, _PLAIN) else None
            if not isinstance(port, str) or isStandIn(entry) or isMisconfigured(entry):
                continue
            try:
                binds = address(port)
            except BadPort:  # of a plug-in of the site, which may mean something else
                continue
            if binds is None:
                continue
            if binds in taken:
                told = f"entry {index + 1} of c[{key!r}] listens on {port}, but that port is taken"
                yield report.item(raw, key, index)(f"{told} by {taken[binds]}: give each a port of its own")
            else:
                taken[binds] = f"entry {index + 1} of c[{key!r}]"


# Plug-ins.


#: Types that are never a plug-in.
_PLAIN = (type(None), type, str, bytes, int, float, dict, list, tuple)


def _plugins(raw: Raw, report: Report) -> Iterator[ConfigError]:
    for key in ("schedulers", "sources", "status"):
        for index, entry in enumerate(entries(raw, key)):
            say = report.item(raw, key, index)
            if isStandIn(entry):
                continue
            if isinstance(entry, type):
                name = entry.__name__
                yield say(f"entry {index + 1} of c[{key!r}] is the class {name}: make one with {name}(…)")
            elif isinstance(entry, _PLAIN) or (key != "schedulers" and not _isPlugin(entry)):
                yield say(f"entry {index + 1} of c[{key!r}] cannot be {articled(entry)}")
            elif key != "schedulers" and _isScheduler(entry):
                yield say(f"entry {index + 1} of c[{key!r}] is a scheduler: it belongs into c['schedulers']")
    manhole = raw.get("manhole")
    if manhole is not None and not _isPlugin(manhole):
        yield report(f"c['manhole'] cannot be {articled(manhole)}: it is a service, or None", "manhole")
    storage = raw.get("logStorage")
    if storage is not None and (isinstance(storage, type) or not isinstance(storage, IsLogStorage)):
        kind = "it is S3(endpoint, bucket) of buildbot.logstorage.s3, or None"
        yield report(f"c['logStorage'] cannot be {articled(storage)}: {kind}", "logStorage")


def _pluginDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield the warnings in the plug-ins' C{configurationDoubts}, a list of sentences."""
    for key in ("schedulers", "sources", "status"):
        for index, entry in enumerate(entries(raw, key)):
            for sentence in _doubtsOf(entry):
                yield report.item(raw, key, index)(str(sentence))
    for sentence in _doubtsOf(raw.get("logStorage")):
        yield report(str(sentence), "logStorage")


def _doubtsOf(entry: object) -> Sequence[object]:
    if isinstance(entry, _PLAIN):
        return ()
    # Most have none, and Python 3.11 takes 0.1 ms to find that out of a Protocol.
    if not hasattr(entry, "configurationDoubts") or not isinstance(entry, HasDoubts):
        return ()
    doubts = entry.configurationDoubts
    return doubts if isinstance(doubts, (list, tuple)) else ()


def _idleSchedulers(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield warnings about schedulers of this release that start no builder."""
    for index, scheduler in enumerate(entries(raw, "schedulers")):
        if getattr(scheduler, "builderNames", None) == [] and not isMisconfigured(scheduler):
            name = getattr(scheduler, "name", index + 1)
            yield report.item(raw, "schedulers", index)(f"scheduler {name!r} starts no builder")
        if getattr(scheduler, "branches", None) == []:
            name = getattr(scheduler, "name", index + 1)
            told = "has an empty list of branches: it builds no change; None is every branch"
            yield report.item(raw, "schedulers", index)(f"scheduler {name!r} {told}")


def _isPlugin(entry: object) -> bool:
    """True if the master can use the object as a service."""
    return not isinstance(entry, type) and callable(getattr(entry, "setServiceParent", None))


def _accounts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield errors about two users of one login name: bots and change sources on the slave port."""
    bots = names(raw)
    seen: set[str] = set()
    for index, source in enumerate(entries(raw, "sources")):
        account = source.account if _isPlugin(source) and isinstance(source, HasAccount) else None
        if not isinstance(account, str):
            continue
        say = report.item(raw, "sources", index)
        title = f"entry {index + 1} of c['sources'] has the account {account!r} on the slave port"
        if account in bots:
            yield say(f"{title}, but a bot has this name")
        elif account in RESERVED_NAMES and account != "change":
            yield say(f"{title}, which is a login of the master's own")
        elif account in seen:
            yield say(f"{title}, but an entry before it has the same: give each a user= of its own")
        seen.add(account)


def _schedulers(raw: Raw, report: Report) -> Iterator[ConfigError]:
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in entries(raw, "builders")]
    known = dict.fromkeys(name for name in names if isinstance(name, str))
    # An unreadable builder has its own error. Its name is unknown, so skip this rule.
    areKnown = isinstance(raw.get("builders"), (list, tuple)) and all(isinstance(name, str) for name in names)
    seen: set[str] = set()
    for index, scheduler in enumerate(entries(raw, "schedulers")):
        if isinstance(scheduler, _PLAIN) or isStandIn(scheduler):
            continue
        say = report.item(raw, "schedulers", index)
        name = getattr(scheduler, "name", None)
        title = f"scheduler {name!r}" if isinstance(name, str) and name else f"scheduler {index + 1}"
        if isinstance(name, str) and name and name in seen:
            yield say(f"duplicate scheduler name {name!r}: two schedulers have it")
        seen.add(str(name))
        followed = getattr(scheduler, "upstream", None)
        if _isScheduler(followed) and not any(
            sameValue(followed, each) for each in entries(raw, "schedulers")
        ):
            other = f"scheduler {getattr(followed, 'name', followed)!r}"
            yield say(f"{title} follows {other}, which is not in c['schedulers']: it would never build")
        try:
            wanted = [str(each) for each in cast(Any, scheduler).listBuilderNames()]
        except pluginErrors() as error:  # code of a plug-in: report any exception
            yield say(f"{title} does not say which builders it starts: {inOneLine(error)}")
            continue
        for each in wanted if areKnown else ():
            if each not in known:
                hint = nearest(each, known)
                yield say(f"{title} uses unknown builder {each!r}{hint}; known builders: {listing(known)}")


def _isScheduler(thing: object) -> bool:
    isMade = not isinstance(thing, type) and not isStandIn(thing)
    return isMade and callable(getattr(thing, "listBuilderNames", None))


_RULES: tuple[Rule, ...] = (
    *(
        _required,
        _lists,
        _texts,
        _mergeRequests,
        _properties,
        _prioritizeBuilders,
        _revlink,
        _codebaseGenerator,
        _whenStoreIsAway,
        horizonErrors,
        botErrors,
        _ports,
    ),
    *(_plugins, _accounts, _schedulers, triggerErrors, targetErrors),
)
_DOUBTS: tuple[Rule, ...] = (
    *(_unknownKeys, botDoubts, _noDebugAccount, _pluginDoubts, _idleSchedulers, choiceDoubts, urlDoubts),
    *(overriddenInVain, triggerDoubts, lockDoubts, codebaseDoubts, horizonDoubts, nickDoubts),
)

# -*- test-case-name: tests.unit.scripts.test_status -*-
"""The command C{status}: show the master and its slaves, as a table, a page, or JSON.

Texts from slaves and committers are escaped: they cannot control the terminal.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.scripts.output import Config, askMaster, say, sayJSON
from buildbot.scripts.tables import (
    moment,
    name,
    passed,
    runningLines,
    since,
    size,
    table,
    terminalWidth,
    waitingLines,
)
from buildbot.text.masters import mastersLine
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine, width

#: The exit status if the master runs, but reports troubles.
TROUBLE = 3
_EVENTS = 20
#: The width of the column of builders in the table.
_ROOM = 30
#: The event of a refused login, in the master's words.
_REFUSED = re.compile(r"login from \S+ refused: ")
#: The age in seconds up to which wrong passwords, and connections turned away, are shown.
_GUESSED = 24 * 3600.0
_TURNED_AWAY = 3600.0
_HEADINGS = ("SLAVE", "STATE", "SINCE", "ADDRESS", "VERSION", "BUILDERS")


def status(config: Config) -> int:
    """Show the master, or one of its slaves. Fails without a running master, or for an unknown slave.

    @return: 0; L{TROUBLE} if the master reports troubles, or if a standby has lost its database.
    """
    name = config.get("slave")
    said: Any = askMaster(config, "status", {} if name is None else {"slave": name})
    isAlone = bool((said["master"].get("masters") or {}).get("trouble"))  # its database does not answer
    verdict = TROUBLE if said["master"].get("troubles") or isAlone else 0
    if sayJSON(config, said):
        return verdict
    if name is None:
        say({}, *masterPage(said["master"], said["slaves"], time.time(), terminalWidth()))
    else:
        say({}, *slavePage(said["slaves"][0], time.time()))
        say({}, *troubleLines(said["master"], time.time()))
    return verdict


def masterPage(
    master: Mapping[str, Any], slaves: Sequence[Mapping[str, Any]], now: float, room: int | None = None
) -> list[str]:
    """Format the state of a master and all its slaves.

    @param room: the greatest width of a table.
    """
    project = f" ({plainLine(master['projectName'])})" if master.get("projectName") else ""
    builders, count = master["builders"], master["slaves"]
    masters = master.get("masters")
    lines = [
        f"buildmaster in {master['basedir']}{project}: pid {master['pid']}, {since(master['since'], now)}",
        f"buildbot {master['version']}, generation {master['generation']} of the configuration",
        f"slaves: {', '.join(master['ports']) or 'no port'}; {counted(builders, 'builder')}, "
        f"{master['connected']} of {counted(count, 'slave')} connected",
    ]
    if master.get("pages"):
        lines.append(plainLine(f"pages: {', '.join(master['pages'])}"))
    if master.get("storeServer"):
        lines.append(plainLine(f"store: {master['storeServer']}"))
    lines += [] if masters is None else [plainLine(mastersLine(masters))]
    lines += _stopLine(master.get("shutdown"), masters, now)
    keeps = master.get("keeps")
    if keeps:
        days = "" if keeps["days"] is None else f", none older than {counted(keeps['days'], 'day')}"
        builds = keeps["builds"]
        most = "all builds" if builds is None else f"the last {counted(builds, 'build')} of each builder"
        lines.append(f"keeps {most}{days}")
    lines += troubleLines(master, now)
    lines += [_pollerLine(each, now) for each in master.get("pollers", ())]
    lines += [_outgoingLine(each, now) for each in master.get("outgoing", ()) if each["waiting"]]
    lines += _storageLine(master.get("logStorage"), now)
    lines += [
        f"pages in {plainLine(each['name'])}, followed {since(each['since'], now)}"
        for each in master.get("pagesOnly", ())
    ]
    lines += [
        plainLine(f"build {name(build)}: {' '.join(build['text'])}") for build in master.get("givenUp", ())
    ]
    lines += _filesLine(master.get("files") or {}, now)
    if slaves:
        lines += ["", *table(_HEADINGS, [_row(slave, now) for slave in slaves], room)]
    activity = [*runningLines(master.get("running", ()), now), *waitingLines(master.get("waiting", ()), now)]
    if activity:
        lines += ["", *activity]
    lines += [f"{plainLine(s['name'])} is {pauseWords(s, now)}" for s in slaves if s.get("paused")]
    lines += [line for slave in slaves for line in _refusal(slave)]
    guesses = [
        {**s["refused"], "name": s["name"], "isLatent": bool(s.get("instance"))}
        for s in slaves
        if s.get("refused") and not _refusal(s)
    ]
    lines += [
        f"{_guessed(each)} {plainLine(each['name'])}: {counted(each['logins'], 'time')}, "
        f"the latest from {plainLine(each['address'])} at {moment(each['when'])}"
        for each in [*guesses, *master.get("guesses", ())]
        if now - each["when"] < _GUESSED
    ]
    lines += [line for slave in slaves for line in _failing(slave)]
    lines += [
        plainLine(f"{s['name']} ({s['instance']['words']}) failed: {_instance(s)}")
        for s in slaves
        if _instance(s)
    ]
    lines += [f"note on {plainLine(s['name'])}: {plainLine(s['note'])}" for s in slaves if s.get("note")]
    lines += [
        f"{_unknownLogin(plainLine(each['name']))}: {counted(each['logins'], 'time')}, "
        f"the latest from {plainLine(each['address'])} at {moment(each['when'])}"
        for each in master.get("refused", ())
    ]
    return lines


def _stopLine(stop: Mapping[str, Any] | None, masters: Mapping[str, Any] | None, now: float) -> list[str]:
    """That no build starts, since the master stops or hands over."""
    if stop is None:
        return []
    to = ((masters or {}).get("handOver") or {}).get("to")
    what = f"hands over to {to}" if to else "stops"
    who = f" by {stop['who']}" if stop["who"] else ""
    return [
        plainLine(
            f"{what} once the running builds have ended, and starts no others"
            f" (asked{who} {passed(stop['when'], now)} ago; `buildbot stop --cancel` takes it back)"
        )
    ]


def _pollerLine(poller: Mapping[str, Any], now: float) -> str:
    """The last look of a change source that polls."""
    last, failure = poller["lastLook"], poller["failure"]
    if last is None:
        return plainLine(f"{poller['source']}: has not looked yet")
    age = passed(last, now)
    return plainLine(
        f"{poller['source']}: last look {age} ago {f'failed: {failure}' if failure else 'succeeded'}"
    )


def _outgoingLine(sender: Mapping[str, Any], now: float) -> str:
    """The messages that wait for a server."""
    line = f"{sender['target']}: {counted(sender['waiting'], 'message')} waiting"
    if sender["failures"]:
        line += f", failing for {passed(sender['since'], now)}: {sender['reason']}"
    elif sender["reason"]:
        line += f": {sender['reason']}"
    if sender["reason"] and sender.get("retryAt") is not None:
        line += f"; the next attempt comes in {passed(now, sender['retryAt'])}"
    return plainLine(line)


def _storageLine(storage: Mapping[str, Any] | None, now: float) -> list[str]:
    """The logs in object storage, and those that wait for it."""
    if not storage:
        return []
    line = f"logs go to {storage['place']}"
    if storage["waiting"]:
        waits = counted(storage["waiting"], "build")
        line += f": {size(storage['waitingBytes'])} of {waits} wait"
        if storage["spoolLimit"] is not None:
            line += f", no build begins beyond {size(storage['spoolLimit'])}"
    if storage["removals"]:
        line += f"; {counted(storage['removals'], 'removal')} to do"
    if storage["reason"] and storage["retryAt"] is not None:
        line += f"; the next attempt comes in {passed(now, storage['retryAt'])}"
    return [plainLine(line)]


def _unknownLogin(name: str) -> str:
    """The message about logins under an unknown name."""
    if name == "change":  # the default account of senders of changes
        return f"change source: login {name!r} refused, no PBChangeSource has this user"
    return f"login {name!r} refused, no slave in c['bots'] and no PBChangeSource has this name"


def _filesLine(files: Mapping[str, Any], now: float) -> list[str]:
    """A line if connections were turned away recently for lack of files."""
    if not files.get("turnedAway") or now - files["when"] > _TURNED_AWAY:
        return []
    return [
        f"{counted(files['turnedAway'], 'connection')} turned away, the latest at {moment(files['when'])}: "
        f"the master may open {files['limit']} files, and keeps {files['reserved']} for the administrator; "
        "raise the limit (ulimit -n, or LimitNOFILE= in the unit)"
    ]


def troubleLines(master: Mapping[str, Any], now: float) -> list[str]:
    """Two lines for each trouble of the master: the trouble with its reason, and the remedy."""
    lines = []
    for each in master.get("troubles", ()):
        began = since(each["since"], now)
        lines.append(plainLine(f"TROUBLE {began}: {each['what']}: {each['why']}"))
        if each["cure"]:
            lines.append(f"  what to do: {plainLine(each['cure'])}")
    return lines


def slavePage(slave: Mapping[str, Any], now: float) -> list[str]:
    """Format one slave and its latest events."""
    facts = [
        ("slave", slave["name"]),
        ("state", _state(slave)),
        ("since", _since(slave, now)),
        ("instance", (slave.get("instance") or {}).get("id")),
        ("failed", _instance(slave)),
        ("address", _asOfNow(slave, slave.get("address"))),
        ("version", _asOfNow(slave, _version(slave))),
        ("admin", slave.get("admin")),
        ("host", slave.get("host")),
        ("told", moment(slave["told"]) if slave.get("told") and not slave["connected"] else None),
        ("builders", ", ".join(slave.get("builders") or ())),
        ("builds", f"{slave['running']} running" if slave.get("running") else None),
        *(("failing", f"{name}: {why}") for name, why in (slave.get("failing") or {}).items()),
        ("paused", pauseWords(slave, now) if slave.get("paused") else None),
        ("note", slave.get("note")),
        ("refused", _guessesAt(slave)),
    ]
    lines = [f"{name + ':':<9} {plainLine(str(value))}" for name, value in facts if value]
    events = list(slave.get("events") or ())[-_EVENTS:]
    lines += ["", "latest events:" if events else "no events since the master started"]
    return lines + [f"  {moment(event['when'])}  {plainLine(event['text'])}" for event in events]


def _asOfNow(slave: Mapping[str, Any], fact: str | None) -> str | None:
    """A fact about a slave's connection, with a note if that connection has ended."""
    return f"{fact} (when it was last connected)" if fact and not slave["connected"] else fact


def _guessesAt(slave: Mapping[str, Any]) -> str | None:
    """The number of refused logins under a slave's name; None if there were none."""
    refused = slave.get("refused")
    if not refused:
        return None
    latest = f"the latest from {refused['address']} at {moment(refused['when'])}"
    return f"{counted(refused['logins'], 'login')}, {latest}"


def pauseWords(slave: Mapping[str, Any], now: float) -> str:
    """The pause of a slave in words: its kind, the user, the time and the reason."""
    pause = slave["paused"]
    why = f": {pause['why']}" if pause["why"] else ""
    by = f"by {pause['who'] or 'somebody'} {passed(pause['when'], now)} ago"
    how = f"drained, safe to switch off ({by})" if slave.get("drained") else f"{pause['kind']} {by}"
    return plainLine(f"{how}{why}")


def _guessed(refused: Mapping[str, Any]) -> str:
    """What the logins under a name were; a latent slave that nobody waits for may have the right password."""
    return "refused logins of latent slave" if refused.get("isLatent") else "wrong password for"


def _refusal(slave: Mapping[str, Any]) -> list[str]:
    """A line if a slave is absent and its last event is a refused login."""
    event = (slave.get("events") or [None])[-1]
    if slave["state"] != "absent" or event is None or not _REFUSED.match(event["text"]):
        return []
    return [plainLine(f"{slave['name']} at {moment(event['when'])}: {event['text']}")]


def _failing(slave: Mapping[str, Any]) -> list[str]:
    """A line for each builder that is unusable on the slave."""
    failing = slave.get("failing") or {}
    return [plainLine(f"{slave['name']} cannot use builder {name}: {why}") for name, why in failing.items()]


def _row(slave: Mapping[str, Any], now: float) -> list[str]:
    return [
        slave["name"],
        _state(slave),
        _since(slave, now) or "-",
        (slave["connected"] and slave.get("address")) or "-",
        (slave["connected"] and _version(slave)) or "-",
        _some(slave.get("builders") or ()) or "-",
    ]


def _state(slave: Mapping[str, Any]) -> str:
    """The state of a slave in words. While it connects, this is the state of its attachment."""
    instance = slave.get("instance")
    if instance:
        words = [str(instance["words"])]
    elif slave["state"] == "ready":
        words = ["connected", *(["updating"] if slave.get("pending") else [])]
    else:
        words = ["not connected" if slave["state"] == "absent" else str(slave["state"])]
    if slave.get("paused"):
        words.append("drained" if slave.get("drained") else slave["paused"]["kind"])
    return ", ".join(words)


def _since(slave: Mapping[str, Any], now: float) -> str:
    """The time of the state: that of the instance of a latent slave, or else that of the connection."""
    return since((slave.get("instance") or slave).get("since"), now).removeprefix("since ")


def _instance(slave: Mapping[str, Any]) -> str | None:
    """The last failure of a latent slave, and the time of the next attempt; None without a failure."""
    instance = slave.get("instance")
    if not instance or not instance["why"]:
        return None
    again = f"; tried again at {moment(instance['nextTry'])}" if instance["nextTry"] else ""
    return f"{instance['why']}{again}"


def _some(names: Sequence[str]) -> str:
    """The first names, as many as fit, and the number of the others."""
    shown = list(names[:1])
    while len(shown) < len(names) and width(" ".join([*shown, names[len(shown)]])) <= _ROOM:
        shown.append(names[len(shown)])
    more = len(names) - len(shown)
    return " ".join([*shown, *([f"+{more}"] if more else [])])


def _version(slave: Mapping[str, Any]) -> str:
    generation, version = (str(slave.get(key) or "") for key in ("generation", "version"))
    return generation if version in generation else f"{generation} {version}"

# -*- test-case-name: tests.unit.control.test_recording -*-
"""What the commands of the control socket are in the record of actions, and who sends them."""

from __future__ import annotations

import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from buildbot.control.audit import MASTER, By, aboutBuilder, aboutSlave

#: The value of L{By.how} for the control socket.
SOCKET = "control socket"
#: The process id, the user and the group of a peer, as Linux gives them.
_CREDENTIALS = struct.Struct("3i")
#: Each command about a slave -> its action.
_SLAVES = {
    "pause": "pauseSlave",
    "unpause": "pauseSlave",
    "drain": "drainSlave",
    "disconnect": "disconnectSlave",
}


@dataclass(frozen=True)
class Recorded:
    """The action of a command, its subject, and what else is worth recording."""

    action: str
    subject: str
    detail: str = ""


def recordOf(command: str, params: Mapping[str, Any]) -> Recorded | None:
    """How a command is recorded; None for a command that changes nothing."""
    if command in _SLAVES:
        undone = "unpaused" if command == "unpause" else ""
        return Recorded(_SLAVES[command], aboutSlave(params["slave"]), params.get("why") or undone)
    if command == "force":
        return Recorded("forceBuild", aboutBuilder(params["builder"]), params.get("reason") or "")
    if command == "stopbuild":
        subject = aboutBuilder(params["builder"], params.get("number"))
        return Recorded("stopBuild", subject, params.get("reason") or "")
    if command == "rebuild":
        subject = aboutBuilder(params["builder"], params["number"])
        return Recorded("rebuild", subject, params.get("reason") or "")
    if command == "cancel":
        detail = "all requests" if params.get("request") is None else f"request {params['request']}"
        return Recorded("cancelRequest", aboutBuilder(params["builder"]), detail)
    if command == "stopchange":
        builder = params.get("builder")
        subject = MASTER if builder is None else aboutBuilder(builder)
        return Recorded("stopChange", subject, f"change {params['change']}")
    if command == "sendchange":
        return Recorded("sendChange", MASTER, _aboutChange(params))
    if command == "ping":
        return Recorded("pingBuilder", aboutBuilder(params["builder"]))
    if command == "reconfig" and not params.get("dryRun"):
        return Recorded("reconfig", MASTER)
    if command == "account":
        return Recorded("changeAccount", f"account/{quote(params['name'], safe='')}", params["what"])
    if command in ("addtoken", "revoketoken"):
        action = "makeToken" if command == "addtoken" else "revokeToken"
        return Recorded(action, f"token/{quote(params['name'], safe='')}")
    if command in ("shutdown", "cancelshutdown"):
        return Recorded("shutdown", MASTER, "clean" if command == "shutdown" else "cancelled")
    if command == "handover":
        return Recorded("handOver", MASTER, "at once" if params.get("now") else "")
    return None


def _aboutChange(params: Mapping[str, Any]) -> str:
    """The author, the revision and the branch of a change that is sent."""
    told = (("by", params.get("who")), ("revision", params.get("revision")), ("on", params.get("branch")))
    return ", ".join(f"{word} {str(value)[:100]}" for word, value in told if value not in (None, ""))


def peerOf(transport: object) -> By:
    """The user at the other end of a UNIX socket, as the system knows it; nameless where it does not tell."""
    handle = getattr(transport, "getHandle", lambda: None)()
    option = getattr(socket, "SO_PEERCRED", None)
    if handle is None or option is None:
        return By("", SOCKET)
    try:
        _, uid, _ = _CREDENTIALS.unpack(handle.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    except (OSError, struct.error):
        return By("", SOCKET)
    return By(_nameOf(uid), SOCKET)


def _nameOf(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"

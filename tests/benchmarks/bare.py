"""The baseline: a plain Twisted PB server that only makes the calls of an attachment.

It has no configuration, limits, status, log, keepalive or slave state. It prints C{ready} and its port as one
line of JSON, and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import defer, stdio
from twisted.internet import reactor as importedReactor
from twisted.internet.protocol import Protocol
from twisted.spread import pb
from zope.interface import implementer

from tests.benchmarks.generations import GENERATIONS
from tests.benchmarks.machine import raiseFileLimit

reactor: Any = importedReactor


class Avatar(pb.Avatar):
    """I am one attached slave. I hold its mind and its builders, as any master must."""

    def __init__(self, mind: pb.RemoteReference) -> None:
        self.mind = mind
        self.builders: dict[Any, pb.RemoteReference] = {}

    def perspective_keepalive(self) -> None:
        """Every slave calls this from time to time."""


@implementer(IRealm)
class Realm:
    """I attach every slave that logs in, by the calls that C{options} name."""

    def __init__(self, options: argparse.Namespace) -> None:
        generation = GENERATIONS[options.generation]
        self._textual = not isinstance(generation.word("x"), bytes)
        self._infoMethod = "getWorkerInfo" if self._textual else "getSlaveInfo"
        self._hasVersion = b"getVersion" in generation.answers
        self._builders = options.builders
        self._attach = self._inTurn if options.calls == "in-turn" else self._inVolleys
        self._master = pb.Referenceable()

    def requestAvatar(self, avatarId: bytes | tuple[()], mind: Any, *interfaces: object) -> Any:
        avatar = Avatar(mind)
        assert isinstance(avatarId, bytes)
        return self._attach(avatar, self._builderList(avatarId))

    def _word(self, word: str) -> str | bytes:
        return word if self._textual else word.encode()

    def _builderList(self, name: bytes) -> list[tuple[Any, Any]]:
        if not self._builders:
            return [(self._word(f"builder-{name.decode()}"), self._word(f"dir-{name.decode()}"))]
        return [(self._word(f"builder-{n:03d}"), self._word(f"dir-{n:03d}")) for n in range(self._builders)]

    @defer.inlineCallbacks
    def _inTurn(self, avatar: Avatar, wanted: list[tuple[Any, Any]]) -> Any:
        """Make the calls like 0.7.5: each call waits for the answer to the one before."""
        mind = avatar.mind
        yield mind.callRemote("print", self._word("attached"))
        yield mind.callRemote(self._infoMethod)
        yield mind.callRemote("getCommands")
        avatar.builders = yield mind.callRemote("setBuilderList", wanted)
        for builder in avatar.builders.values():
            yield builder.callRemote("setMaster", self._master)
            yield builder.callRemote("print", self._word("attached"))
        return pb.IPerspective, avatar, lambda: None

    @defer.inlineCallbacks
    def _inVolleys(self, avatar: Avatar, wanted: list[tuple[Any, Any]]) -> Any:
        """Make the same calls in two volleys, like this project's master."""
        mind = avatar.mind
        first = [mind.callRemote("print", self._word("attached")), mind.callRemote("getCommands")]
        yield defer.gatherResults(first)
        volley = [mind.callRemote(self._infoMethod)]
        if self._hasVersion:
            volley.append(mind.callRemote("getVersion"))
        volley.append(mind.callRemote("setBuilderList", wanted))
        avatar.builders = (yield defer.gatherResults(volley))[-1]
        for builder in avatar.builders.values():
            builder.callRemote("setMaster", self._master)
        return pb.IPerspective, avatar, lambda: None


class UntilClosed(Protocol):
    """I end the server when its standard input ends."""

    def connectionLost(self, reason: object = None) -> None:
        if reactor.running:
            reactor.stop()


def makeParser(module: str) -> argparse.ArgumentParser:
    """Make the parser with the options of all bare servers."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.benchmarks.{module}")
    parser.add_argument("--slaves", type=int, default=1000)
    parser.add_argument(
        "--builders", type=int, default=0, help="how many all slaves share; 0: each has its own"
    )
    parser.add_argument("--pattern", default="bot%05d")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--generation", default="0.7.12", choices=list(GENERATIONS))
    parser.add_argument("--calls", default="in-turn", choices=["in-turn", "in-volleys"])
    return parser


def serve(options: argparse.Namespace, realm: IRealm, control: Protocol) -> None:
    """Serve on a free port of 127.0.0.1; connect C{control} to standard input and output."""
    raiseFileLimit(options.slaves + 100)
    checker = InMemoryUsernamePasswordDatabaseDontUse()
    for number in range(options.slaves):
        checker.addUser((options.pattern % number).encode(), options.password.encode())
    factory = pb.PBServerFactory(Portal(realm, [checker]))
    port = reactor.listenTCP(0, factory, backlog=1024, interface="127.0.0.1")
    stdio.StandardIO(control)
    sys.stdout.write(json.dumps({"ready": True, "port": port.getHost().port}) + "\n")
    sys.stdout.flush()
    reactor.run()


def main(arguments: list[str]) -> None:
    """Attach every slave that logs in."""
    options = makeParser("bare").parse_args(arguments)
    serve(options, Realm(options), UntilClosed())


if __name__ == "__main__":
    main(sys.argv[1:])

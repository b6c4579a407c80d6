# -*- test-case-name: tests.unit.slaves.test_botmaster -*-
"""Everything that is ever said to a slave, in the words of its generation.

One L{SlavePeer} stands for one connection of a slave. It is the only place that
calls a slave; it checks every answer against the shape it should have. When to
say what is decided by L{buildbot.slaves.attachment} and its driver; the
deadlines are in L{buildbot.slaves.liveness}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, FirstError, maybeDeferred
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot.wire.broker import SlavePortBroker
from buildbot.wire.budget import Budget, weigh
from buildbot.wire.dialect import Dialect, Generation, fromPeer, generation, text, versionAtLeast
from buildbot.wire.jelly import RemoteFailure
from buildbot.wire.login import tell
from buildbot.wire.offers import OfferFailed, Offers, Superseded

#: Characters of an info file that are kept (A6).
INFO_LIMIT = 64 * 1024
#: Bytes of memory that all of a slave's info may take; what is too much is cut.
INFO_MEMORY = 512 * 1024
#: Commands of a slave that are kept.
COMMANDS = 200
#: Characters of a command's name or version; longer ones are none.
LONGEST_COMMAND = 64
#: Entries of a slave's info that are kept.
INFO_ENTRIES = 100
#: The first command version whose slave has getVersion without complaint.
KNOWS_ITS_VERSION = "2.9"


_NONE: Mapping[str, str] = MappingProxyType({})


class MalformedAnswer(Exception):
    """A slave answered something that cannot be; the message says to which call."""


@dataclass(frozen=True)
class Introduction:
    """What a slave said of itself and of its builders, in the second volley.

    @ivar info: its info files and facts, as text; never more than INFO_ENTRIES.
    @ivar builders: builder name -> reference to its SlaveBuilder.
    @ivar failing: builder name -> why the slave cannot make it.
    """

    generation: Generation
    info: Mapping[str, str]
    builders: Mapping[str, pb.RemoteReference]
    failing: Mapping[str, str]


class SlavePeer:
    """I am one connection of one slave.

    @ivar mind: the slave's Bot.
    @ivar address: where it calls from, for people.
    @ivar commands: its command versions, once L{ask} has fired; {} if it has none to tell.
    """

    _offers: Offers | None = None  # most slaves never need one
    _lists = 0

    def __init__(self, mind: pb.RemoteReference, halfMade: Iterable[str] = ()) -> None:
        """@param halfMade: builders that have failed on this slave before: see L{Offers}."""
        if halfMade:
            self._offers = Offers(self._sendList, halfMade)
        self.mind = mind
        self.broker: SlavePortBroker = mind.broker
        self.address = self.broker.address
        self.dialect = Dialect.PYTHON2
        self.commands: Mapping[str, str] = {}
        self.generation = Generation.UNKNOWN
        self._said: tuple[tuple[Any, Any], ...] = ()
        self._introduced = False

    def __repr__(self) -> str:
        return f"<SlavePeer {self.address}>"

    @property
    def localAddress(self) -> object:
        """The address of the connection's end on this machine."""
        getHost: Callable[[], object] | None = getattr(self.broker.transport, "getHost", None)
        return None if getHost is None else getHost()

    @property
    def lastHeard(self) -> float:
        """When bytes last came in, in seconds of the clock."""
        return self.broker.lastHeard

    def whenLost(self, notify: Callable[[], None]) -> None:
        """Call C{notify} once the connection is gone."""
        self.broker.notifyOnDisconnect(notify)

    def abort(self) -> None:
        """Cut the connection at once, whatever is unsent."""
        self.broker.abort()

    def isAlive(self) -> bool:
        """Whether the connection still lives."""
        return not self.broker.closed

    def tell(self, words: str) -> None:
        """Have the slave print C{words} in its own log."""
        tell(self.mind, words)

    # what is asked; each Deferred fails with MalformedAnswer, or when the link is lost

    def ask(self) -> Deferred[None]:
        """The first volley: greet the slave and learn its commands.

        @return: fires once C{commands}, C{dialect} and C{generation} are known.
        """
        self.tell("attached")
        return self._call("getCommands").addCallbacks(self._gotCommands, self._noCommands)

    def _gotCommands(self, commands: object) -> None:
        if not isinstance(commands, dict):
            raise MalformedAnswer("getCommands was answered with something else than a dictionary")
        self.dialect = Dialect.of(commands)
        self._said = tuple(item for item in islice(commands.items(), COMMANDS) if all(map(_isWord, item)))
        self.commands, self.generation = _known(self._said, self.dialect, None)

    def _noCommands(self, why: Failure) -> Failure | None:
        """A slave that cannot tell; its error tells at least which Python it speaks."""
        if not isinstance(why, RemoteFailure):
            return why
        self.dialect = Dialect.PYTHON2 if why.fromPython2 else Dialect.PYTHON3
        self.commands, self.generation = _known((), self.dialect, None)
        return None

    def offer(self, builders: Sequence[tuple[str, str]]) -> Deferred[Introduction]:
        """The second volley: what the slave is, and the builders it is to have.

        Later offers on the same connection send the builder list alone.

        @param builders: (builder name, build directory) pairs.
        @return: fails with L{MalformedAnswer}; with L{Superseded} if there was a later offer meanwhile.
        """
        calls: list[Deferred[Any]] = []
        if not self._introduced:
            calls = [self._call(name) for name in self._infoMethods()]
            for call in calls:
                call.addErrback(_nothing)
        calls.append(self._settle(builders))
        answers = DeferredList(calls, fireOnOneErrback=True, consumeErrors=True)
        return answers.addCallbacks(self._read, _firstError, callbackArgs=(builders,))

    def _settle(self, builders: Sequence[tuple[str, str]]) -> Deferred[Any]:
        """Have the slave accept builders; as long as none has failed, that is one list."""
        if self._offers is not None:
            return Deferred.fromCoroutine(self._offers.settle(builders))
        self._lists += 1
        return self._sendList(list(builders)).addErrback(self._notAccepted, builders, self._lists)

    def _notAccepted(
        self, why: Failure, builders: Sequence[tuple[str, str]], number: int
    ) -> Failure | Deferred[Any]:
        if not isinstance(why, RemoteFailure):
            return why
        if self._offers is not None or number != self._lists:
            raise Superseded()
        self._offers = Offers(self._sendList)
        return Deferred.fromCoroutine(self._offers.settle(builders, why))

    def _sendList(self, pairs: list[tuple[str, str]]) -> Deferred[Any]:
        return self._call("setBuilderList", self.dialect.toPeer(pairs))

    def _infoMethods(self) -> list[str]:
        kind = self.generation.kind
        info = {"slave": ["getSlaveInfo"], "worker": ["getWorkerInfo"]}.get(
            kind, ["getSlaveInfo", "getWorkerInfo"]
        )
        known = kind != "slave" or versionAtLeast(self.generation.commandVersion, KNOWS_ITS_VERSION)
        return [*info, "getVersion"] if known else info

    def _read(self, answers: Sequence[tuple[bool, Any]], builders: Sequence[tuple[str, str]]) -> Introduction:
        *first, references = [answer for _, answer in answers]
        info: dict[str, str] = {}
        if first:
            self._introduced = True
            *infos, version = first if len(first) > 1 else [*first, None]
            info = _readInfo(infos)
            said = version if isinstance(version, (str, bytes)) else info.get("version")
            version = text(said, 64) if said else None
            self.commands, self.generation = _known(self._said, self.dialect, version)
        if self._offers is None:
            made = _readBuilders(references, [name for name, _ in builders])
            return Introduction(self.generation, info, made, _NONE)
        offers, failing = self._offers, self._offers.failing
        names = [name for name, _ in builders if name not in failing]
        return Introduction(self.generation, info, _readBuilders(references, names, offers.nameOf), failing)

    def ping(self) -> Deferred[Any]:
        """Ask for a sign of life; fires with whatever the slave answers, fails with whatever error."""
        return self._call("getCommands")

    def probe(self) -> None:
        """Ask for a sign of life: whatever the slave answers will do.

        getCommands is the one call that every generation answers without a line
        in its own log.
        """
        self.ping().addErrback(lambda why: None)

    def shutdown(self) -> None:
        """Ask the slave's process to end; slaves before 0.8.3 do not know how."""
        try:
            self.mind.callRemote("shutdown", pbanswer=False)
        except pb.DeadReferenceError:
            pass

    def setMaster(self, builder: pb.RemoteReference, master: pb.Referenceable) -> None:
        """Tell one SlaveBuilder who its master is; nothing is waited for."""
        try:
            builder.callRemote("setMaster", master, pbanswer=False)
        except pb.DeadReferenceError:
            pass

    def _call(self, method: str, *args: object) -> Deferred[Any]:
        return maybeDeferred(self.mind.callRemote, method, *args)


class BuilderPeer:
    """I am one builder on one connection of a slave: its SlaveBuilder there.

    @ivar peer: the connection.
    """

    __slots__ = ("peer", "reference")

    def __init__(self, peer: SlavePeer, reference: pb.RemoteReference) -> None:
        self.peer = peer
        self.reference = reference

    @property
    def budget(self) -> Budget:
        """Pays for what is kept of what the slave says, as long as it is connected."""
        return self.peer.broker.budget

    def retire(self, callee: pb.Referenceable) -> None:
        """The slave may call this object, but it has nothing to say to it any more."""
        self.peer.broker.retire(callee)

    def startBuild(self) -> None:
        """Say that a build begins: slaves of 0.7.x reset themselves; nothing is waited for."""
        with suppress(pb.DeadReferenceError):  # who is gone is told elsewhere
            self.reference.callRemote("startBuild", pbanswer=False)

    def startCommand(
        self, command: pb.Referenceable, commandID: str, name: str, args: Mapping[str, Any]
    ) -> Deferred[None]:
        """Have the slave run a command.

        @param command: gets the updates, and the completion, which may both come before the answer.
        @return: fires with None once the slave has made the command; fails with a
            L{RemoteFailure} if it cannot, or when the link is lost.
        """
        sent = {key: value if type(value) in _SIMPLE else _sent(key, value) for key, value in args.items()}
        said = [commandID, name, sent]
        words = self.peer.dialect.toPeer(said)
        return maybeDeferred(self.reference.callRemote, "startCommand", command, *words)

    def callRemote(self, method: str, *args: Any) -> Deferred[Any]:
        """Call any method; text goes as the slave wants it."""
        return maybeDeferred(self.reference.callRemote, method, *self.peer.dialect.toPeer(list(args)))

    def interruptCommand(self, commandID: str, why: str) -> None:
        """Ask the slave to stop a command; what comes of it is told by the command's updates."""
        words = self.peer.dialect.toPeer([commandID, why])
        try:
            self.reference.callRemote("interruptCommand", *words, pbanswer=False)
        except pb.DeadReferenceError:
            pass


#: Arguments of commands in which slaves from 0.8 on take lists and no tuples.
_LISTS = frozenset(("command", "env"))


#: Values of these types are sent as they are.
_SIMPLE = frozenset((str, bytes, int, float, bool, type(None)))


def _sent(name: str, value: Any) -> Any:
    """The value of an argument as slaves take it; tuples stay tuples wherever they can."""
    return _listed(value) if name in _LISTS else _plain(value)


def _plain(value: Any) -> Any:
    """A value without subclasses of the usual containers, which cannot be sent."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        plain = map(_plain, value)
        return list(plain) if isinstance(value, list) else tuple(plain)
    return value


def _listed(value: Any) -> Any:
    """Lists for tuples. An obfuscated argument stays the tuple by which slaves know it."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, dict):
        return {key: _listed(each) for key, each in value.items()}
    if isinstance(value, tuple) and len(value) == 3 and value[0] == "obfuscated":
        return value
    if isinstance(value, (list, tuple)):
        return [_listed(each) for each in value]
    return value


def _isWord(value: object) -> bool:
    return isinstance(value, (str, bytes)) and len(value) <= LONGEST_COMMAND


@lru_cache(maxsize=256)
def _known(
    said: tuple[tuple[Any, Any], ...], dialect: Dialect, version: str | None
) -> tuple[Mapping[str, str], Generation]:
    """The commands of a slave, as it said them, and its generation: one value for all that say the same."""
    commands = {text(name): text(release) for name, release in said}
    return commands, generation(commands, dialect, version)


def _nothing(why: Failure) -> Failure | None:
    """A remote error ("no such method", an old slave) is an answer with nothing in it."""
    return None if isinstance(why, RemoteFailure) else why


def _firstError(why: Failure) -> Failure:
    """What failed first, out of DeferredList's wrapping."""
    first = why.value
    assert isinstance(first, FirstError)
    inner = first.subFailure
    if inner.check(OfferFailed):
        return Failure(MalformedAnswer(f"setBuilderList failed: {inner.getErrorMessage()}"))
    return inner


def _readInfo(answers: Sequence[Any]) -> dict[str, str]:
    """All of a slave's info that can be shown; what is odd is left out, never complained about (A6)."""
    info: dict[str, str] = {}
    left = INFO_MEMORY
    for answer in answers:
        if not isinstance(answer, dict):
            continue
        for key, value in list(answer.items())[:INFO_ENTRIES]:
            if isinstance(value, int):
                value = str(value)
            if isinstance(value, (str, bytes)) and isinstance(key, (str, bytes)):
                said = text(value.strip(), min(INFO_LIMIT, max(0, left // 4)), lines=True)
                info[text(key, 100)] = said
                left -= weigh(said)
    return info


def _readBuilders(
    answer: Any, wanted: Sequence[str], nameOf: Callable[[str], str] = str
) -> dict[str, pb.RemoteReference]:
    """The reference of each builder that was offered; others are ignored.

    @param nameOf: what a builder is called on this connection.
    """
    if not isinstance(answer, dict):
        raise MalformedAnswer("setBuilderList was answered with something else than a dictionary")
    given = fromPeer(answer)
    builders = {}
    for name in wanted:
        reference = given.get(nameOf(name))
        if not isinstance(reference, pb.RemoteReference):
            raise MalformedAnswer(f"setBuilderList was answered without a reference for builder {name!r}")
        builders[name] = reference
    return builders

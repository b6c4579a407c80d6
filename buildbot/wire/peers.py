# -*- test-case-name: tests.unit.slaves.test_botmaster -*-
"""All calls to a slave, in the words of its generation.

One L{SlavePeer} stands for one connection of a slave. No other module calls a slave. Every answer is checked.
L{buildbot.slaves.attachment} and its driver decide when to call; L{buildbot.slaves.liveness} has the
deadlines.
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
from buildbot.wire.budget import PEER_MEMORY, Budget, weigh
from buildbot.wire.dialect import Dialect, Generation, fromPeer, generation, text, versionAtLeast
from buildbot.wire.environment import environmentOf, variablesOf
from buildbot.wire.flow import Flow
from buildbot.wire.jelly import RemoteFailure
from buildbot.wire.login import tell
from buildbot.wire.offers import OfferFailed, Offers, Superseded

#: The most characters of one info file (A6).
INFO_LIMIT = 64 * 1024
#: The most bytes of memory for all info of a slave; longer info is shortened.
INFO_MEMORY = 512 * 1024
#: The most commands of one slave.
COMMANDS = 200
#: The most characters of a command's name or version; commands with longer ones are dropped.
LONGEST_COMMAND = 64
#: The most entries of a slave's info.
INFO_ENTRIES = 100
#: The first command version of slaves that have getVersion. Older ones log an error about it.
KNOWS_ITS_VERSION = "2.9"


_NONE: Mapping[str, str] = MappingProxyType({})


class MalformedAnswer(Exception):
    """A slave's answer is invalid. The message names the call."""


@dataclass(frozen=True)
class Introduction:
    """A slave's answers about itself and its builders, from the second volley.

    @ivar info: its info files and facts, as text; at most INFO_ENTRIES.
    @ivar builders: builder name -> reference to its SlaveBuilder.
    @ivar failing: builder name -> the reason why the slave cannot make it.
    @ivar environ: the variables of its environment, if it tells them.
    """

    generation: Generation
    info: Mapping[str, str]
    builders: Mapping[str, pb.RemoteReference]
    failing: Mapping[str, str]
    environ: Mapping[str, str]


class SlavePeer:
    """I am one connection of one slave.

    @ivar mind: the slave's Bot.
    @ivar address: the slave's address, as text.
    @ivar flow: its bytes; C{flow.lastHeard} is the time of the last received ones.
    @ivar budget: the account for the memory of the slave's data, while it is connected.
    @ivar retire: frees an object that the slave references and does not need any more.
    @ivar commands: its command versions once L{ask} has fired; {} if it has none.
    """

    _offers: Offers | None = None  # most slaves need none

    def __init__(self, mind: pb.RemoteReference, halfMade: Iterable[str] = ()) -> None:
        """@param halfMade: builders that failed on this slave before: see L{Offers}."""
        if halfMade:
            self._offers = Offers(self._sendList, halfMade)
        self.mind = mind
        self.broker: SlavePortBroker = mind.broker
        self.flow: Flow = self.broker.flow
        self.address = self.broker.address
        self.budget = Budget("the data kept for this peer", PEER_MEMORY)
        self.retire: Callable[[pb.Referenceable], None] = self.broker.retire
        self.dialect = Dialect.PYTHON2
        self.commands: Mapping[str, str] = {}
        self.generation = Generation.UNKNOWN
        self._said: tuple[tuple[str | bytes, str | bytes], ...] = ()
        self._introduced = False
        self._lists = 0

    def __repr__(self) -> str:
        return f"<SlavePeer {self.address}>"

    @property
    def localAddress(self) -> object:
        """The address of the connection's end on this machine."""
        getHost: Callable[[], object] | None = getattr(self.broker.transport, "getHost", None)
        return None if getHost is None else getHost()

    def whenLost(self, notify: Callable[[], None]) -> None:
        """Call C{notify} when the connection ends."""
        self.broker.notifyOnDisconnect(notify)

    def abort(self) -> None:
        """Close the connection now and drop unsent data."""
        self.broker.abort()

    def isAlive(self) -> bool:
        """True until the connection is closed."""
        return not self.broker.closed

    def tell(self, words: str) -> None:
        """Ask the slave to print C{words} in its own log."""
        tell(self.mind, words)

    # Questions. Each Deferred fails with MalformedAnswer, or when the connection is lost.

    def ask(self) -> Deferred[None]:
        """Send the first volley: greet the slave and ask for its commands.

        @return: fires when C{commands}, C{dialect} and C{generation} are known.
        """
        self.tell("attached")
        return self._call("getCommands").addCallbacks(self._gotCommands, self._noCommands)

    def _gotCommands(self, commands: object) -> None:
        if not isinstance(commands, dict):
            raise MalformedAnswer("getCommands was not answered with a dictionary")
        self.dialect = Dialect.of(commands)
        words = (item for item in islice(commands.items(), COMMANDS) if all(map(_isWord, item)))
        self._said = _shared(tuple(words))
        self.commands, self.generation = _known(self._said, self.dialect, None)

    def _noCommands(self, why: Failure) -> Failure | None:
        """The slave has no C{getCommands}. Learn its Python version from the error."""
        if not isinstance(why, RemoteFailure):
            return why
        self.dialect = Dialect.PYTHON2 if why.fromPython2 else Dialect.PYTHON3
        self.commands, self.generation = _known((), self.dialect, None)
        return None

    def offer(self, builders: Sequence[tuple[str, str]]) -> Deferred[Introduction]:
        """Send the second volley: ask for the slave's info, and offer its builders.

        Later offers on the same connection send only the builder list.

        @param builders: (builder name, build directory) pairs.
        @return: a Deferred. It fails with L{MalformedAnswer}, or with L{Superseded} if a later offer was made
            meanwhile.
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
        """Send builders until the slave accepts them. One list is enough as long as no builder fails."""
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
        environ: Mapping[str, str] = _NONE
        if first:
            self._introduced = True
            *infos, version = first if len(first) > 1 else [*first, None]
            info = _readInfo(infos)
            environ = next(filter(None, map(environmentOf, infos)), _NONE)
            said = version if isinstance(version, (str, bytes)) else info.get("version")
            version = text(said, 64) if said else None
            self.commands, self.generation = _known(self._said, self.dialect, version)
        if self._offers is None:
            made = _readBuilders(references, [name for name, _ in builders])
            return Introduction(self.generation, info, made, _NONE, environ)
        offers, failing = self._offers, self._offers.failing
        names = [name for name, _ in builders if name not in failing]
        made = _readBuilders(references, names, offers.nameOf)
        return Introduction(self.generation, info, made, failing, environ)

    def ping(self) -> Deferred[Any]:
        """Send a call that every slave answers. Fires with its answer; fails with its error."""
        return self._call("getCommands")

    def variables(self, names: Sequence[str]) -> Deferred[dict[str, str] | None]:
        """Ask for variables of the slave's environment; fires as L{variablesOf}."""
        asked = self._call(self._infoMethods()[0]).addErrback(_nothing)
        return asked.addCallback(variablesOf, names)

    def probe(self) -> None:
        """Send a call that every slave answers; ignore the answer.

        Every generation answers C{getCommands} without a line in its own log.
        """
        self.ping().addErrback(lambda why: None)

    def shutdown(self) -> None:
        """Ask the slave's process to end. Slaves before 0.8.3 ignore this."""
        try:
            self.mind.callRemote("shutdown", pbanswer=False)
        except pb.DeadReferenceError:
            pass

    def setMaster(self, builder: pb.RemoteReference, master: pb.Referenceable) -> None:
        """Send a SlaveBuilder the reference to its master object. Does not wait for an answer."""
        try:
            builder.callRemote("setMaster", master, pbanswer=False)
        except pb.DeadReferenceError:
            pass

    def _call(self, method: str, *args: object) -> Deferred[Any]:
        return maybeDeferred(self.mind.callRemote, method, *args)


class BuilderPeer:
    """I am one builder on one connection of a slave: the master's end of its SlaveBuilder.

    @ivar peer: the connection.
    @ivar budget, retire: those of the connection.
    """

    __slots__ = ("budget", "peer", "reference", "retire")

    def __init__(self, peer: SlavePeer, reference: pb.RemoteReference) -> None:
        self.peer = peer
        self.budget = peer.budget
        self.retire = peer.retire
        self.reference = reference

    def startBuild(self) -> None:
        """Tell the slave that a build starts: slaves of 0.7.x reset themselves. Waits for no answer."""
        with suppress(pb.DeadReferenceError):  # another module handles the lost connection
            self.reference.callRemote("startBuild", pbanswer=False)

    def variables(self, names: Sequence[str]) -> Deferred[dict[str, str] | None]:
        """See L{SlavePeer.variables}."""
        return self.peer.variables(names)

    def startCommand(
        self, command: pb.Referenceable, commandID: str, name: str, args: Mapping[str, object]
    ) -> Deferred[None]:
        """Start a command on the slave.

        @param command: receives the updates and the completion. Both may come before the answer.
        @return: fires with None when the slave has made the command; fails with a L{RemoteFailure} if it
            cannot, or when the connection is lost.
        """
        sent = {key: value if type(value) in _SIMPLE else _sent(key, value) for key, value in args.items()}
        said = [commandID, name, sent]
        words = self.peer.dialect.toPeer(said)
        return maybeDeferred(self.reference.callRemote, "startCommand", command, *words)

    def callRemote(self, method: str, *args: object) -> Deferred[Any]:
        """Call any method, with text converted for the slave's dialect."""
        return maybeDeferred(self.reference.callRemote, method, *self.peer.dialect.toPeer(list(args)))

    def interruptCommand(self, commandID: str, why: str) -> None:
        """Ask the slave to stop a command. The command's updates report the result."""
        words = self.peer.dialect.toPeer([commandID, why])
        try:
            self.reference.callRemote("interruptCommand", *words, pbanswer=False)
        except pb.DeadReferenceError:
            pass


#: Slaves from 0.8 on need lists, not tuples, in these arguments of commands.
_LISTS = frozenset(("command", "env"))


#: Values of these types are sent unchanged.
_SIMPLE = frozenset((str, bytes, int, float, bool, type(None)))


def _sent(name: str, value: object) -> Any:
    """Convert the value of an argument for slaves. Tuples stay tuples, except in C{_LISTS}."""
    return _listed(value) if name in _LISTS else _plain(value)


def _plain(value: object) -> Any:
    """Replace subclasses of list, tuple and dict by plain ones: subclasses cannot be sent."""
    if type(value) in _SIMPLE:
        return value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        plain = map(_plain, value)
        return list(plain) if isinstance(value, list) else tuple(plain)
    return value


def _listed(value: object) -> Any:
    """Replace tuples by lists. An obfuscated argument stays a tuple: slaves recognize it by that."""
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
def _shared(said: tuple[tuple[str | bytes, str | bytes], ...]) -> tuple[tuple[str | bytes, str | bytes], ...]:
    """The first of all equal answers, so that a thousand equal slaves keep one."""
    return said


@lru_cache(maxsize=256)
def _known(
    said: tuple[tuple[str | bytes, str | bytes], ...], dialect: Dialect, version: str | None
) -> tuple[Mapping[str, str], Generation]:
    """The commands and the generation of a slave. Slaves with equal answers share one value."""
    commands = {text(name): text(release) for name, release in said}
    return commands, generation(commands, dialect, version)


def _nothing(why: Failure) -> Failure | None:
    """Convert a remote error ("no such method", from an old slave) to None; pass on other failures."""
    return None if isinstance(why, RemoteFailure) else why


def _firstError(why: Failure) -> Failure:
    """The first failure, unwrapped from DeferredList's FirstError."""
    first = why.value
    assert isinstance(first, FirstError)
    inner = first.subFailure
    if inner.check(OfferFailed):
        return Failure(MalformedAnswer(f"setBuilderList failed: {inner.getErrorMessage()}"))
    return inner


def _readInfo(answers: Sequence[object]) -> dict[str, str]:
    """A slave's info as text. Other types of entries are dropped without an error (A6)."""
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
    answer: object, wanted: Sequence[str], nameOf: Callable[[str], str] = str
) -> dict[str, pb.RemoteReference]:
    """The reference of each offered builder. Other builders in the answer are ignored.

    @param nameOf: converts a builder's name to its name on this connection.
    """
    if not isinstance(answer, dict):
        raise MalformedAnswer("setBuilderList was not answered with a dictionary")
    given = fromPeer(answer)
    builders = {}
    for name in wanted:
        reference = given.get(nameOf(name))
        if not isinstance(reference, pb.RemoteReference):
            raise MalformedAnswer(f"setBuilderList was answered without a reference for builder {name!r}")
        builders[name] = reference
    return builders

"""The answers of each generation of slaves during an attachment, jellied in the dialect of its Python.

Their sizes are those of real answers. This module does not log in, send or receive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks import rawpb
from tests.benchmarks.rawpb import Expression

_SHELL_AND_FILES = ("shell", "uploadFile", "uploadDirectory", "downloadFile")
_SOURCES = ("cvs", "svn", "darcs", "monotone", "git", "arch", "bazaar", "bzr", "hg", "p4", "p4sync")
_DUMMIES = ("dummy", "dummy.hold", "dummy.wait")
_WORKER = (*_SHELL_AND_FILES, "mkdir", "rmdir", "cpdir", "stat", "glob", "listdir", "rmfile")

_FILES = {"admin": "A Person <person@example.org>\n", "host": "a machine, 2 GHz, Linux\n"}
_ENVIRON = {f"SOME_VARIABLE_{number}": f"/some/where/{number}:/else/where" for number in range(20)}
_OS = {f"os_{key}": f"value of {key}" for key in ("id", "name", "version", "version_id", "pretty_name")}


def _bytesWord(value: str) -> Expression:
    return value.encode()


@dataclass(frozen=True)
class Generation:
    """
    I am one release of the slave, as its master sees it.

    C{word} jellies a str like that slave's process. C{answers} has the jellied answer for each remote method
    of the mind without arguments. C{noSuchMethod} is the failure for any other method.
    """

    release: str
    word: Callable[[str], Expression]
    answers: dict[bytes, Expression]
    noSuchMethod: Expression = field(repr=False)


def _table(word: Callable[[str], Expression], values: dict[str, str]) -> Expression:
    return rawpb.dictionary(*((word(key), word(value)) for key, value in values.items()))


def _noSuchMethod(word: Callable[[str], Expression], parents: tuple[str, ...]) -> Expression:
    """The answer to an unknown method. Before Twisted 24.7 it has no C{parents}."""
    pairs: list[tuple[Expression, Expression]] = [
        (word("type"), b"twisted.spread.flavors.NoSuchMethod"),
        (word("value"), word("No such method")),
        (word("traceback"), word("Traceback unavailable\n")),
        (word("tb"), rawpb.NONE),
        (word("frames"), [b"list"]),
        (word("stack"), [b"list"]),
        (word("count"), 7),
        (word("pickled"), 0),
    ]
    if parents:
        pairs.append((word("parents"), [b"list", *map(word, parents)]))
    return rawpb.copyable(rawpb.dictionary(*pairs))


def _slave(release: str, commandVersion: str, info: dict[str, str], hasVersion: bool) -> Generation:
    word = _bytesWord
    commands = dict.fromkeys((*_SHELL_AND_FILES, *_SOURCES, *_DUMMIES), commandVersion)
    answers: dict[bytes, Expression] = {
        b"print": rawpb.NONE,
        b"getSlaveInfo": _table(word, info),
        b"getCommands": _table(word, commands),
    }
    if hasVersion:
        answers[b"getVersion"] = word(release)
    return Generation(release, word, answers, _noSuchMethod(word, ()))


def _worker(release: str, commandVersion: str) -> Generation:
    word = rawpb.text
    commands = _table(word, dict.fromkeys(_WORKER, commandVersion))
    words = _FILES | _OS
    pairs: list[tuple[Expression, Expression]] = [(word(key), word(value)) for key, value in words.items()]
    pairs += [
        (word("environ"), _table(word, _ENVIRON)),
        (word("system"), word("posix")),
        (word("basedir"), word("/var/lib/worker")),
        (word("numcpus"), 2),
        (word("version"), word(release)),
        (word("worker_commands"), commands),
        (word("delete_leftover_dirs"), [b"boolean", b"false"]),
    ]
    answers: dict[bytes, Expression] = {
        b"print": rawpb.NONE,
        b"getWorkerInfo": rawpb.dictionary(*pairs),
        b"getCommands": commands,
        b"getVersion": word(release),
    }
    parents = ("twisted.spread.flavors.NoSuchMethod", "builtins.AttributeError", "builtins.Exception")
    return Generation(release, word, answers, _noSuchMethod(word, parents))


GENERATIONS: dict[str, Generation] = {
    generation.release: generation
    for generation in (
        _slave("0.7.5", "2.2", _FILES, hasVersion=False),
        _slave("0.7.12", "2.9", _FILES, hasVersion=True),
        _slave("0.8.14", "2.16", {**_FILES, "system": "posix", "basedir": "/var/lib/slave"}, hasVersion=True),
        _worker("4.3.0", "3.3"),
    )
}


#: The object number of the mind of every slave.
MIND = 1


class Bot:
    """I am the remote half of one slave: I answer the calls of its master."""

    __slots__ = ("builders", "generation")

    def __init__(self, generation: Generation) -> None:
        self.generation = generation
        self.builders: dict[bytes, int] = {}

    def answer(self, call: Any) -> tuple[bytes, bool]:
        """
        The answer to C{call}, a decoded message; empty if no answer is wanted.

        The second value is True if all slaves of this generation give the same answer.
        """
        _, request, target, method, wanted, arguments, _keywords = call
        if not wanted:
            return b"", True
        if target != MIND:
            # a builder: setMaster, print and ping are all answered with None
            return rawpb.answer(request, rawpb.NONE), True
        if method == b"setBuilderList":
            return rawpb.answer(request, self._takeBuilders(arguments[1])), False
        known = self.generation.answers.get(method)
        if known is None:
            return rawpb.error(request, self.generation.noSuchMethod), True
        return rawpb.answer(request, known), True

    def _takeBuilders(self, wanted: Any) -> Expression:
        """The references to the builders; a name that was sent before has the same reference again."""
        names = {rawpb.encode(pair[1]): pair[1] for pair in wanted[1:]}
        for key in [key for key in self.builders if key not in names]:
            del self.builders[key]
        number = max(self.builders.values(), default=MIND)
        pairs: list[tuple[Expression, Expression]] = []
        for key, name in names.items():
            if key not in self.builders:
                number += 1
                self.builders[key] = number
            pairs.append((name, rawpb.remote(self.builders[key])))
        return rawpb.dictionary(*pairs)

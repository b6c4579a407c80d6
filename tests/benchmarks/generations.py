"""What a slave of each generation answers while it attaches, jellied in the dialect of its Python.

It only knows the answers, in the sizes that real ones have; it neither sends nor receives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

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
    I am one release of the slave as a master meets it.

    C{word} jellies a str as that slave's process would, C{answers} maps the name of each remote method of the
    mind that needs no argument to the jellied answer, and C{noSuchMethod} is the failure for any other.
    """

    release: str
    word: Callable[[str], Expression]
    answers: dict[bytes, Expression]
    noSuchMethod: Expression = field(repr=False)


def _table(word: Callable[[str], Expression], values: dict[str, str]) -> Expression:
    return rawpb.dictionary(*((word(key), word(value)) for key, value in values.items()))


def _noSuchMethod(word: Callable[[str], Expression], parents: tuple[str, ...]) -> Expression:
    """The answer to an unknown method; there are no C{parents} in one from before Twisted 24.7."""
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

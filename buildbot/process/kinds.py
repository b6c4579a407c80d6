# -*- test-case-name: tests.unit.config.test_arguments -*-
"""Kinds of arguments of steps and factories: commands, environments, directories, log files, locks.

A text may be a L{WithProperties} if the step renders it.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config import linepatterns
from buildbot.config.arguments import Kind
from buildbot.config.kinds import FLAG, SIZE, isText, isWhole, orNone, sequenceOf, takes, textDetail
from buildbot.config.messages import LONGEST_NAME, articled, nameTrouble, shown
from buildbot.model.properties import isRenderable
from buildbot.model.results import Results
from buildbot.process.commandline import words
from buildbot.text.plural import counted

#: The most characters of a path; Linux accepts 4095 bytes, other systems less.
LONGEST_PATH = 4095


def isFilledIn(value: object) -> bool:
    """True for text, or for a WithProperties, which becomes text in a build."""
    if type(value) is str and value.isascii() and "\0" not in value:
        return True
    if type(value) in (list, tuple, dict):
        return False
    return isText(value) or isRenderable(value)


def _isPath(value: object) -> bool:
    return isFilledIn(value) and value != "" and _partDetail(value) is None


def _isFile(value: object) -> bool:
    return _isPath(value) and _placeDetail(value) is None


def _isDirectory(value: object) -> bool:
    return value is None or (isFilledIn(value) and _partDetail(value) is None)


def _partDetail(path: object) -> str | None:
    """The reason why no system accepts this path; or None."""
    if not isinstance(path, str) or 4 * len(path) <= LONGEST_NAME:  # no character takes more than four bytes
        return None
    if any(len(part.encode("utf-8", "surrogatepass")) > LONGEST_NAME for part in re.split(r"[/\\]", path)):
        return f"it has a part of more than {LONGEST_NAME} bytes: no system has such a name"
    if len(path) > LONGEST_PATH:
        return f"it is longer than {LONGEST_PATH} characters: no system has such a name"
    return None


def _placeDetail(path: object) -> str | None:
    """The reason why this path can only be a directory; or None."""
    isPlace = isinstance(path, str) and posixpath.basename(path) in ("", ".", "..")
    return f"{path!r} is a directory" if path and isPlace else None


def _isProgram(value: object) -> bool:
    return isText(value) and value != ""


def _isWords(value: object) -> bool:
    return value is None or isFilledIn(value) or sequenceOf(isFilledIn)(value)


def isHidden(value: object) -> bool:
    """True for a secret argument: C{("obfuscated", real, shown)}."""
    return (
        isinstance(value, tuple)
        and len(value) == 3
        and value[0] == "obfuscated"
        and all(map(isFilledIn, value))
    )


def _isArgument(value: object) -> bool:
    return isFilledIn(value) or isHidden(value)


def _isCommand(value: object) -> bool:
    if value is None or isFilledIn(value):
        return True
    if not isinstance(value, (list, tuple)):
        return False
    if all(map(_isArgument, value)):
        return _hasProgram(value)
    given = list(words(value))
    return all(map(_isArgument, given)) and _hasProgram(given)


def _hasProgram(command: Sequence[Any]) -> bool:
    """True if the first word of a command is not empty, or if there are no words."""
    return not (command and isinstance(command[0], str) and not command[0])


def _commandDetail(value: object) -> str | None:
    if not isinstance(value, (list, tuple)):
        return textDetail(value)
    given = list(words(value))
    if not _hasProgram(given):
        return "argument 1, which is the program to run, is empty"
    number, wrong = next((n, each) for n, each in enumerate(given, 1) if not _isArgument(each))
    if textDetail(wrong):
        return f"argument {number}: {textDetail(wrong)}"
    hint = f"; write '{wrong}'" if isWhole(wrong) and abs(wrong) < 10**9 else ""
    return f"argument {number} is {articled(wrong)}{hint}"


def _isValue(value: object) -> bool:
    """True for the value of a variable. Slaves join a list with colons or semicolons; None unsets it."""
    return (
        value is None
        or isFilledIn(value)
        or (isinstance(value, (list, tuple)) and all(map(isFilledIn, value)))
    )


def _isVariable(name: object) -> bool:
    return isFilledIn(name) and name != "" and not (isinstance(name, str) and "=" in name)


def _isNamed(name: object) -> bool:
    return isinstance(name, str) and _isVariable(name)


def _isEnvironment(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_isVariable, value)) and all(map(_isValue, value.values()))


def _environmentDetail(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    for name, each in value.items():
        if not _isVariable(name):
            return f"a variable cannot be called {shown(name)}"
        if textDetail(each):
            return f"the value of {name!r}: {textDetail(each)}"
        if not _isValue(each):
            hint = f"; write '{each}'" if isWhole(each) and 0 <= each < 1000 else ""
            return f"the value of {name!r} is {articled(each)}{hint}"
    return None


def _isLogFile(value: object) -> bool:
    if isinstance(value, Mapping):
        return (
            _isFile(value.get("filename"))
            and FLAG.fits(value.get("follow"))
            and value.keys() <= {"filename", "follow"}
        )
    return _isFile(value)


def _logNameTrouble(name: object) -> str | None:
    if not isinstance(name, str):
        return f"{articled(name)} is not a name of a log"
    if name == "stdio":
        return "'stdio' is the log of the command itself"
    trouble = nameTrouble(name)
    return f"the log {name[:40]!r} has a name that {trouble}" if trouble else None


def _isLogFiles(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _logNameTrouble(name) is None and _isLogFile(each) for name, each in value.items()
    )


def _logFilesDetail(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    for name, each in value.items():
        trouble = _logNameTrouble(name)
        if trouble:
            return trouble
        if not _isLogFile(each):
            trouble = _partDetail(each) or _placeDetail(each)
            if trouble:
                return f"the file of {name!r}: {trouble}"
            told = "a dict with other keys or values" if isinstance(each, Mapping) else shown(each)
            return f"the file of {name!r} is {told}"
    return None


def isLock(value: object) -> bool:
    """True for a lock of the configuration."""
    return (
        hasattr(value, "lockClass")
        and isinstance(getattr(value, "name", None), str)
        and not isinstance(value, type)
    )


def _isLocks(value: object) -> bool:
    return value is None or (isinstance(value, (list, tuple)) and all(map(isLock, value)))


def _locksDetail(value: object) -> str | None:
    if isLock(value):
        return "put a single lock into a list, too"
    if isinstance(value, (list, tuple)):
        return f"it holds {shown(next(each for each in value if not isLock(each)))}"
    return None


def _isMode(value: Any) -> bool:
    return isWhole(value) and 0 <= value <= 0o7777 and not _isDecimal(value)


def _isDecimal(mode: int) -> bool:
    """True for a number like 644, probably meant as 0o644; as written, it would set the sticky bit."""
    return 0o1000 <= mode < 0o2000 and len(str(mode)) == 3 and not set(str(mode)) & set("89")


def _modeDetail(value: object) -> str | None:
    if isinstance(value, int) and isWhole(value) and _isDecimal(value):
        return f"{value} is {value:#o}; write 0o{value}"
    if isinstance(value, str) and value.isdigit() and len(value) <= 5 and not set(value) & set("89"):
        return f"write 0o{value.lstrip('0')} instead of the text {value!r}"
    return None


def _isCondition(value: object, *args: object) -> bool:
    """True for a condition of steps, which may be a function that takes C{args}."""
    if isinstance(value, (bool, int)):
        return value in (0, 1)
    return isRenderable(value) or (callable(value) and _conditionDetail(value, *args) is None)


def _conditionDetail(value: object, *args: object) -> str | None:
    return None if takes(value, *args) else f"this one does not take {counted(len(args), 'argument')}"


def _isJSON(value: object) -> bool:
    """True for a value that JSON can hold once its properties are put into it."""
    try:
        json.dumps(value, default=_standInForJSON)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _standInForJSON(value: object) -> None:
    if not isRenderable(value):
        raise TypeError(f"JSON cannot hold {articled(value)}")


def _stepNameTrouble(value: object) -> str | None:
    return nameTrouble(value) if isinstance(value, str) else None


def _stepNameDetail(value: object) -> str | None:
    trouble = _stepNameTrouble(value)
    return f"this one {trouble}" if trouble else None


def _filenames(value: object) -> str | None:
    return textDetail(value) or ("it is empty" if value == "" else _partDetail(value))


def _fileDetail(value: object) -> str | None:
    return _filenames(value) or _placeDetail(value)


def _areLinePatterns(value: object) -> bool:
    isList = sequenceOf(lambda each: isinstance(each, str))(value)
    return isList and _linePatternsDetail(value) is None


def _linePatternsDetail(value: object) -> str | None:
    if not isinstance(value, (list, tuple)):
        return None
    if len(value) > linepatterns.MOST:
        return f"it holds {len(value)}"
    for each in value:
        trouble = linepatterns.trouble(each) if isinstance(each, str) else "it is not a text"
        if trouble:
            return f"{str(each)[:60]!r}: {trouble}"
    return None


def _directoryDetail(value: object) -> str | None:
    return textDetail(value) or _partDetail(value)


COMMAND = Kind("text, or a list of texts", _isCommand, _commandDetail, True, standIn="true")
ENVIRONMENT = Kind(
    "a dict of variables, each with text, a list of texts or None for its value",
    lambda value: value is None or isRenderable(value) or _isEnvironment(value),
    _environmentDetail,
    True,
)
DIRECTORY = Kind(
    "a directory (text), or None for that of the build",
    _isDirectory,
    _directoryDetail,
)
NOTHING = Kind("left out: the step uses none", lambda value: value is None)
PATH = Kind("the name of a file or directory (text)", _isPath, _filenames, standIn="x")
#: A file to read. A directory's name is accepted here, for 0.7's files; the step then reports the error.
SOURCE_FILE = Kind("the name of a file (text)", _isPath, _filenames, standIn="x")
FILE = Kind("the name of a file (text)", _isFile, _fileDetail, standIn="x")
PROGRAM = Kind("the name of a program (text)", _isProgram, _filenames, standIn="x")
PROGRAM_AND_WORDS = Kind(
    "the name of a program (text), or a list of the program and its first arguments",
    lambda value: bool(value) and _isCommand(value),
    lambda value: _commandDetail(value) if value else "it is empty",
    standIn="x",
)
PROPERTY = Kind(
    "the name of a property (text)", lambda value: isFilledIn(value) and value != "", textDetail, standIn="x"
)
WORDS = Kind("text, or a list of texts", _isWords, textDetail)
METRICS = Kind(
    "a list of names (texts)",
    lambda value: isinstance(value, (list, tuple, set, frozenset)) and all(map(isText, value)),
    lambda value: "put a single name into a list, too" if isinstance(value, str) else None,
    standIn=(),
)
ARGUMENTS = Kind(
    "a list of texts",
    lambda value: value is None or (isinstance(value, (list, tuple)) and all(map(_isArgument, words(value)))),
    isSecret=True,
)
LOG_FILES = Kind(
    "a dict of names of logs, each with the name of a file or {'filename': …, 'follow': …}",
    lambda value: value is None or _isLogFiles(value),
    _logFilesDetail,
)
LOCKS = Kind("a list of locks", _isLocks, _locksDetail)
MODE = Kind("a number such as 0o644, or None", lambda value: value is None or _isMode(value), _modeDetail)
STEP_NAME = Kind(
    "a name (text)",
    lambda value: isinstance(value, str) and not _stepNameTrouble(value),
    _stepNameDetail,
    standIn="step",
)
INPUT = Kind(
    "text or bytes, or None",
    lambda value: value is None or isinstance(value, bytes) or isFilledIn(value),
    isSecret=True,
)
RESULTS_OF = Kind(
    "a dict of exit statuses, each with its result",
    lambda value: (
        isinstance(value, Mapping)
        and all(map(isWhole, value))
        and all(isWhole(each) and 0 <= each < len(Results) for each in value.values())
    ),
)
VARIABLES = Kind(
    "the name of a variable (text), or a list of them",
    lambda value: _isNamed(value) or sequenceOf(_isNamed)(value),
    standIn=(),
)
CONTENT = Kind(
    "text or bytes",
    lambda value: isinstance(value, bytes) or isFilledIn(value),
    textDetail,
    isSecret=True,
    standIn="",
)
LINK = Kind("text", isFilledIn, textDetail)
SOURCES = Kind(
    "the name of a file or directory (text), or a list of them",
    lambda value: _isPath(value) or sequenceOf(_isPath)(value),
    standIn="x",
)
JSON = Kind("a value that JSON can hold", _isJSON, isSecret=True, standIn="")
LINE_PATTERNS = Kind(
    f"a list of at most {linepatterns.MOST} regular expressions (text)",
    _areLinePatterns,
    _linePatternsDetail,
    standIn=(),
)
#: The kinds of the words that describe a step.
DESCRIPTIONS = {"description": WORDS, "descriptionDone": WORDS, "descriptionSuffix": WORDS}
#: The kinds of the other arguments of every step.
COMMON = {
    "name": STEP_NAME,
    "locks": LOCKS,
    "haltOnFailure": FLAG,
    "flunkOnWarnings": FLAG,
    "flunkOnFailure": FLAG,
    "warnOnWarnings": FLAG,
    "warnOnFailure": FLAG,
    "alwaysRun": FLAG,
    "progressMetrics": METRICS,
    "useProgress": FLAG,
    "logMaxSize": orNone(SIZE, "no limit"),
    "logMaxTailSize": SIZE,
    "failurePatterns": LINE_PATTERNS,
    "doStepIf": Kind(
        "True or False, a function of the step, or a value with properties",
        lambda value: _isCondition(value, None),
        lambda value: _conditionDetail(value, None),
        standIn=True,
    ),
    "hideStepIf": Kind(
        "True or False, a function of a result and the step, or a value with properties",
        lambda value: _isCondition(value, 0, None),
        lambda value: _conditionDetail(value, 0, None),
        standIn=False,
    ),
}

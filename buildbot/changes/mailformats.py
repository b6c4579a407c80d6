# -*- test-case-name: tests.unit.changes.test_mailformats -*-
"""The mails that version control systems send about commits: from a mail to the values of a change.

Each function returns the values for L{buildbot.changes.changedict.changeFrom}, or None if the mail is not one
of its kind, or names no files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from email.message import Message
from email.utils import mktime_tz, parsedate_tz
from typing import Any, TypeAlias

from buildbot.changes.mailtext import header, lines, login, sender

#: The values of a change.
Values: TypeAlias = dict[str, Any]

_LISTS = ("Modified Files:", "Added Files:", "Removed Files:")
_SVN_LISTS = ("Modified:", "Added:", "Removed:", "Deleted:", "Copied:")
_SVN_DIFFS = (*(f"{each} " for each in _SVN_LISTS), "Property changes on: ")
#: The notes of commit-email.pl and mailer.py behind a path.
_SVN_NOTES = re.compile(
    r" +\((?:contents, )?(?:props changed|with props|original)\)$| \(from rev \d+, [^)]*\)$"
)
_VERSION = r"NONE|\d[\d.]*"
_CVS_FILES = {
    "1.11": re.compile(rf"(.+?),({_VERSION}),({_VERSION})(?: |$)"),
    "1.12": re.compile(rf"(.+?) ({_VERSION}) ({_VERSION})(?: |$)"),
}
_CVS_VALUE = re.compile(r"(Category|CVSROOT|Cvsmode|Files|Path|Project|\s+Tag):\s*(\S.*)")
_LAUNCHPAD_DATE = re.compile(r"timestamp: \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [-+]\d{4})$")
_NOTED = {"added": "ADDED", "removed": "REMOVED", "modified": "MODIFIED", "renamed": "RENAMED"}
_LAUNCHPAD_PARTS = ("message:", *(f"{each}:" for each in _NOTED))


def freshCVS(message: Message) -> Values | None:
    """A mail of FreshCVS: the sender is C{NAME CVS}; files below C{Modified files:} with counts of lines."""
    who, found, _ = sender(message)[0].partition(" CVS")
    if not found:
        return None
    body = iter(lines(message))
    files: list[str] = []
    isdir = 0
    _skipTo(body, ("Modified files:",))
    for line in body:
        if not line.strip():
            break
        name, counts = _counted(line)
        files.append(name)
        isdir = int(isdir or counts in ("", "0 0"))
    _skipTo(body, ("Log message:",))
    comments = _until(body, lambda line: line == "ViewCVS links:" or line.startswith("Index: "))
    return {"who": who, "files": files, "comments": comments, "isdir": isdir} if files else None


def _counted(line: str) -> tuple[str, str]:
    """The name and the counts of a file."""
    words = line.rsplit(None, 2)
    if len(words) == 3 and words[1].isdigit() and words[2].isdigit():
        return words[0].strip(), f"{words[1]} {words[2]}"
    name, *rest = line.split(None, 1)
    return name, "".join(rest)


def syncmail(message: Message) -> Values | None:
    """A mail of syncmail: the directory is the first word of the subject; the files are in lists below it."""
    who = login(message)
    words = header(message, "subject").split()
    if words and words[0].startswith("[") and words[0].endswith("]"):
        del words[0]  # of the mailing list
    if not who or not words:
        return None
    body = iter(lines(message))
    files: list[str] = []
    branch = None
    _skipTo(body, _LISTS)
    for line in body:
        line = line.strip()
        if not line:
            _skipTo(body, ("Log Message:",))
        if line in ("", "Log Message:"):
            break
        if line.startswith("Tag:"):
            branch = line.split()[-1]
        elif line not in _LISTS:
            files += [f"{words[0]}/{name}" for name in line.split()]
    comments = _until(body, _isDiffOfSyncmail)
    return {"who": who, "files": files, "comments": comments, "branch": branch} if files else None


def _isDiffOfSyncmail(line: str) -> bool:
    return line.startswith(("Index: ", "--- NEW FILE")) or line.endswith(" DELETED ---")


def bonsai(message: Message) -> Values | None:
    """A mail of Bonsai's loginfo script: C{WHAT|TIME|USER|ROOT|DIRECTORY|FILE|REVISION|STICKY|BRANCH|…}."""
    body = iter(lines(message))
    values: Values = {"who": "unknown", "files": []}
    for line in body:
        if line == "LOGCOMMENT":
            break
        if not line.strip():
            continue
        items = line.split("|")
        if len(items) < 6:
            return None
        items += [""] * (9 - len(items))
        if items[1].isdecimal():
            values["when"] = int(items[1][:12])
        values["who"] = items[2] or values["who"]
        values["branch"] = items[8] or None
        if items[4] and items[5]:
            values["files"].append(f"{items[4]}/{items[5]}")
    values["comments"] = _until(body, lambda line: line == ":ENDLOGCOMMENT")
    return values if values["files"] else None


def svnCommit(message: Message) -> Values | None:
    """A mail of Subversion's commit-email.pl or mailer.py. The files stand before or behind the log."""
    values: Values = {"who": login(message), "files": [], "comments": ""}
    if not values["who"]:
        return None
    body = lines(message)
    start = _first(body, "Log:")
    for line in body[:start]:
        name, _, said = line.partition(": ")
        if name == "Author" and said.strip():
            values["who"] = said.split()[0]
        elif name == "New Revision" and said.split()[:1] and said.split()[0].isdecimal():
            values["revision"] = said.split()[0]
    end = _endOfLog(body, start + 1)
    values["files"] = [*_svnFiles(body[:start]), *_svnFiles(_block(body[end:]))]
    values["comments"] = "\n".join(body[start + 1 : end]).rstrip() + "\n"
    return values if values["files"] else None


def _endOfLog(body: Sequence[str], start: int) -> int:
    """The end of the comments: a list of files, or a diff."""
    for number in range(start, len(body)):
        line = body[number]
        after = body[number + 1] if number + 1 < len(body) else ""
        if line in _SVN_LISTS or (line.startswith(_SVN_DIFFS) and after.startswith("=====")):
            return number
    return len(body)


def _block(body: Sequence[str]) -> Iterator[str]:
    """The lists behind the log; they end with a blank line, or a diff."""
    for line in body:
        if not line.strip() or line.startswith(_SVN_DIFFS):
            return
        yield line


def _svnFiles(body: Sequence[str] | Iterator[str]) -> Iterator[str]:
    isListed = False
    for line in body:
        if line in _SVN_LISTS:
            isListed = True
        elif not line.startswith(" "):
            isListed = False
        elif isListed and line.strip() and not line.lstrip().startswith("- copied"):
            yield _SVN_NOTES.sub("", line.strip())


def launchpad(
    message: Message, branchMap: Mapping[str, str] | None = None, defaultBranch: str | None = None
) -> Values | None:
    """A mail of Launchpad about a branch of bzr. As in 0.8, each file has the kind of its change.

    @param branchMap: the branches for the names in the subject, such as C{~ann/tool/trunk} or C{lp:~ann/…}.
    @param defaultBranch: the branch of all others; None: C{lp:} and the name in the subject.
    """
    subject = re.match(r"\s*\[Branch\s+([^]]+)\]", header(message, "subject"))
    repository = subject[1] if subject else ""
    values: Values = {"files": [], "comments": "", "repository": repository}
    under = ""
    for line in lines(message):
        if line.startswith("  ") or not line.strip():
            if under and line.strip():
                _gobble(values, under, line[2:])
            continue
        name, _, said = line.partition(": ")
        under = line.rstrip().removesuffix(":") if line.rstrip() in _LAUNCHPAD_PARTS else ""
        if name == "revno" and (number := re.match(r"[0-9.]+", said)):
            values["revision"] = number[0]
        elif name == "committer" and said:
            values["who"] = said
        elif date := _LAUNCHPAD_DATE.match(line):
            values["when"] = _launchpadTime(date[1])
    known = branchMap or {}
    values["branch"] = (known.get(repository) or known.get(f"lp:{repository}") if repository else None) or (
        defaultBranch or (f"lp:{repository}" if repository else None)
    )
    return values if "who" in values and "revision" in values else None


def _gobble(values: Values, under: str, line: str) -> None:
    if under == "message":
        values["comments"] += f"{line}\n"
    else:
        old, arrow, new = line.rpartition(" => ")
        isRename = under == "renamed" and arrow
        values["files"].append(f"{old} RENAMED {new}" if isRename else f"{line} {_NOTED[under]}")


def _launchpadTime(text: str) -> float | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp()
    except (ValueError, OverflowError):
        return None


def buildbotCVS(message: Message) -> Values | None:
    """A mail of buildbot-cvs-mail, the program that comes with 0.8.

    @raise ValueError: the mail is one of this kind, but incomplete.
    """
    who = login(message)
    body = iter(lines(message))
    said: dict[str, str] = {}
    for line in body:
        if line == "Log Message:":
            break
        value = _CVS_VALUE.match(line)
        if value and value[2] != "None":  # its word for an option that was not given
            said[value[1].strip()] = value[2].strip()
    if not who or "Files" not in said:
        return None
    when = _time(message)
    values = {
        "who": who,
        "files": _cvsFiles(said),
        "comments": _until(body, lambda line: False),
        "branch": said.get("Tag"),
        "when": when,
        "category": said.get("Category"),
        "repository": said.get("CVSROOT"),
        "project": said.get("Project"),
    }
    if when is not None:
        values["revision"] = datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return values if values["files"] else None


def _cvsFiles(said: Mapping[str, str]) -> list[str]:
    mode, listed, path = said.get("Cvsmode", ""), said["Files"], said.get("Path")
    if mode not in _CVS_FILES:
        raise ValueError(f"its line Cvsmode: must say 1.11 or 1.12, not {mode!r}")
    if mode == "1.11":
        path, _, listed = listed.partition(" ")
        listed = listed.strip()
    elif path is None:
        raise ValueError("it has no line Path:, see the file loginfo of CVS")
    files = []
    place = 0
    while place < len(listed):
        found = _CVS_FILES[mode].match(listed, place)
        if found is None:
            raise ValueError(f"its line Files: cannot be read: {listed[place : place + 100]!r}")
        files.append(f"{path}/{found[1]}")
        place = found.end()
    return files


def _time(message: Message) -> float | None:
    """The time in the header C{Date}; None if there is none, or a wrong one."""
    date = parsedate_tz(header(message, "date"))
    try:
        return None if date is None else float(mktime_tz(date))
    except (ValueError, OverflowError):
        return None


# lines


def _first(body: Sequence[str], line: str) -> int:
    return body.index(line) if line in body else len(body)


def _skipTo(body: Iterator[str], wanted: Sequence[str]) -> None:
    next((line for line in body if line.rstrip() in wanted), None)


def _until(body: Iterator[str], isEnd: Any) -> str:
    """The comments: the lines up to the end."""
    kept = []
    for line in body:
        if isEnd(line):
            break
        kept.append(line)
    return "\n".join(kept).rstrip() + "\n"

# -*- test-case-name: tests.unit.scripts.test_manpage -*-
"""The man page C{buildbot.1}, made from the table of commands. C{python -m tests.manpage} writes it.

It has no date and no version, so that only a change of a command changes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from buildbot.scripts.commands import COMMANDS, Command, Options
from buildbot.scripts.described import Option, optionsOf

_ABOUT = """
Buildbot builds and tests a project after each change of its source, on many machines. A master decides what
to build; slaves build it. The command makes, starts and stops the directories of both, asks a running master,
and acts on it.

DIR is the directory of a master or a slave. It may be left out in a directory with a buildbot.tac, except
with commands that have further arguments. Options may stand before or behind the arguments; -- ends them.
"""
_ENVIRONMENT = (
    ("BUILDBOT_TOKEN", "The token for a master on another machine (--url), if --token is not given."),
    (
        "BUILDBOT_AUTH",
        "USER:PASSWORD for sendchange and statuslog, without --auth and --auth-file.",
    ),
    ("NO_COLOR", "If it is set and not empty, nothing is printed in colours without --color=always."),
    ("TERM", "If it is dumb or missing, there are no colours and no line of progress."),
    ("COLUMNS", "The width of tables and of the help, if it is not that of the terminal."),
)
_STATUSES = (
    ("0", "Success."),
    ("1", "Failure; standard error has the reason."),
    ("2", "The arguments are wrong; nothing was done."),
    ("3", "status: the master runs, but has a problem."),
    ("4, 5, 6", "A build that the command waited for has failed, ended with an exception, or was cancelled."),
    ("130", "Interrupted."),
)
_FILES = (
    ("DIR/buildbot.tac", "Makes DIR the directory of a master or a slave."),
    ("DIR/master.cfg", "The configuration of the master."),
    ("DIR/twistd.log", "The log of the process."),
    ("DIR/control.sock", "Where commands reach a running master."),
    ("~/.buildbot/options", "Defaults for try."),
)


def manual() -> str:
    """The whole page."""
    return "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterable[str]:
    yield '.\\" Made by python -m tests.manpage: do not edit'
    yield ".TH BUILDBOT 1"
    yield from _section("NAME", ["buildbot \\- build and test a project after each change"])
    yield ".SH SYNOPSIS"
    yield ".B buildbot"
    yield _text("[options] COMMAND [options of the command] [arguments]")
    yield from _section("DESCRIPTION", _paragraphs(_ABOUT))
    yield ".SH OPTIONS"
    yield from _optionLines(optionsOf(Options))
    common = [each for each in optionsOf(COMMANDS["help"].options) if each.long == "--quiet"]
    yield ".PP"
    yield _text("Every command has these options, too, and:")
    yield from _optionLines(common)
    yield ".SH COMMANDS"
    for command in sorted(COMMANDS.values(), key=lambda each: each.name):
        yield from _commandLines(command)
    yield from _tagged("ENVIRONMENT", _ENVIRONMENT)
    yield from _tagged("EXIT STATUS", _STATUSES)
    yield from _tagged("FILES", _FILES)


def _commandLines(command: Command) -> Iterable[str]:
    yield f".SS {_text(command.name)}"
    yield f".B buildbot {_text(command.name)}"
    yield _text(getattr(command.options, "synopsis", "[options]"))
    yield ".PP"
    yield _text(" ".join((getattr(command.options, "longdesc", "") or command.help).split()))
    own = ("--help", "--version", "--quiet", "--color")
    yield from _optionLines([each for each in optionsOf(command.options) if each.long not in own])


def _optionLines(options: Sequence[Option]) -> Iterable[str]:
    for each in sorted(options, key=lambda each: each.long):
        names = [f"\\fB{_text(name)}\\fR" for name in (each.short, each.long) if name]
        value = f"=\\fI{_text(each.value)}\\fR" if each.value else ""
        yield ".TP"
        yield f"{', '.join(names)}{value}"
        yield _text(each.help)


def _section(title: str, lines: Iterable[str]) -> Iterable[str]:
    yield f".SH {title}"
    yield from lines


def _tagged(title: str, rows: Iterable[tuple[str, str]]) -> Iterable[str]:
    yield f".SH {title}"
    for name, about in rows:
        yield ".TP"
        yield f".B {_text(name)}"
        yield _text(about)


def _paragraphs(text: str) -> Iterable[str]:
    for at, paragraph in enumerate(text.split("\n\n")):
        yield from [*([".PP"] if at else []), _text(paragraph)]


def _text(text: str) -> str:
    """The text as roff prints it: its hyphens are those that a person can copy, and no line is a request."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga").replace("…", "...")
    return re.sub(r"^([.'])", r"\\&\1", " ".join(escaped.split()))

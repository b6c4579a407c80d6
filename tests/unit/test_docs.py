"""The documentation, compared with the code."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import posixpath
import re
import runpy
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any, cast

from twisted.internet.task import Clock
from twisted.python import usage
from twisted.python.reflect import accumulateClassList
from twisted.trial import unittest

from buildbot.buildmaster.service import BuildMaster
from buildbot.config import bots, builders, check, secrets
from buildbot.config import ports as configPorts
from buildbot.config.load import load
from buildbot.config.messages import LONGEST_NAME
from buildbot.config.model import KEEPALIVE
from buildbot.control import protocol
from buildbot.logs.live import LogDirectory
from buildbot.model.change import Change
from buildbot.model.properties import Properties
from buildbot.model.records import BuildRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process import ending
from buildbot.process.base import Build
from buildbot.process.buildstep import BuildStep
from buildbot.process.request import BuildRequest
from buildbot.reconfig.reconfigurer import LOAD_TIME
from buildbot.scripts.commands import Options
from buildbot.scripts.manpage import manual
from buildbot.slaves import arbitration, conflict, liveness, perspective
from buildbot.slaves.attachment import TRANSITIONS, Attachment, Event, State, advance
from buildbot.status.build import BuildStatus
from buildbot.wire import listeners, login, peers
from tests import contributed
from tests.listed import ListedCase
from tests.manpage import PAGE
from tests.recipes import recipes

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


def pages() -> dict[str, str]:
    """The text of every page, by its name in a toctree."""
    return {
        path.relative_to(DOCS).with_suffix("").as_posix(): path.read_text()
        for path in sorted(DOCS.rglob("*.rst"))
        if path.relative_to(DOCS).parts[0] not in ("_build", "news")
    }


def tableRows(text: str, name: str) -> list[list[str]]:
    """The cells of the list-table with this C{:name:}, row by row, without its header."""
    _, _, rest = text.partition(f"   :name: {name}\n")
    block = re.match(r"\n((?:   .*\n|\n)*)", rest)
    assert block is not None, f"the page lacks a list-table with :name: {name}"
    rows = re.split(r"^   \* ", block[1], flags=re.M)[1:]
    return [
        [" ".join(cell.split()) for cell in re.split(r"^(?:     )?-(?: |$)", row, flags=re.M)[1:]]
        for row in rows
    ][1:]


def literals(text: str) -> list[str]:
    """The texts in double backticks."""
    return re.findall(r"``([^`\n]+)``", text)


def entries(page: str, text: str) -> Iterator[str]:
    """The pages in the toctrees of a page."""
    for block in re.findall(r"^\.\. toctree::\n((?:   .*\n|\n)*)", text, re.M):
        for line in block.splitlines():
            if line.strip() and not line.strip().startswith(":"):
                yield (PurePosixPath(page).parent / line.strip()).as_posix()


class PagesTests(unittest.TestCase):
    """Every page can be found, and all names in it exist."""

    def test_everyPageReachable(self) -> None:
        """The tables of contents, from the first page on, lead to every page once."""
        texts = pages()
        named = sorted(entry for page, text in texts.items() for entry in entries(page, text))
        self.assertEqual(named, sorted(set(texts) - {"index"}))

    def test_filesExist(self) -> None:
        """Every file of the project that a page names exists."""
        named = {
            (page, each)
            for page, text in pages().items()
            for each in literals(text)
            if re.fullmatch(r"(?:buildbot|tests|docs|\.ci)/[\w./]+|setup\.py|LICENSE", each)
        }
        self.assertGreater(len(named), 3)
        self.assertEqual([(page, each) for page, each in sorted(named) if not (ROOT / each).exists()], [])

    def test_namesExist(self) -> None:
        """Every module, class and function of the package that a page names by its full name exists."""
        named = {
            (page, each)
            for page, text in pages().items()
            for each in re.findall(r"\bbuildbot(?:\.[A-Za-z_]\w*)+", text)
            if each not in ("buildbot.tac", "buildbot.lock", "buildbot.css")
            and not f"{each}.".startswith(tuple(f"{name}." for name in contributed.made()))
        }
        self.assertGreater(len(named), 3)
        self.assertEqual([(page, each) for page, each in sorted(named) if not resolves(each)], [])

    def test_shortNamesExist(self) -> None:
        """Every module, and every name in it, that a page names as FOLDER.MODULE exists."""
        folders = "|".join(path.parent.name for path in (ROOT / "buildbot").glob("*/__init__.py"))
        named = {
            (page, each)
            for page, text in pages().items()
            if page.startswith("architecture/")
            for each in literals(text)
            if re.fullmatch(rf"(?:{folders})(?:\.\w+)+", each)
        }
        self.assertGreater(len(named), 40)
        self.assertEqual(
            [(page, each) for page, each in sorted(named) if not resolves(f"buildbot.{each}")], []
        )

    def test_sessions(self) -> None:
        """Blocks without a language are shell sessions with prompts, and so are console blocks."""
        shown = 0
        block = r"^(?:(?!.*\.\. ).*::|.*\.\. code-block:: console)\n(?: +:.*\n)*\n( +\S.*)\n"
        for page, text in pages().items():
            for line in re.findall(block, text, re.M):
                self.assertRegex(line, r"^ +[$#] ", page)
                shown += 1
        self.assertGreater(shown, 30)

    def test_noLeftovers(self) -> None:
        """No page has a note of its author."""
        self.assertEqual(
            [page for page, text in pages().items() if re.search(r"\b(TODO|XXX|FIXME)\b", text)], []
        )

    def test_commandLines(self) -> None:
        """Every command line in a page has an existing command and existing options."""
        known = {name: optionsOf(options) for name, _, options, _ in Options.subCommands}
        known.setdefault("troubles", {})  # the example of docs/contributing/new-command
        shown = 0
        for page, text in {**pages(), "README": (ROOT / "README").read_text()}.items():
            for command, rest in re.findall(r"(?<![\w.-])buildbot ([a-z][a-z-]+)\b((?: [-\w/.:]+)*)", text):
                self.assertIn(command, known, f"{page}: buildbot has no such command")
                for option in re.findall(r"--[a-z-]+", rest):
                    self.assertTrue({option, f"{option}="} & set(known[command]), (page, command, option))
                shown += 1
        self.assertGreater(shown, 30)

    def test_extras(self) -> None:
        """Every extra in the pages exists."""
        setup = (ROOT / "setup.py").read_text()
        extras = re.search(r"extras_require=\{(.*?)\}", setup, re.S)
        assert extras is not None
        for page, text in {**pages(), "README": (ROOT / "README").read_text()}.items():
            for name, extra in re.findall(r"pip install (?:-e )?'([\w.-]+)\[(\w+)\]'", text):
                self.assertIn(name, (".", "buildbot-classic", "twisted"), page)
                if name != "twisted":
                    self.assertIn(f'"{extra}":', extras[1], page)

    def test_readme(self) -> None:
        """The commands for developers in the README are those of the checks of a clean clone."""
        readme, checks = (ROOT / "README").read_text(), (ROOT / ".ci" / "run").read_text()
        commands = re.findall(r"^    (python3 -m venv .*)$", readme, re.M)
        self.assertEqual(len(commands), 2)
        user, developer = (command.split(" && ") for command in commands)
        self.assertEqual(user[1:], ["venv/bin/pip install '.[slave]'", "venv/bin/buildbot demo"])
        self.assertIn(developer[1].removeprefix("venv/bin/pip install "), checks)
        tests = re.findall(r"^    venv/bin/python (-m (?:twisted.trial|tests.lanes) .*)$", readme, re.M)
        self.assertEqual(len(tests), 5)
        for stage, test in zip(
            ("unit", "coverage", "coverage", "coverage", "integration", "browser"),
            (tests[0], *tests),
            strict=True,
        ):
            body = re.search(rf"^{stage}\(\) {{\n(.*?)^}}$", checks, re.M | re.S)
            assert body is not None
            self.assertRegex(body[1], rf'(?m)"\$bin/python" {re.escape(test)}$')
        self.assertIn(f"   $ venv/bin/python {tests[0]}\n", pages()["contributing/index"])

    def test_everyTest(self) -> None:
        """The README's commands for every test name each folder of tests."""
        readme = (ROOT / "README").read_text()
        named = {
            name
            for line in re.findall(r"-m (?:twisted.trial|tests.lanes) (.*)$", readme, re.M)
            for name in line.split()
        }
        folders = {path.relative_to(ROOT).parts[1] for path in (ROOT / "tests").rglob("test_*.py")}
        named = {name for name in named if not name.startswith("-")}
        self.assertEqual(named, {f"tests.{folder}" for folder in folders})

    def test_quick(self) -> None:
        """Unit tests and stories start no programs: tests that do are in other folders."""
        starts = re.compile(
            r"^[ \t]*(?:import|from) subprocess\b|\bos\.(?:fork|posix_spawn|system|popen)\(", re.M
        )
        aside = {"processes", "browser", "daemons", "integration", "benchmarks", "lanes.py"}
        quick = [path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")]
        quick = [path for path in quick if path.parts[1] not in aside]
        self.assertGreater(len(quick), 100)
        self.assertEqual([str(path) for path in quick if starts.search((ROOT / path).read_text())], [])

    def test_words(self) -> None:
        """The messages quoted in troubleshooting exist in the source."""
        source = "\n".join(path.read_text() for path in (ROOT / "buildbot").rglob("*.py"))
        text = pages()["troubleshooting"]
        said = [row[0] for row in tableRows(text, "events")] + re.findall(r"^(``.*``)\n   ", text, re.M)
        said += re.findall(r"The (?:lines|line) (``.*?``(?: and ``.*?``)?)", text)
        pieces = [piece for each in said for whole in literals(each) for piece in splitWords(whole)]
        self.assertGreater(len(pieces), 15)
        self.assertEqual([piece for piece in pieces if piece not in source], [])


def splitWords(said: str) -> list[str]:
    """The constant parts of a message, without placeholders for addresses, numbers and the like."""
    parts = re.split(r"ADDRESS|\bN\b|\d[\d.]*|…|tcp:|: ", said)
    return [part.strip(" :") for part in parts if len(part.strip(" :")) > 5]


def resolves(name: str) -> bool:
    """True if a dotted name is a module, or an object in one.

    A module that needs a package that is not installed here exists.
    """
    try:
        found(name)
    except ModuleNotFoundError as error:
        return f"{error.name}".partition(".")[0] not in ("buildbot", "tests")
    except (ImportError, AttributeError):
        return False
    return True


def found(name: str) -> object:
    """The object of a dotted name. Raises ImportError or AttributeError if there is none."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        module = ".".join(parts[:cut])
        try:
            thing: object = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise
            continue
        for part in parts[cut:]:
            thing = getattr(thing, part)
        return thing
    raise ImportError(name)


class ContributingTests(ListedCase):
    """The pages for contributors. tests/processes/test_contributing.py follows their examples."""

    def test_where(self) -> None:
        """Each folder and module in "where is what" exists, and no folder is missing."""
        folders = set()
        for _, folder, begin in tableRows(pages()["contributing/where"], "where-table"):
            (name,) = literals(folder)
            folders.add(name)
            for each in literals(begin):
                self.assertTrue(
                    (ROOT / "buildbot" / f"{each}.py").exists(),
                    f"docs/contributing/where.rst names buildbot/{each}.py, which does not exist",
                )
        there = {path.parent.name for path in (ROOT / "buildbot").glob("*/__init__.py")}
        self.assertListed(
            "the second column of docs/contributing/where.rst",
            folders,
            sorted((there | {"buildbot"}) - {"clients"}),
        )

    def test_testFolders(self) -> None:
        """Each folder of tests is explained."""
        text = pages()["contributing/index"]
        folders = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
        self.assertListed(
            "the folders of tests in docs/contributing/index.rst",
            re.findall(r"^   \* - ``tests/(\w+)/``$", text, re.M),
            folders,
        )

    def test_examplesFit(self) -> None:
        """The text that an example changes in a file is in it once, or is changed already."""
        for page, text in contributed.examples().items():
            found = list(contributed.pieces(text))
            self.assertGreater(len(found), 4, page)
            wrong = []
            for piece in found:
                try:
                    if piece.isDiff:
                        piece.altered((ROOT / piece.path).read_text())
                except contributed.Outdated as why:
                    wrong.append(str(why))
            told = f"\ncorrect the example in docs/contributing/{page}.rst, it changes other lines:\n"
            self.assertEqual(wrong, [], told + "\n".join(wrong))

    def test_stages(self) -> None:
        """Each stage of the checks that a page runs exists."""
        listed = re.search(r"<<'END'\n.*?\nEND\n", (ROOT / ".ci" / "run").read_text(), re.S)
        assert listed is not None
        stages = set(re.findall(r"^    (\w+)  ", listed[0], re.M))
        said = "\n".join(pages().values())
        named = {
            word
            for words in re.findall(r"\.ci/run((?: [a-z]+)+)(?:``|$)", said, re.M)
            for word in words.split()
        }
        self.assertGreater(len(named), 1)
        self.assertEqual(named - stages, set())

    def test_trials(self) -> None:
        """Each test module that these pages run exists, or is made by an example."""
        made = contributed.made()
        for page, text in pages().items():
            names = {name for line in contributed.trials(text) for name in line} - {"-j3"}
            self.assertEqual([name for name in names - made if not resolves(name)], [], page)


class TablesTests(unittest.TestCase):
    """The tables and pictures, compared with the code."""

    def test_attachment(self) -> None:
        """The attachment table has the machine's rule for every state and event."""
        drawn: dict[tuple[str, str], tuple[str, list[str]]] = {}
        for states, events, target, effects in tableRows(
            pages()["architecture/attachment"], "attachment-table"
        ):
            for cell in product(literals(states), literals(events)):
                self.assertNotIn(cell, drawn)
                drawn[cell] = (literals(target)[0], literals(effects))
        real = {}
        for state, event in product(State, Event):
            now: Attachment[str | None] = Attachment(
                state, None if state is State.ABSENT else "a", "b" if state is State.DISPLACING else None
            )
            then, done = advance(now, event, "c" if event is Event.CONNECTED else now.peer)
            if then != now or done:
                real[state.name, event.name] = (then.state.name, [effect.name for effect in done])
        self.assertEqual(drawn, real)

    def test_attachmentPicture(self) -> None:
        """The picture of the attachment is the one that docs/diagrams.py draws from the code."""
        drawing = runpy.run_path(str(DOCS / "diagrams.py"))
        self.assertEqual(drawing["PICTURE"].read_text(), drawing["picture"](), "run docs/diagrams.py")
        drawn = {}
        for source, target, names in drawing["arrows"]():
            for each in drawing["SERVED"] if source == drawing["FRAME"] else (State[source],):
                drawn.update({(each, Event[name]): State[target] for name in names})
        self.assertEqual(drawn, drawing["transitions"]())
        self.assertEqual(set(drawn), set(TRANSITIONS))

    def test_parts(self) -> None:
        """Each part in the diagrams is held by the class above it, and is in the module beside it."""
        text = pages()["architecture/parts"]
        held = 0
        for block in re.findall(r"   :name: parts.*\n\n((?:   .*\n|\n)+)", text):
            owners: list[type] = []
            for line in filter(str.strip, block.splitlines()):
                match = re.fullmatch(r"   ([│├└─ ]*)(?:(\w+)(\*?): )?(\w+) +([\w.]+)", line)
                assert match is not None, line
                branches, attribute, _, name, module = match.groups()
                kind = vars(found(f"buildbot.{module}"))[name]
                self.assertEqual(kind.__module__, f"buildbot.{module}", line)
                del owners[len(branches) // 3 :]
                if attribute:
                    self.assertTrue(holds(owners[-1], attribute, name), line)
                    held += 1
                owners.append(kind)
        self.assertGreater(held, 40)

    def test_ending(self) -> None:
        """The table of the ends of a build has the rule for every state and event."""
        rows = tableRows(pages()["architecture/builds"], "ending-table")
        self.assertEqual([row[0] for row in rows], [state.value for state in ending.State])
        drawn = {}
        for state, *cells in rows:
            for event, cell in zip(ending.Event, cells, strict=True):
                if cell:
                    target, _, effects = cell.partition(": ")
                    done = tuple(ending.Effect(each) for each in effects.split(", "))
                    drawn[ending.State(state), event] = ending.State(target.strip("*")), done
        self.assertEqual(drawn, ending.TRANSITIONS)

    def test_limits(self) -> None:
        """Every limit in the security page has the value of its constant."""
        rows = tableRows(pages()["security"], "limits-table")
        compared = 0
        for what, value, constant in rows:
            for name in literals(constant):
                if "/" not in name:
                    self.assertEqual(float(value), found(f"buildbot.{name}"), what)
                    compared += 1
        self.assertGreater(compared, 10)

    def test_perspective(self) -> None:
        """The page about the wire has exactly the methods that a slave can call."""
        section = pages()["wire"].partition("It has these methods:")[2].partition("A challenge accepts")[0]
        methods = [name for name in dir(perspective.BotPerspective) if name.startswith("perspective_")]
        self.assertEqual(
            sorted(re.findall(r"^``(\w+)\(\)``$", section, re.M)),
            sorted(name.removeprefix("perspective_") for name in methods),
        )

    def test_times(self) -> None:
        """The times and counts in the pages about the wire are those of the code."""
        wire, machine = (" ".join(pages()[page].split()) for page in ("wire", "architecture/attachment"))
        for words in (
            f"has {liveness.ATTACH_TIME:g} seconds, from the login",
            f"within {liveness.ATTACH_TIME:g} seconds. Liveness",
            f"After ``keepalive`` seconds of silence ({KEEPALIVE:g}, unless",
            f"within another {liveness.PROBE_TIME:g} seconds",
            f"is detected within {KEEPALIVE + liveness.PROBE_TIME:g} seconds",
            f"disconnected after {login.HOLD:g} seconds, in a name conflict after "
            f"{arbitration.CONFLICT_HOLD:g}",
            f"a command version below {peers.KNOWS_ITS_VERSION} ",
        ):
            self.assertIn(words, wire)
        self.assertIn(
            f"more than {conflict.TAKEOVERS} times within {conflict.WINDOW / 60:g} minutes", machine
        )
        self.assertIn(f"within {arbitration.ARBITRATION_TIME:g} seconds", machine)


def holds(owner: type, attribute: str, kind: str) -> bool:
    """True if the source of a class declares or makes an attribute of that class."""
    source = sourceOf(owner)
    declared = rf"^    (?:    self\.)?{attribute}(?:: [^=\n]*\b{kind}\b| = {kind}\()"
    argument = rf"\b{attribute}: [^=,)\n]*\b{kind}\b"
    given = rf"self\.{attribute} = (?:list\()?{attribute}\b"
    return bool(
        re.search(declared, source, re.M)
        or re.search(rf"def {attribute}\(self\) -> [^\n]*\b{kind}\b", source)
        or (re.search(argument, source) and re.search(given, source))
    )


@cache
def sourceOf(owner: type) -> str:
    """The source of a class and of its bases in the package, each call on one line."""
    mine = [each for each in owner.__mro__ if each.__module__.startswith("buildbot.")]
    return re.sub(r"\(\s+", "(", "\n".join(map(inspect.getsource, mine)))


def own(module: str, base: type) -> list[str]:
    """The public classes of a kind that a module itself defines."""
    return [
        name
        for name, thing in vars(found(module)).items()
        if inspect.isclass(thing) and issubclass(thing, base)
        if thing.__module__ == module and not name.startswith("_")
    ]


def stepModules() -> list[str]:
    """The modules of steps, without those that get the source: these have a page of their own."""
    steps = ROOT / "buildbot" / "steps"
    paths = [*steps.glob("[a-z]*.py"), *(steps / "package").rglob("[a-z]*.py")]
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]


class ReferenceTests(ListedCase):
    """The reference has exactly the existing keys, options and commands."""

    maxDiff = None  # a failure shows the whole difference, so that the missing row is found

    def test_keys(self) -> None:
        """Every key of the configuration is in the page, with whether it is required, and no other one."""
        rows = tableRows(pages()["reference/configuration"], "config-keys")
        place = "the table config-keys in docs/reference/configuration.rst"
        self.assertListed(place, [literals(key)[0] for key, _, _ in rows], check.KEYS)
        required = [literals(key)[0] for key, value, _ in rows if "required" in value]
        self.assertListed(f"{place}, the keys that are required", required, check.REQUIRED)

    def test_otherKeys(self) -> None:
        """The keys of later Buildbots in the page are those with a hint in a message."""
        text = pages()["reference/configuration"]
        sentence = re.search(r"For keys of later Buildbots.*?\n\n", text, re.S)
        assert sentence is not None
        self.assertEqual([key for key in literals(sentence[0]) if key not in check.OTHER_KEYS], [])
        self.assertIn("services", literals(sentence[0]))

    def test_botOptions(self) -> None:
        """Every option of a bot is in the page, with its limits and its default."""
        rows = tableRows(pages()["reference/configuration"], "config-bot-options")
        self.assertListed(
            "the table config-bot-options in docs/reference/configuration.rst",
            [literals(option)[0] for option, _, _ in rows],
            bots.OPTIONS,
        )
        keepalive = next(value for option, value, _ in rows if "keepalive" in option)
        numbers = [float(each) for each in re.findall(r"\d+", keepalive)]
        self.assertEqual(numbers, [*bots.KEEPALIVE_BOUNDS, KEEPALIVE])

    def test_builderKeys(self) -> None:
        """Every key of a builder is in the page, with whether it is required, and no other one."""
        rows = tableRows(pages()["reference/configuration"], "config-builder-keys")
        place = "the table config-builder-keys in docs/reference/configuration.rst"
        self.assertListed(place, [literals(key)[0] for key, _, _ in rows], builders.BUILDER_KEYS)
        required = [literals(key)[0] for key, value, _ in rows if "required" in value]
        self.assertListed(f"{place}, the keys that are required", required, builders.REQUIRED_KEYS)

    def test_numbers(self) -> None:
        """The limits in the text are those of the rules."""
        text = " ".join(pages()["reference/configuration"].split())
        for words in (
            f"at most {LONGEST_NAME} bytes",
            f"at most {secrets.LARGEST} bytes",
            f"One slave can have {builders.MOST_BUILDERS} builders",
            f"{listeners.BACKLOG} connections may wait",
            *(f"``{name}``" for name in bots.RESERVED_NAMES),
        ):
            self.assertIn(words, text)

    def test_helpers(self) -> None:
        """Every helper for configurations is in the page with its parameters."""
        text = pages()["reference/configuration"]
        helpers = [
            f"{name}({', '.join(inspect.signature(thing).parameters)})"
            for name, thing in vars(secrets).items()
            if inspect.isfunction(thing) and thing.__module__ == secrets.__name__ and not name.startswith("_")
        ]
        self.assertGreater(len(helpers), 1)
        self.assertEqual([each for each in helpers if f"\n``{each}``\n" not in text], [])

    def test_portKinds(self) -> None:
        """Every kind of port in the rules is in the table of ports."""
        text = pages()["reference/configuration"].partition("_ports:")[2]
        self.assertEqual([kind for kind in configPorts.KINDS if f"``{kind}:" not in text], [])

    def test_steps(self) -> None:
        """Every factory and every step for configurations is in the page with its module."""
        text = pages()["reference/configuration"].partition(".. _steps:")[2]
        entries = dict(re.findall(r"^``(buildbot\.[\w.]+)``\n((?:   .*\n)+)", text, re.M))
        facade = "buildbot.steps.shell"
        behind = {thing.__module__ for thing in vars(found(facade)).values() if isinstance(thing, type)}
        steps = sorted({facade if each in behind else each for each in stepModules() if own(each, BuildStep)})
        place = "the list below the label _steps in docs/reference/configuration.rst"
        self.assertListed(place, sorted(entries), ["buildbot.process.factory", *steps])
        for module, words in entries.items():
            public = getattr(found(module), "__all__", ())
            classes = [*own(module, object), *(n for n in public if isinstance(found(f"{module}.{n}"), type))]
            missing = [name for name in classes if not re.search(rf"``{name}\b", words)]
            self.assertEqual(missing, [], f"name these classes of {module} in {place}")

    def test_stepArguments(self) -> None:
        """Every argument of all steps is in the page, with its default."""
        rows = tableRows(pages()["reference/steps"], "step-arguments")
        drawn = {literals(name)[0]: default for name, default, _ in rows}
        self.assertEqual(drawn.pop("name"), "each step's own")
        real = {name: getattr(BuildStep, name) for name in BuildStep.parms if name not in ("build", "name")}
        self.assertListed(
            "the table step-arguments in docs/reference/steps.rst",
            drawn,
            {name: f"``{default!r}``" for name, default in real.items()},
        )

    def test_stepFlags(self) -> None:
        """The page has the flags of every ready-made step."""
        rows = tableRows(pages()["reference/steps"], "step-flags")
        drawn = {step: sorted(literals(flags)) for steps, flags in rows for step in literals(steps)}
        flags = sorted(name for name in BuildStep.parms if getattr(BuildStep, name, None) is False)
        steps = {
            name: [flag for flag in flags if getattr(thing, flag)]
            for module in stepModules()
            for name, thing in vars(found(module)).items()
            if inspect.isclass(thing) and issubclass(thing, BuildStep) and not name.startswith("_")
            if thing.__module__ == module
        }
        self.assertGreater(len(steps), 15)
        self.assertListed("the table step-flags in docs/reference/steps.rst", drawn, steps)

    def test_properties(self) -> None:
        """The properties of every build are those in the page, with their order of precedence."""
        text = pages()["reference/steps"].partition(".. _properties:")[2]
        before, _, after = text.partition("and those that come from elsewhere")
        change = Change("me", [], "", properties=dict.fromkeys("abcd", "change"))
        request = BuildRequest("because", SourceStamp(changes=[change]), "full")
        request.properties = Properties(dict.fromkeys([*"bcd", "slavename"], "request"))
        build = Build([request])
        build.ofAll, build.ofBuilder = dict.fromkeys("abcde", "all"), dict.fromkeys("cd", "builder")
        build.setBuilder(SimpleNamespace(name="full", builddir="full"))
        record = BuildRecord("full", 7, "bot1", (), 0.0, reason="because")
        slave = SimpleNamespace(
            slavename="bot1",
            properties={"d": "bot", "buildnumber": "bot"},
            slave_basedir="/srv",
            path_module=posixpath,
        )
        clock, nobody = Clock(), cast(Any, None)
        build.startBuild(
            BuildStatus(nobody, record, LogDirectory(self.mktemp(), clock)),
            {},
            SimpleNamespace(
                slave=slave, clock=clock, peer=SimpleNamespace(startBuild=lambda: None, budget=None)
            ),
        )
        said = build.properties
        self.assertEqual([said[name] for name in "eabcd"], ["all", "change", "request", "builder", "bot"])
        own = [name for name, value, source in said.asList() if source == "build" or value == "/srv/full"]
        self.assertEqual(sorted(re.findall(r"^   \* - ``(\w+)``", before, re.M)), own)
        order = re.findall(r"^\d\. (?:of the |the |what a )(\w+)", after, re.M)
        self.assertEqual(order, ["configuration", "changes", "request", "builder", "bot", "eight", "step"])

    def test_leftOut(self) -> None:
        """The names that the page of differences lists as left out do not exist."""
        rows = tableRows(pages()["differences"], "left-out")
        names = [f"buildbot.{name}" for row in rows for name in literals(row[0])]
        self.assertGreater(len(names), 10)
        self.assertEqual([name for name in names if resolves(name)], [])

    def test_examplesLoad(self) -> None:
        """Every whole master.cfg in the pages is valid."""
        shown = 0
        for page, text in pages().items():
            for block in re.findall(r":caption: master\.cfg\n\n((?:   .*\n|\n)+)", text):
                basedir = Path(self.mktemp())
                basedir.mkdir()
                (basedir / "bot1.password").write_text("sekrit\n")
                (basedir / "bot1.password").chmod(0o600)
                self.patch(os, "environ", {**os.environ, "BOT2_PASSWORD": "sekrit"})
                config = load(textwrap.dedent(block), "master.cfg", str(basedir))
                self.assertEqual(config.warnings, (), page)
                shown += 1
        self.assertGreater(shown, 1)

    def test_recipes(self) -> None:
        """F2: recipes that fetch source name the branch and the revision; tests/integration runs them."""
        self.assertEqual([name for name, _ in recipes()], ["docs/howto/moving-from-0.7.x.rst"])
        for name, text in recipes():
            self.assertIn("%(branch", text, name)
            self.assertIn("%(revision", text, name)

    def test_commands(self) -> None:
        """Every command has a section of its own."""
        sections = re.findall(r"^(``.*``)\n=+$", pages()["reference/commands"], re.M)
        named = [name for section in sections for name in literals(section)]
        place = "the sections of docs/reference/commands.rst"
        self.assertListed(place, named, [name for name, *_ in Options.subCommands])

    def test_options(self) -> None:
        """Every option of every command is in the page, with its short form and its default."""
        text = pages()["reference/commands"]
        for name, _, options, _ in Options.subCommands:
            if name == "sighup":
                continue
            real = optionsOf(options)
            common = {long: real.pop(long) for long in COMMON}
            for long, (letter, _) in common.items():
                self.assertIn(f"``{letter}``, ``{long}``" if letter else f"\n``{long}``\n", text)
            rows = tableRows(text, f"options-{name}") if real else []
            drawn = {}
            for forms, default, _ in rows:
                *short, long = literals(forms)
                drawn[long] = (short[0] if short else None, literals(default)[0] if default else None)
            place = f"the table options-{name} in docs/reference/commands.rst (short option, default)"
            self.assertListed(place, drawn, real)

    def test_loadTime(self) -> None:
        """The time limit of master.cfg in the pages is that of the code."""
        for page in ("reference/commands", "reference/control-socket"):
            self.assertIn(f"without it {LOAD_TIME:g}", " ".join(pages()[page].split()))

    def test_manPage(self) -> None:
        """The man page is that of the commands. C{python -m tests.manpage} writes it again."""
        self.assertEqual(PAGE.read_text(encoding="ascii"), manual(), "run python -m tests.manpage")

    def test_globalOptions(self) -> None:
        """The options before the command are in the page too."""
        text = pages()["reference/commands"]
        for long, (short, _) in optionsOf(Options).items():
            self.assertIn(f"``{short}``, ``{long}``" if short else f"``{long}``", text)

    def test_status(self) -> None:
        """Every key of the status is in the page, and no other one."""
        master = BuildMaster(self.mktemp(), reactor=Clock())
        master.botmaster.addSlave("bot1")
        said = master.commands["status"]()
        for name, keys in (("status-master", said["master"]), ("status-slaves", said["slaves"][0])):
            rows = tableRows(pages()["reference/status"], name)
            place = f"the table {name} in docs/reference/status.rst"
            self.assertListed(place, [literals(key)[0] for key, *_ in rows], keys)
        (states,) = [meaning for key, _, meaning in rows if key == "``state``"]
        self.assertEqual(literals(states), [state.value for state in State])

    def test_controlCommandsOfSecurity(self) -> None:
        """The page about security has each command of the control socket."""
        said = pages()["security"].partition("without a password:")[2].partition(".")[0]
        self.assertListed(
            "the sentence about control.sock in docs/security.rst", literals(said), protocol.COMMANDS
        )

    def test_controlCommands(self) -> None:
        """Every command of the control socket is in the page, with its parameters."""
        shown: dict[str, set[str]] = {}
        for request in re.findall(r"``(\{\"command\": .*?\})``", pages()["reference/control-socket"]):
            said = json.loads(request.replace("NAME", '"b"'))
            shown.setdefault(said.pop("command"), set()).update(said)
        master = BuildMaster(self.mktemp(), reactor=Clock())
        real = {
            command: set(inspect.signature(handler).parameters) - {"hungUp"}  # the socket itself passes it
            for command, handler in master.commands.items()
        }
        self.assertGreater(len(real), 9)
        self.assertListed("the requests in docs/reference/control-socket.rst", shown, real)


#: The options that every command has.
COMMON = ("--help", "--quiet", "--version", "--color=")


def optionsOf(options: type[usage.Options]) -> dict[str, tuple[str | None, str | None]]:
    """The options of a command: C{"--flag"} or C{"--parameter="} -> its short form and its default."""
    found: dict[str, tuple[str | None, str | None]] = {"--version": (None, None), "--help": ("-h", None)}
    flags: list[list[str | None]] = []
    parameters: list[list[Any]] = []
    accumulateClassList(options, "optFlags", flags)
    accumulateClassList(options, "optParameters", parameters)
    for long, short, *_ in flags:
        found[f"--{long}"] = (f"-{short}" if short else None, None)
    methods = {name[4:]: getattr(options, name) for name in dir(options) if name.startswith("opt_")}
    for name, method in methods.items():
        if len(name) > 1 and len(inspect.signature(method).parameters) > 1:
            letters = [f"-{letter}" for letter in methods if len(letter) == 1 and methods[letter] is method]
            found[f"--{name}="] = (letters[0] if letters else None, None)
    for name, letter, default, *_ in parameters:
        shown = f"{default:g}" if isinstance(default, float) else default if default is None else str(default)
        found[f"--{name}="] = (f"-{letter}" if letter else None, shown)
    return found

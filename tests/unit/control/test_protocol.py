"""The table of the control socket's commands and their parameters."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.testing import MemoryReactorClock

from buildbot.buildmaster.service import BuildMaster
from buildbot.control.buildcommands import BEGIN_TIME, BuildCommands
from buildbot.control.changecommands import ChangeCommands
from buildbot.control.lookingcommands import LookingCommands
from buildbot.control.protocol import COMMANDS, NUMBER, BadRequest, understand
from buildbot.control.requestcommands import RequestCommands
from buildbot.control.server import ControlServer
from buildbot.control.slavecommands import SlaveCommands
from tests.examples import examples
from tests.listed import ListedCase
from tests.unit.process.test_builds import BuildCase

#: JSON values, some larger than useful.
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**53, max_value=2**70)
    | st.floats()
    | st.text()
    | st.sampled_from(["full", "quick", "bot1", "\ud800", "", "\x00", "x" * 2000, -1, 0, 2**63, 1e400]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


#: Every parameter, and an unknown one.
NAMES = [*sorted({name for kinds in COMMANDS.values() for name in kinds}), "speed"]


class TableTests(ListedCase):
    """Valid and invalid requests."""

    def refusal(self, **request: Any) -> str:
        """The refusal of a request."""
        with self.assertRaises(BadRequest) as caught:
            understand(json.dumps(request).encode(), COMMANDS)
        return str(caught.exception)

    def test_good(self) -> None:
        """H10: a valid request is parsed; missing parameters are left to the command."""
        line = b'{"command": "force", "builder": "b", "properties": {"a": [1, {"b": null}]}, "branch": null}'
        params = {"builder": "b", "properties": {"a": [1, {"b": None}]}, "branch": None}
        self.assertEqual(understand(line, COMMANDS), ("force", params))
        self.assertEqual(understand(b'{"command": "status"}', COMMANDS), ("status", {}))

    def test_wrong(self) -> None:
        """H10: a wrong parameter is named, with its value and the valid ones."""
        for request, words in (
            ({"command": "pause", "slave": "bot1", "who": 5}, "pause: who must be text, not 5"),
            ({"command": "pause"}, "pause: slave is missing: a name"),
            ({"command": "force", "builder": ["b"]}, 'force: builder must be a name, not ["b"]'),
            ({"command": "force", "builder": ""}, "force: builder must be a name, not ''"),
            (
                {"command": "build", "builder": "b", "number": True},
                f"number must be {NUMBER.words}, not true",
            ),
            (
                {"command": "build", "builder": "b", "number": 2**64},
                f"number must be {NUMBER.words}, not {2**64}",
            ),
            ({"command": "builds", "count": -1}, f"builds: count must be {NUMBER.words}, not -1"),
            ({"command": "reconfig", "timeout": float("nan")}, "timeout must be a number of seconds"),
            ({"command": "reconfig", "drain": "no"}, "drain must be true or false, not 'no'"),
            ({"command": "stopbuild", "builder": "\udc80"}, "builder must be a name, not '\\udc80'"),
            (
                {"command": "force", "builder": "b", "properties": {"": 1}},
                "properties must be an object of names",
            ),
            (
                {"command": "force", "builder": "b", "params": ["x"]},
                "params must be an object of names and texts",
            ),
            ({"command": "force", "builder": "b", "params": {"x": 5}}, "params must be an object of names"),
            ({"command": "force", "builder": "b", "params": {"x": ["y", 5]}}, "params must be an object"),
            ({"command": "force", "builder": "b", "params": {"x": "\udc80"}}, "params must be an object"),
            ({"command": "force", "builder": "b", "scheduler": ""}, "scheduler must be a name or null"),
            ({"command": "parameters"}, "parameters: builder is missing: a name"),
            ({"command": "status", "slav": "bot1"}, "status: unknown parameter 'slav' (known: slave)"),
            ({"command": 7}, "this master knows no command 7"),
        ):
            self.assertIn(words, self.refusal(**request))

    def test_deep(self) -> None:
        """H10: a property that is nested too deep is refused before it is stored."""
        value: Any = 1
        for _ in range(30):
            value = [value]
        self.assertIn(
            "properties must be", self.refusal(command="force", builder="b", properties={"a": value})
        )

    def test_shortened(self) -> None:
        """H10: a wrong value is shortened in the error."""
        self.assertLess(len(self.refusal(command="pause", slave="bot1", who=["x" * 1000])), 200)

    def test_documented(self) -> None:
        """H10: the reference page shows every command with every parameter."""
        page = Path(__file__, "../../../../docs/reference/control-socket.rst").resolve().read_text()
        shown: dict[str, set[str]] = {}
        for request in re.findall(r'``\{("command": .*?)\}``', page):
            words = re.findall(r'"(\w+)":', request)
            command = re.findall(r'"command": "(\w+)"', request)[0]
            shown.setdefault(command, set()).update(words[1:])
        real = {command: set(kinds) for command, kinds in COMMANDS.items()}
        self.assertListed("the requests in docs/reference/control-socket.rst", shown, real)


#: The commands whose handlers need a whole master.
ELSEWHERE = {
    *("status", "reconfig", "progress", "audit", "disconnect", "shutdown", "cancelshutdown"),
    "handover",
    *("tokens", "addtoken", "revoketoken", "account", "disk"),
    *("follow", "pass", "used", "log"),  # those of processes with pages: tests.stories.test_readers
}


class HandlersTests(BuildCase):
    """The table and the commands' methods."""

    def setUp(self) -> None:
        super().setUp()
        self.connect()
        self.handlers: dict[str, Any] = {
            **BuildCommands(self.botmaster).handlers(),
            **RequestCommands(self.botmaster, BuildCommands(self.botmaster)).handlers(),
            **SlaveCommands(self.botmaster).handlers(),
            **ChangeCommands(lambda change: succeed(change.numbered(1))).handlers(),
            **LookingCommands(self.botmaster).handlers(),
        }
        self.server = ControlServer(self.mktemp(), self.handlers, MemoryReactorClock(), COMMANDS)

    def test_each(self) -> None:
        """Every command is tested here, or named as tested elsewhere."""
        self.assertEqual(COMMANDS.keys() - ELSEWHERE - self.handlers.keys(), set())

    def test_signatures(self) -> None:
        """H10: every command of the table has a method with exactly these parameters."""
        handlers = BuildMaster(self.mktemp(), reactor=MemoryReactorClock()).commands
        self.assertEqual(set(handlers), set(COMMANDS))
        for command, kinds in COMMANDS.items():
            parameters = inspect.signature(handlers[command]).parameters
            self.assertEqual(set(parameters) - {"hungUp"}, set(kinds), command)
            for name, kind in kinds.items():
                isRequired = parameters[name].default is inspect.Parameter.empty
                self.assertEqual(kind.isRequired, isRequired, (command, name))

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request."""
        answers: list[bytes] = []
        asked = Deferred.fromCoroutine(self.server.answer(json.dumps(request).encode()))
        asked.addCallback(answers.append)
        self.settle()
        self.clock.advance(BEGIN_TIME)
        self.settle()
        (said,) = answers
        answer: dict[str, Any] = json.loads(said)
        return answer

    @settings(max_examples=examples(120), deadline=None)
    @given(
        st.sampled_from(sorted(COMMANDS.keys() - ELSEWHERE)),
        st.dictionaries(st.sampled_from(NAMES), ANYTHING),
    )
    def test_anything(self, command: str, params: dict[str, Any]) -> None:
        """H10: any request is served or refused in plain words; nothing raises internally."""
        names = {"builder": "full", "slave": "bot1", "number": 0, "files": ["a.c"], "comments": ""}
        whole = {name: value for name, value in names.items() if name in COMMANDS[command]}
        for request in (params, {**whole, **params}, {**params, **whole}):
            known = {name: value for name, value in request.items() if name in COMMANDS[command]}
            for chosen in (request, known):
                said = self.answer({**chosen, "command": command})
                self.assertEqual(len(said), 1)
                self.assertTrue({"ok", "error"} & set(said), said)
                self.assertNotIn("internal error", str(said.get("error")))

    def test_eachWrong(self) -> None:
        """H10: every parameter of every command refuses values of every wrong type."""
        values: list[Any] = [
            None,
            True,
            5,
            -5,
            2.5,
            "",
            "\ud800",
            "word",
            [],
            ["a"],
            {},
            {"a": "\ud800"},
            2**64,
        ]
        good: dict[str, object] = {"builder": "full", "slave": "bot1", "number": 0, "change": 0}
        good.update(request=0, who="ann", files=[], comments="")
        for command in self.handlers:
            for name, kind in COMMANDS[command].items():
                required = {each: good[each] for each, other in COMMANDS[command].items() if other.isRequired}
                for value in values:
                    if not kind.accepts(value):
                        said = self.answer({**required, name: value, "command": command})
                        self.assertIn(f"{name} must be {kind.words}, not ", said["error"])

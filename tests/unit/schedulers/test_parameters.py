"""The parameters of forced builds."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.schedulers.parametergroups import AnyPropertyParameter, NestedParameter, leavesOf
from buildbot.schedulers.parameters import (
    BaseParameter,
    BooleanParameter,
    BuildslaveChoiceParameter,
    ChoiceStringParameter,
    FixedParameter,
    IntParameter,
    StringParameter,
    TextParameter,
    UserNameParameter,
    ValidationError,
    WorkerChoiceParameter,
)


class Even(IntParameter):
    """A parameter of a site."""

    def parse_from_arg(self, s: Any) -> Any:
        number = super().parse_from_arg(s)
        if number % 2:
            raise ValidationError(f"{number} is odd")
        return number


class Twice(StringParameter):
    """A parameter of a site that sets two properties."""

    def updateFromKwargs(self, properties: dict[str, Any], kwargs: Any, **unused: Any) -> None:
        properties["one"] = properties["other"] = self.getFromKwargs(kwargs)


class Status:
    """A master with two builders, its own status."""

    slaves = {"full": ["b2", "b1"], "docs": ["b3"]}

    def __init__(self, name: str = "") -> None:
        self.name = name

    def getStatus(self) -> Status:
        return self

    def getBuilder(self, name: str) -> Status:
        return Status(name)

    def getSlaves(self) -> list[Status]:
        return [Status(each) for each in self.slaves[self.name]]

    def getSlaveNames(self) -> list[str]:
        return ["b2", "b1", "b3"]

    def getName(self) -> str:
        return self.name


def valueOf(parameter: BaseParameter, *given: str, **more: str) -> Any:
    """The properties of one parameter to which some values are given."""
    properties: dict[str, Any] = {}
    kwargs: dict[str, Any] = {name: [value] for name, value in more.items()}
    if given:
        kwargs[parameter.fullName] = list(given)
    parameter.updateFromKwargs(properties=properties, kwargs=kwargs, master=Status(), buildername="full")
    return properties


class ValueTests(unittest.SynchronousTestCase):
    """Valid values become properties; others are errors in the words of the person."""

    def assertValue(self, parameter: BaseParameter, given: Any, value: Any) -> None:
        self.assertEqual(valueOf(parameter, *given), {"p": value})

    def assertError(self, parameter: BaseParameter, given: Any, words: str) -> None:
        told = str(self.assertRaises(ValidationError, valueOf, parameter, *given))
        self.assertEqual(told, f"parameter {parameter.fullName!r} {words}")

    def test_text(self) -> None:
        """A text is kept as it is; without one, the default counts. White space alone is no value."""
        for kind in (StringParameter, TextParameter):
            self.assertValue(kind("p"), ["a b"], "a b")
            self.assertValue(kind("p", default="d"), [], "d")
            self.assertValue(kind("p", default="d"), [" "], "d")
            self.assertValue(kind("p"), [], "")
            self.assertError(kind("p"), ["a", "b"], "takes one value, and is given 2")
            self.assertError(kind("p", required=True, default="d"), [], "is required")
            self.assertError(kind("p", default=None), [], "needs a value: it has no default")

    def test_label(self) -> None:
        """An error has the label, if it says more than the name."""
        self.assertError(StringParameter("p", label="Why?:", required=True), [], "(Why?) is required")
        self.assertError(
            StringParameter("p", label="Why <b>now</b>?:<br>", required=True), [], "(Why now?) is required"
        )
        self.assertError(StringParameter("p", label="p:", required=True), [], "is required")

    def test_regex(self) -> None:
        """A value must match the pattern from its beginning, and so must the default."""
        told = "must match the pattern '[0-9.]+$', and {!r} does not"
        parameter = StringParameter("p", regex="[0-9.]+$")
        self.assertValue(parameter, ["1.2"], "1.2")
        self.assertError(parameter, ["v1.2"], told.format("v1.2"))
        self.assertError(parameter, [], told.format(""))
        self.assertValue(IntParameter("p", regex="[0-9]$", default=3), [], 3)

    def test_multiple(self) -> None:
        """Several values become a list; each is checked."""
        self.assertValue(StringParameter("p", multiple=True), ["a", "b"], ["a", "b"])
        self.assertValue(StringParameter("p", multiple=True, default=["x"]), [], ["x"])
        self.assertValue(StringParameter("p", multiple=True), [], [])
        choice = ChoiceStringParameter("p", choices=["a", "b"], multiple=True)
        self.assertValue(choice, ["b", "a"], ["b", "a"])
        self.assertError(choice, ["b", "c"], "must be one of the choices: a, b, not 'c'")

    def test_fixed(self) -> None:
        """A fixed parameter has its default of any type, and refuses another value."""
        for value in ("x", 5, None, ["a"]):
            self.assertValue(FixedParameter("p", default=value), [], value)
        self.assertValue(FixedParameter("p", default="x"), ["x"], "x")
        self.assertError(FixedParameter("p", default="x"), ["y"], "is fixed: it is always 'x'")

    def test_int(self) -> None:
        """A whole number is given as text."""
        self.assertValue(IntParameter("p"), ["-7"], -7)
        self.assertValue(IntParameter("p", default=3), [], 3)
        self.assertError(IntParameter("p", default=3), ["1.5"], "must be a whole number, not '1.5'")
        self.assertError(IntParameter("p"), [], "needs a whole number: it has no default")

    def test_boolean(self) -> None:
        """True and False have several spellings."""
        for text, value in (("true", True), ("Yes", True), ("1", True), ("off", False), ("FALSE", False)):
            self.assertValue(BooleanParameter("p"), [text], value)
        self.assertValue(BooleanParameter("p"), [], False)
        self.assertValue(BooleanParameter("p", default=True), [], True)
        self.assertError(BooleanParameter("p"), ["maybe"], "must be true or false, not 'maybe'")

    def test_userName(self) -> None:
        """A person has a name and an address, unless the address is not wanted."""
        self.assertValue(UserNameParameter("p"), ["Ann <ann@x.org>"], "Ann <ann@x.org>")
        self.assertValue(UserNameParameter("p"), [], "")
        self.assertValue(UserNameParameter("p", need_email=False), ["ann"], "ann")
        self.assertError(
            UserNameParameter("p"),
            ["ann"],
            "(Your name) must have the form 'User <email@email.com>', and 'ann' does not",
        )
        self.assertEqual(UserNameParameter().name, "username")

    def test_choice(self) -> None:
        """A choice is one of its texts, unless others are allowed. There is no first choice."""
        choice = ChoiceStringParameter("p", choices=["a", "b"])
        self.assertValue(choice, ["b"], "b")
        self.assertError(choice, ["c"], "must be one of the choices: a, b, not 'c'")
        self.assertError(choice, [], "needs a value: a, b")
        self.assertValue(ChoiceStringParameter("p", choices=["a"], default="a"), [], "a")
        self.assertValue(ChoiceStringParameter("p", choices=["a"], strict=False), ["c"], "c")

    def test_slave(self) -> None:
        """A slave is one of the builder, or any one; then there is no property."""
        for kind, name in ((BuildslaveChoiceParameter, "slavename"), (WorkerChoiceParameter, "workername")):
            parameter = kind()
            self.assertEqual(valueOf(parameter, "b1"), {name: "b1"})
            self.assertEqual((valueOf(parameter, "-any-"), valueOf(parameter)), ({}, {}))
            label = f"parameter '{name}' ({parameter.label})"
            told = str(self.assertRaises(ValidationError, valueOf, parameter, "b3"))
            self.assertEqual(told, f"{label} names no slave of the builder: -any-, b1, b2, not 'b3'")
            self.assertEqual(parameter.getChoices(Status(), None, None), ["-any-", "b1", "b2", "b3"])

    def test_ownClasses(self) -> None:
        """The class of a site overrides how a value is read, or which properties it sets."""
        self.assertValue(Even("p"), ["4"], 4)
        self.assertEqual(str(self.assertRaises(ValidationError, valueOf, Even("p"), "3")), "3 is odd")
        self.assertEqual(valueOf(Twice("p"), "x"), {"one": "x", "other": "x"})


class GroupTests(unittest.SynchronousTestCase):
    """Groups of parameters."""

    def test_named(self) -> None:
        """A group with a name is one property, a dictionary. Its name begins the names of its parts."""
        inner = NestedParameter("in", [IntParameter("n")])
        group = NestedParameter("g", [StringParameter("a", default="x"), inner])
        self.assertEqual(list(leavesOf([group])), ["g_a", "g_in_n"])
        self.assertEqual(valueOf(group, g_in_n="4"), {"g": {"a": "x", "in": {"n": 4}}})

    def test_nameless(self) -> None:
        """The parts of a group without a name are properties."""
        group = NestedParameter("", [StringParameter("a"), NestedParameter("", [StringParameter("b")])])
        self.assertEqual(list(leavesOf([group])), ["a", "b"])
        self.assertEqual(valueOf(group, b="y"), {"a": "", "b": "y"})

    def test_allErrors(self) -> None:
        """All errors in a group are told at once."""
        inner = NestedParameter("", [IntParameter("n"), StringParameter("s", required=True)])
        group = NestedParameter("g", [BooleanParameter("f"), inner])
        why = self.assertRaises(ValidationError, valueOf, group, g_f="maybe", g_n="x")
        self.assertEqual(
            why.errors,
            (
                "parameter 'g_f' must be true or false, not 'maybe'",
                "parameter 'g_n' must be a whole number, not 'x'",
                "parameter 'g_s' is required",
            ),
        )

    def test_anyProperty(self) -> None:
        """A property of any name needs its name, and may have no value."""
        parameter = AnyPropertyParameter("any")
        self.assertEqual(list(leavesOf([parameter])), ["any_name", "any_value"])
        self.assertEqual(valueOf(parameter, any_name="p", any_value="v"), {"p": "v"})
        self.assertEqual(valueOf(parameter, any_name="p"), {"p": ""})
        self.assertEqual(valueOf(parameter), {})
        told = str(self.assertRaises(ValidationError, valueOf, parameter, any_value="v"))
        self.assertIn("parameter 'any_name' (Any name) is required, because the value is given", told)


class ArgumentTests(unittest.SynchronousTestCase):
    """The arguments of parameters."""

    def test_attributes(self) -> None:
        """The arguments of 0.8 and of later forms are taken; a misspelt one is told."""
        made = StringParameter(name="p", label="L", size=80, length=20, tooltip="t", maxsize=5, hide=True)
        self.assertEqual((made.label, made.size, made.hide, made.type), ("L", 80, True, ("text",)))
        told = str(self.assertRaises(BadArguments, StringParameter, "p", requird=True))
        self.assertIn("StringParameter 'p' takes no argument requird; did you mean 'required'?", told)
        self.assertIn(
            "regex must be a regular", str(self.assertRaises(BadArguments, StringParameter, "p", regex="("))
        )

    def test_choices(self) -> None:
        """Choices may be the keys of a dictionary; what is no text is told."""
        self.assertEqual(ChoiceStringParameter("p", choices={"a": 1, "b": 2}.keys()).choices, ["a", "b"])
        for choices, told in (([1, 2], ": it holds 1"), ("abc", ", not the text 'abc'")):
            why = str(self.assertRaises(BadArguments, ChoiceStringParameter, "p", choices=choices))
            self.assertEqual(why, f"ChoiceStringParameter 'p': choices must be a list of texts{told}")

    def test_ownAttributes(self) -> None:
        """The class of a site may have attributes of its own."""
        own = type("Own", (StringParameter,), {"limit": 5})
        self.assertEqual((own("p").limit, own("p", limit=7).limit), (5, 7))

    def test_equal(self) -> None:
        """Parameters are equal if their arguments are, for a reconfig."""
        one, same = (NestedParameter("g", [StringParameter("a", regex="x")]) for _ in range(2))
        self.assertEqual(one, same)
        self.assertNotEqual(one, NestedParameter("g", [StringParameter("a", regex="y")]))
        self.assertNotEqual(StringParameter("a"), TextParameter("a"))
        self.assertNotEqual(StringParameter("a"), StringParameter("a", default="b"))

    def test_describe(self) -> None:
        """A parameter describes itself for people."""
        self.assertEqual(
            ChoiceStringParameter("p", label="P", default="a", regex="^a").describe(["a", "b"]),
            {
                **{"name": "p", "label": "P", "type": "list", "required": False, "default": "a"},
                **{"multiple": False, "hide": False, "choices": ["a", "b"], "pattern": "^a"},
                **{"free": False, "size": None, "rows": None, "group": ""},
            },
        )

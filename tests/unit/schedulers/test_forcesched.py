"""The arguments of a ForceScheduler. tests.stories.test_force has the builds."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.schedulers.forcesched import (
    AnyPropertyParameter,
    BuildslaveChoiceParameter,
    ChoiceStringParameter,
    CodebaseParameter,
    FixedParameter,
    ForceScheduler,
    InheritBuildParameter,
    IntParameter,
    NestedParameter,
    StringParameter,
    ValidationError,
)


class ArgumentTests(unittest.SynchronousTestCase):
    """The arguments of 0.8 and later; what is wrong is told in words."""

    def told(self, *args: Any, **kw: Any) -> str:
        return str(self.assertRaises(BadArguments, ForceScheduler, "f", ["b"], *args, **kw))

    def test_all(self) -> None:
        """All arguments of 0.8.14 are taken, in its order, and the label of later releases."""
        person, why, x = (StringParameter(name) for name in ("who", "why", "x"))
        made = ForceScheduler(
            "f", ["b"], person, why, "%(owner)s", "Go", [CodebaseParameter("")], [x], label="F"
        )
        self.assertEqual((made.username, made.reason, made.reasonString), (person, why, "%(owner)s"))
        self.assertEqual((made.buttonName, made.label, made.listBuilderNames()), ("Go", "F", ["b"]))
        self.assertEqual(
            list(made.leaves()), ["who", "why", "branch", "revision", "repository", "project", "x"]
        )
        self.assertEqual(
            made, ForceScheduler("f", ["b"], person, why, "%(owner)s", "Go", [""], [x], label="F")
        )

    def test_codebases(self) -> None:
        """A codebase is a parameter, a text, or a dictionary with defaults. It may leave parts out."""
        for codebases, names in (
            ([""], ["branch", "revision", "repository", "project"]),
            (["c"], ["c_branch", "c_revision", "c_repository", "c_project"]),
            (
                [CodebaseParameter("c", "short", project=None, revision=None)],
                ["short_branch", "short_repository"],
            ),
            ({"": {"branch": "trunk"}}, ["branch", "revision", "repository", "project"]),
        ):
            made = ForceScheduler("f", ["b"], codebases=codebases, properties=[])
            self.assertEqual(list(made.leaves()), ["username", "reason", *names])
        self.assertEqual(made.codebases[0].roles["branch"].default, "trunk")

    def test_several(self) -> None:
        """Several codebases have their parts under their names, in groups; the empty name has plain ones."""
        revision = {"branch": None, "repository": None, "project": None}
        app = CodebaseParameter("app", **revision)
        for codebases, names in (
            (["", app], ["branch", "revision", "repository", "project", "app_revision"]),
            ([app, CodebaseParameter("lib", "l", "The library", **revision)], ["app_revision", "l_revision"]),
        ):
            made = ForceScheduler("f", ["b"], codebases=codebases, properties=[])
            self.assertEqual(list(made.leaves()), ["username", "reason", *names])
        groups = [each.get("group") for each in made.describe("b")]
        self.assertEqual(groups, ["", "", "Codebase: app", "The library"])
        self.assertEqual(made.configurationDoubts, [])

    def test_named(self) -> None:
        """A part is found if one codebase asks for it; else the error has the names."""
        app = CodebaseParameter("app", project=None)
        made = ForceScheduler("f", ["b"], codebases=[app, CodebaseParameter("lib", branch=None)])
        self.assertEqual(
            [made.named(each).fullName for each in ("branch", "project")], ["app_branch", "lib_project"]
        )
        why = self.assertRaises(ValidationError, made.named, "revision")
        told = "scheduler 'f' takes no revision, but one for each codebase: app_revision, lib_revision"
        self.assertEqual(str(why), told)
        made = ForceScheduler("f", ["b"], codebases=[CodebaseParameter("app", branch=None)])
        self.assertEqual(
            str(self.assertRaises(ValidationError, made.named, "branch")), "scheduler 'f' takes no branch"
        )

    def test_wrongCodebases(self) -> None:
        """Wrong codebases are told: none, one twice, one together with its parts."""
        twice = [CodebaseParameter("a"), "a"]
        self.assertIn("it has 'a' twice", self.told(codebases=twice))
        self.assertIn("it holds 7", self.told(codebases=["a", 7]))
        self.assertIn("CodebaseParameter(codebase='', hide=True) asks for nothing", self.told(codebases=[]))
        both = self.told(codebases=[""], branch=StringParameter("branch"))
        self.assertIn("ForceScheduler 'f' takes codebases, or branch, but not both", both)

    def test_wrong(self) -> None:
        """A wrong argument is told with its name."""
        self.assertIn(
            ": branch must be a parameter, as in StringParameter(name='x')", self.told(branch="trunk")
        )
        self.assertIn(": properties must be a list of parameters", self.told(properties=["x"]))
        self.assertIn("reasonString may have the places %(owner)s", self.told(reasonString="%(user)s"))
        self.assertIn("takes no argument propertys; did you mean 'properties'?", self.told(propertys=[]))

    def test_inherit(self) -> None:
        """An earlier build cannot be a part of a dictionary, and its function takes two arguments."""
        group = NestedParameter("g", [NestedParameter("", [InheritBuildParameter()])])
        self.assertIn("an InheritBuildParameter cannot be in the group 'g'", self.told(properties=[group]))
        wrong = self.assertRaises(BadArguments, InheritBuildParameter, compatible_builds=lambda status: [])
        self.assertIn("compatible_builds must be a function of (status, buildername)", str(wrong))

    def test_doubts(self) -> None:
        """Two parameters of one name cause a warning."""
        made = ForceScheduler("f", ["b"], properties=[FixedParameter("x"), StringParameter("x")])
        self.assertEqual(made.configurationDoubts, ["scheduler 'f' has two parameters 'x'"])
        self.assertEqual(ForceScheduler("f", ["b"]).configurationDoubts, [])

    def test_namesMissing(self) -> None:
        """Each kind of parameter tells a missing name like any other argument."""
        for kind in (StringParameter, NestedParameter, AnyPropertyParameter):
            why = self.assertRaises(BadArguments, kind, nam="x")
            self.assertIn(f"{kind.__name__} lacks its argument name", str(why))
            self.assertIn("takes no argument nam; did you mean 'name'?", str(why))

    def test_defaults(self) -> None:
        """A default that the parameter would refuse causes a warning; no default causes none."""
        made = ForceScheduler(
            "f",
            ["b"],
            branch=ChoiceStringParameter("branch", choices=["main"], default="mian"),
            properties=[
                NestedParameter("g", [IntParameter("jobs", default="four")]),
                StringParameter("version", regex=r"\d", default="x"),
                *(IntParameter("a"), ChoiceStringParameter("c", choices=["1"]), BuildslaveChoiceParameter()),
                ChoiceStringParameter("m", choices=["1", "2"], multiple=True, default=["1", "2"]),
                *(IntParameter("d", default=0), StringParameter("r", regex="x", required=True)),
                ChoiceStringParameter("free", choices=["1"], strict=False, default="2"),
            ],
        )
        told = [each.partition(" is not valid: ")[2] for each in made.configurationDoubts]
        self.assertEqual(
            told,
            [
                "parameter 'branch' must be one of the choices: main, not 'mian'",
                "parameter 'g_jobs' must be a whole number, not 'four'",
                "parameter 'version' must match the pattern '\\d', and 'x' does not",
            ],
        )
        self.assertIn("the default of scheduler 'f' is", made.configurationDoubts[0])

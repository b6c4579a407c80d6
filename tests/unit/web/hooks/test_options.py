"""change_hook_dialects and change_hook_auth at checkconfig (A11)."""

from __future__ import annotations

from typing import Any

from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.trial import unittest

from buildbot.web.hooks.logins import CHANGE_HOOK_AUTH, checkersOf
from buildbot.web.hooks.options import CHANGE_HOOK_DIALECTS, checkedDialects


class DialectTests(unittest.SynchronousTestCase):
    """The argument change_hook_dialects."""

    def errors(self, value: Any) -> str:
        """The faults."""
        return "\n".join(checkedDialects(value).errors)

    def test_old(self) -> None:
        """The arguments of 0.8 are taken: True, an empty dict, or options."""
        value = {
            "base": True,
            "gitlab": None,
            "poller": {"allowed": ["a"]},
            "github": {"secret": "s", "strict": True, "codebase": lambda payload: "x"},
            "bitbucket": {},
        }
        checked = checkedDialects(value)
        self.assertEqual((checked.errors, sorted(checked.dialects)), ((), sorted(value)))
        self.assertEqual(checked.dialects["github"].secrets, ("s",))
        self.assertEqual(checked.dialects["poller"].allowed, ("a",))
        self.assertEqual(checkedDialects(None).dialects, {})
        self.assertEqual(checkedDialects({"base": False}).dialects, {})

    def test_noSecret(self) -> None:
        """S1: a hook that would refuse everybody causes a warning, unless something else is the proof."""
        (doubt,) = checkedDialects({"github": True}).doubts
        self.assertIn("'github' has no secret, so it refuses every delivery", doubt)
        self.assertEqual(checkedDialects({"github": True}, hasLogin=True).doubts, ())
        self.assertEqual(checkedDialects({"github": {"addresses": ["::1"]}}).doubts, ())

    def test_aliases(self) -> None:
        """Forgejo, and the names of later releases, are other names for dialects."""
        names = ("forgejo", "bitbucketcloud", "bitbucketserver")
        found = checkedDialects({name: {"secret": "s"} for name in names}).dialects
        self.assertEqual([found[name].dialect for name in names], ["gitea", "bitbucket", "bitbucket"])

    def test_gone(self) -> None:
        """The hosts of 0.8 that have closed are refused, with advice."""
        for name in ("gitorious", "googlecode"):
            self.assertRegex(self.errors({name: True}), "closed in 201[56]: take the hook out")

    def test_wrong(self) -> None:
        """Each wrong value is reported, with the right ones."""
        for value, said in (
            ([], "must be a dict"),
            ({"git-hub": True}, "did you mean 'github'"),
            ({5: True}, "must be text"),
            ({"github": 5}, "options must be a dict, not an int"),
            ({"github": {"secrt": "x"}}, "no option 'secrt'; did you mean 'secret'"),
            ({"github": {"secret": ""}}, "'secret' must be text that is not empty"),
            ({"github": {"secret": 7}}, "'secret' must be"),
            ({"github": {"strict": True}}, "'strict' needs the option 'secret'"),
            ({"github": {"class": object}}, "use the dialect 'base'"),
            ({"github": {"codebase": lambda: ""}}, "a function of the body"),
            ({"github": {"addresses": ["300.1.1.1"]}}, "addresses"),
            ({"github": {"addresses": 5}}, "addresses"),
            ({"github": {"pullrequest_ref": "x"}}, "'merge' or 'head'"),
            ({"gitlab": {"sha1": True}}, "no option 'sha1'"),
            ({"poller": {"allowed": "a"}}, "a list of names of pollers"),
        ):
            self.assertIn(said, self.errors(value))
            self.assertIsNotNone(CHANGE_HOOK_DIALECTS.trouble(value))

    def test_together(self) -> None:
        """All faults are reported at once."""
        self.assertEqual(len(checkedDialects({"github": {"a": 1, "secret": 5}, "no": True}).errors), 3)

    def test_noSecretShown(self) -> None:
        """S1: no message shows a secret."""
        wrong = {"github": {"secret": ["canary-7", 5]}, "base": {"secret": "canary-7", "x": 1}}
        self.assertNotIn("canary", f"{self.errors(wrong)} {CHANGE_HOOK_DIALECTS.trouble(wrong)}")
        self.assertNotIn("canary", repr(checkedDialects({"base": {"secret": "canary-7"}})))


class LoginTests(unittest.SynchronousTestCase):
    """The argument change_hook_auth."""

    def test_right(self) -> None:
        """Checkers, and texts for them, are taken as in 0.8.8."""
        value = [InMemoryUsernamePasswordDatabaseDontUse(), "memory:ann:pw"]
        made, errors = checkersOf(value)
        self.assertEqual((len(made), errors), (2, []))
        self.assertIsNone(CHANGE_HOOK_AUTH.trouble(value))
        self.assertEqual(checkersOf(None), ([], []))

    def test_wrong(self) -> None:
        """What is no checker is reported; no message shows a password."""
        for value, said in (
            ("file:x", "must be a list"),
            ([5], "must provide ICredentialsChecker"),
            ([InMemoryUsernamePasswordDatabaseDontUse], "must provide"),
            (["nothing:canary-7"], "kind 'nothing' cannot be made"),
            ([AllowAnonymousAccess()], "does not check names and passwords"),
        ):
            made, errors = checkersOf(value)
            self.assertEqual(made, [])
            self.assertIn(said, errors[0])
            self.assertNotIn("canary", f"{errors} {CHANGE_HOOK_AUTH.trouble(value)}")

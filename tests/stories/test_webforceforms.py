"""The forms of a C{ForceScheduler}: all kinds of parameters, and what a person may do with their fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.stories import test_webacts
from tests.stories.test_webacts import AUTHZ


class ParameterTests(test_webacts.ActingCase):
    """One scheduler has a parameter of each kind."""

    MORE = (
        """
from buildbot.schedulers.forcesched import *
class Own(StringParameter):
    size = 44
c['schedulers'] = [ForceScheduler('force', ['full'], username=UserNameParameter(need_email=False),
    codebases=[CodebaseParameter('', branch=ChoiceStringParameter('branch', label='Branch:',
        choices=['trunk', 'old'], default='trunk', strict=False), project=None, repository=None)],
    properties=[
    StringParameter('short', size=5), Own('own'), TextParameter('notes', rows=9, cols=60, required=True),
    TextParameter('plain'),
    ChoiceStringParameter('parts', choices=['a', 'b'], multiple=True, strict=False, default=['a']),
    ChoiceStringParameter('mode', choices=['x', 'y'], required=True),
    InheritBuildParameter('inherit', compatible_builds=lambda status, builder: ['full/7']),
    BuildslaveChoiceParameter(), IntParameter('jobs', default=4),
    NestedParameter('left', [StringParameter('path', label='Path:')], label='Left <b>side</b>'),
    NestedParameter('right', [StringParameter('path', label='Path:'), BooleanParameter('deep')]),
    NestedParameter('gone', [StringParameter('path', default='/')], hide=True)])]
"""
        + AUTHZ
    )
    FORM = {"forcescheduler": "force", "notes": "one", "mode": "x", "branch": ["trunk", ""]}

    def setUp(self) -> None:
        super().setUp()
        self.logIn()

    def forced(self, **fields: str | Sequence[str]) -> dict[str, Any]:
        """Force a build. Returns its properties and its branch."""
        answer = self.post("/builders/full/force", **{**self.FORM, **fields})
        self.assertEqual(answer.status, 303, answer.text)
        build = self.master.botmaster.builders["full"].building[0]
        found = {**build.build_status.properties, "branch": build.source.branch}
        self.end()
        return found

    def form(self) -> str:
        """The form."""
        return self.get("/builders/full/force").text

    def test_room(self) -> None:
        """Fields have the room that the configuration gives them, and the usual one without that."""
        page = self.form()
        self.assertIn('class="sized" type="text" name="short" value="" size="5"', page)
        self.assertIn('<label class="wide">own <input class="sized" type="text" name="own"', page)
        self.assertIn('class="sized" name="notes" rows="9" cols="60" required', page)
        self.assertIn('class="" name="plain" rows="3" cols="40">', page)
        self.assertIn('type="number" name="jobs" value="4"', page)

    def test_groups(self) -> None:
        """The fields of a group stand below its title; those of a hidden group are not shown."""
        page = self.form()
        for title, name in (("Left side", "left_path"), ("right", "right_path")):
            self.assertRegex(page, rf'<legend>{title}</legend><label>Path <input type="text" name="{name}"')
        self.assertNotIn("gone", page)
        found = self.forced(left_path="l", right_path="r", checkbox="right_deep")
        self.assertEqual((found["left"], found["right"]), ({"path": "l"}, {"path": "r", "deep": True}))
        self.assertEqual(found["gone"], {"path": "/"})

    def test_another(self) -> None:
        """A choice that is not strict has a field for another text. The next form shows that text again."""
        page = self.form()
        self.assertIn('<option value="trunk" selected>', page)
        self.assertIn('<label>Branch (another) <input type="text" name="branch" value=""', page)
        self.assertEqual(self.forced(branch=["old", ""])["branch"], "old")
        self.assertIn('<option value="old" selected>', self.form())
        self.assertEqual(self.forced(branch=["old", "topic <1>"])["branch"], "topic <1>")
        page = self.form()
        self.assertRegex(page, '<select name="branch"><option value="" selected>')
        self.assertIn('name="branch" value="topic &lt;1&gt;"', page)
        self.assertEqual(self.forced(branch=["old", ""])["branch"], "old")

    def test_others(self) -> None:
        """Another text is added to several chosen ones. Strict choices, and slaves, have no such field."""
        page = self.form()
        self.assertIn('<option value="-any-" selected>', page)
        names = re.findall(r"<label>(\w+) \(another\)", page)
        self.assertEqual(names, ["Branch", "parts", "inherit"])
        self.assertEqual(self.forced(parts=["b", "", "c"])["parts"], ["b", "c"])
        page = self.form()
        self.assertIn('<option value="b" selected>', page)
        self.assertIn('name="parts" value="c"', page)

    def test_required(self) -> None:
        """A browser asks for a choice that must be made; the master refuses a form without it."""
        self.assertIn('<select name="mode" required><option value="" selected>', self.form())
        for _ in range(2):
            answer = self.post("/builders/full/force", **{**self.FORM, "mode": "", "notes": " ", "jobs": "x"})
            self.assertEqual(answer.status, 400)
            for name in ("mode", "notes", "jobs"):
                self.assertIn(f"parameter &#39;{name}&#39;", answer.text.replace("&#x27;", "&#39;"))

    def test_lines(self) -> None:
        """A text of several lines is kept as it is, and shown again with its first empty line."""
        self.assertEqual(self.forced(notes="\r\none\r\ntwo")["notes"], "\none\ntwo")
        page = self.form()
        self.assertIn(" required>\n\none\ntwo</textarea>", page)

    def test_described(self) -> None:
        """Programs learn which choices take another text."""
        (scheduler,) = self.ask("/api/v1/builders/full/parameters").json["schedulers"]
        free = [each["name"] for each in scheduler["parameters"] if each["free"]]
        self.assertEqual(free, ["branch", "parts", "inherit"])
        groups = {each["name"]: each["group"] for each in scheduler["parameters"] if each["group"]}
        self.assertEqual(groups["left_path"], "Left side")

# -*- test-case-name: tests.stories.test_waterfall -*-
"""The form that makes the address of a waterfall."""

from __future__ import annotations

import time
from collections.abc import Iterable

from buildbot.text.lasting import tellable
from buildbot.web.call import Call, Page
from buildbot.web.markup import NOTHING, Markup, Template, join
from buildbot.web.routes import Route

_FORM = Template(
    '<form action="{to}" method="get">'
    "<fieldset><legend>Builders</legend><p>Without a choice, all are shown.</p>"
    '<div class="choices">{builders}</div></fieldset>{categories}'
    "<fieldset><legend>Builds</legend>"
    '<p><label for="branch">Branch (trunk is the main line)</label> '
    '<input id="branch" name="branch" value="{branch}"></p>'
    '<p><label for="committer">Changes by</label> '
    '<input id="committer" name="committer" value="{committer}"></p>'
    '<p><label for="project">Project</label> <input id="project" name="project" value="{project}"></p>'
    "<p>{failures} {events}</p>"
    "</fieldset>"
    "<fieldset><legend>Time</legend>"
    '<p><label for="show_time">Length</label> <select id="show_time" name="show_time">{lengths}</select></p>'
    '<p><label for="until">Until (such as 2h, yesterday, 2026-11-30 14:05; empty is now)</label> '
    '<input id="until" name="until" value="{until}"></p>'
    '<p><label for="num_events">Rows</label> <input id="num_events" name="num_events" type="number" min="1" '
    'value="{rows}"></p>'
    '<p><label for="reload">Load again after seconds, without script</label> '
    '<input id="reload" name="reload" type="number" min="15" value="{reload}"></p>'
    "</fieldset><p><button>Show</button></p></form>"
)
_CATEGORIES = Template(
    '<fieldset><legend>Categories and tags</legend><div class="choices">{choices}</div></fieldset>'
)
_CHOICE = {
    isOn: Template(f'<label><input type="checkbox" name="{{name}}" value="{{value}}"{more}> {{text}}</label>')
    for isOn, more in ((False, ""), (True, " checked"))
}
_LENGTH = {
    isOn: Template(f'<option value="{{seconds}}"{more}>{{text}}</option>')
    for isOn, more in ((False, ""), (True, " selected"))
}
#: The parameters of the waterfall with one value, and those with several: name -> all names of the same.
_TEXTS = (
    *("branch", "committer", "project", "failures_only", "show_events", "show_time", "last_time"),
    *("until",),
    *("num_events", "reload"),
)
_NO = ("", "0", "false")
_SAME = {"builder": ("builder", "show"), "category": ("category", "tag")}
#: The lengths of time that the form offers: seconds and words.
LENGTHS: tuple[tuple[int | str, str], ...] = (
    ("", "as much as there is room for"),
    (3600, "1 hour"),
    (4 * 3600, "4 hours"),
    (24 * 3600, "1 day"),
    (7 * 24 * 3600, "7 days"),
)


def waterfallHelp(call: Call) -> Page:
    """The form, with what the waterfall shows now."""
    given = {name: (call.given.get(name) or [""])[-1] for name in _TEXTS}
    names = call.world.status.getBuilderNames(call.world.options.categories)
    setups = [call.world.config.builders[name] for name in names]
    tags = sorted({tag for each in setups for tag in (each.category, *each.tags) if tag})
    form = _FORM(
        to=call.to("waterfall"),
        **{name: given[name] for name in ("branch", "committer", "project", "reload")},
        until=given["until"] or _moment(given["last_time"]),
        failures=_box("failures_only", "true", given["failures_only"] not in _NO, "Only broken builders"),
        events=_box("show_events", "true", given["show_events"] not in _NO, "Events of slaves"),
        builders=_choices(call, "builder", names),
        categories=_CATEGORIES(choices=_choices(call, "category", tags)) if tags else NOTHING,
        lengths=join(
            _LENGTH[given["show_time"] == str(seconds)](seconds=seconds, text=text)
            for seconds, text in LENGTHS
        ),
        rows=given["num_events"] or call.world.options.numEvents,
    )
    return Page("Choose what the waterfall shows", [form], trail=(("Waterfall", call.to("waterfall")),))


def _moment(seconds: str) -> str:
    """A time in seconds since the epoch as a person writes it; "" if it is none."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(tellable(float(seconds))))
    except ValueError:
        return ""


def _choices(call: Call, name: str, values: Iterable[str]) -> Markup:
    chosen = {text for each in _SAME[name] for text in call.given.get(each, ())}
    return join(_box(name, each, each in chosen, each) for each in values)


def _box(name: str, value: str, isOn: bool, text: str) -> Markup:
    return _CHOICE[isOn](name=name, value=value, text=text)


ROUTES = (Route("/waterfall/help", waterfallHelp, "A form that makes the address of a waterfall."),)

# -*- test-case-name: tests.stories.test_waterfall -*-
"""The form that makes the address of a waterfall."""

from __future__ import annotations

from collections.abc import Iterable

from buildbot.web.call import Call, Page
from buildbot.web.markup import NOTHING, Markup, Template, join
from buildbot.web.routes import Route

_FORM = Template(
    '<form action="{to}" method="get">'
    "<fieldset><legend>Builders</legend><p>Without a choice, all are shown.</p>"
    '<div class="choices">{builders}</div></fieldset>{categories}'
    "<fieldset><legend>Builds</legend>"
    '<p><label for="branch">Branch (trunk is the main line)</label> <input id="branch" name="branch"></p>'
    '<p><label for="committer">Changes by</label> <input id="committer" name="committer"></p>'
    '<p><label for="project">Project</label> <input id="project" name="project"></p>'
    '<p><label><input type="checkbox" name="failures_only" value="true"> Only broken builders</label></p>'
    '<p><label><input type="checkbox" name="show_events" value="true"> Events of slaves</label></p>'
    "</fieldset>"
    "<fieldset><legend>Time</legend>"
    '<p><label for="show_time">Length</label> <select id="show_time" name="show_time">{lengths}</select></p>'
    '<p><label for="last_time">Until, in seconds since 1970; empty is now</label> '
    '<input id="last_time" name="last_time" type="number" min="0"></p>'
    '<p><label for="num_events">Rows</label> <input id="num_events" name="num_events" type="number" min="1" '
    'value="{rows}"></p>'
    '<p><label for="reload">Load again after seconds, without script</label> '
    '<input id="reload" name="reload" type="number" min="15"></p>'
    "</fieldset><p><button>Show</button></p></form>"
)
_CATEGORIES = Template(
    '<fieldset><legend>Categories and tags</legend><div class="choices">{choices}</div></fieldset>'
)
_CHOICE = Template('<label><input type="checkbox" name="{name}" value="{value}"> {value}</label>')
_LENGTH = Template('<option value="{seconds}">{text}</option>')
#: The lengths of time that the form offers: seconds and words.
LENGTHS: tuple[tuple[int | str, str], ...] = (
    ("", "as much as there is room for"),
    (3600, "1 hour"),
    (4 * 3600, "4 hours"),
    (24 * 3600, "1 day"),
    (7 * 24 * 3600, "7 days"),
)


def waterfallHelp(call: Call) -> Page:
    """The form."""
    names = call.world.status.getBuilderNames(call.world.options.categories)
    setups = [call.world.config.builders[name] for name in names]
    tags = sorted({tag for each in setups for tag in (each.category, *each.tags) if tag})
    form = _FORM(
        to=call.to("waterfall"),
        builders=_choices("builder", names),
        categories=_CATEGORIES(choices=_choices("category", tags)) if tags else NOTHING,
        lengths=join(_LENGTH(seconds=seconds, text=text) for seconds, text in LENGTHS),
        rows=call.world.options.numEvents,
    )
    return Page("Choose what the waterfall shows", [form], trail=(("Waterfall", call.to("waterfall")),))


def _choices(name: str, values: Iterable[str]) -> Markup:
    return join(_CHOICE(name=name, value=each) for each in values)


ROUTES = (Route("/waterfall/help", waterfallHelp, "A form that makes the address of a waterfall."),)

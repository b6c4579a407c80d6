# -*- test-case-name: tests.stories.test_webacts -*-
"""Forms: fields with labels, and a button. A form that acts uses POST, and none needs a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from buildbot.web.markup import NOTHING, Href, Markup, Template, join, link

_FORM = Template('<form class="{looks}" method="post" action="{to}">{fields}<button>{button}</button></form>')
#: A form with this many fields or more shows them in columns, each field below its label.
_MANY = 3
#: A field with room for this many characters or more has the whole width of a form with columns.
_WIDE = 30
#: The room of a textarea.
_ROWS, _COLS = 3, 40
_HIDDEN = Template('<input type="hidden" name="{name}" value="{value}">')


def _both(text: str, attribute: str) -> dict[bool, Template]:
    """Two templates: without an attribute, and with the attribute in place of "MORE"."""
    return {isOn: Template(text.replace(" MORE", f" {attribute}" if isOn else "")) for isOn in (False, True)}


_INPUT = _both(
    '<label>{label} <input type="{kind}" name="{name}" value="{value}" autocomplete="{autocomplete}" MORE>'
    "</label> ",
    "required",
)
_SIZED = _both(
    '<label class="{width}">{label} <input class="sized" type="{kind}" name="{name}" value="{value}" '
    'size="{size}" autocomplete="{autocomplete}" MORE></label> ',
    "required",
)
# Browsers leave out the first line break.
_AREA = _both(
    '<label class="{width}">{label} <textarea class="{looks}" name="{name}" rows="{rows}" cols="{cols}" MORE>'
    "\n{value}</textarea></label> ",
    "required",
)
_BOX = _both('<label><input type="checkbox" name="{name}" value="{value}" MORE> {label}</label> ', "checked")
_SELECT = {
    isMultiple: _both(
        f'<label>{{label}} <select name="{{name}}"{more} MORE>{{options}}</select></label> ', "required"
    )
    for isMultiple, more in ((False, ""), (True, " multiple"))
}
_OPTION = _both('<option value="{value}" MORE>{value}</option>', "selected")
_SEARCH = _both(
    '<details class="act" MORE><summary>{label}</summary><form class="act fields" method="get" role="search" '
    'action="{to}" aria-label="{label}">{fields}<button>Show</button>{clear}</form></details>',
    "open",
)
_FOLDED = Template('<details class="act"><summary>{title}</summary>{content}</details>')
_FIELDSET = Template('<fieldset class="fields"><legend>{title}</legend>{fields}</fieldset>')
_GROUP = Template('<div class="acts">{content}</div>')


@dataclass(frozen=True)
class Field:
    """One field of a form.

    @ivar kind: "text", "number", "password", "hidden", "textarea", "checkbox" or "select".
    @ivar isOn: whether a checkbox is checked.
    @ivar choices: the texts of a select.
    @ivar multiple: whether several of them may be chosen.
    @ivar chosen: the texts that are chosen, if there are several; else it is C{value}.
    @ivar size: the room for characters in a line; 0: the usual one.
    @ivar rows: the lines of a textarea; 0: the usual ones.
    @ivar group: the title of the group of fields that it belongs to, if any.
    """

    name: str
    label: str = ""
    value: str = ""
    kind: str = "text"
    required: bool = False
    autocomplete: str = "off"
    isOn: bool = False
    choices: tuple[str, ...] = ()
    multiple: bool = False
    chosen: tuple[str, ...] = ()
    size: int = 0
    rows: int = 0
    group: str = ""

    def html(self) -> Markup:
        """My HTML."""
        if self.kind == "hidden":
            return _HIDDEN(name=self.name, value=self.value)
        width = "wide" if self.size >= _WIDE else ""
        if self.kind == "textarea":
            return _AREA[self.required](
                width=width,
                label=self.label,
                looks="sized" if self.size else "",
                name=self.name,
                rows=self.rows or _ROWS,
                cols=self.size or _COLS,
                value=self.value,
            )
        if self.kind == "checkbox":
            return _BOX[self.isOn](label=self.label, name=self.name, value=self.value)
        if self.kind == "select":
            chosen = self.chosen or (self.value,)
            options = join(_OPTION[each in chosen](value=each) for each in self.choices)
            return _SELECT[self.multiple][self.required](label=self.label, name=self.name, options=options)
        if self.size:
            return _SIZED[self.required](
                width=width,
                label=self.label,
                kind=self.kind,
                name=self.name,
                value=self.value,
                size=self.size,
                autocomplete=self.autocomplete,
            )
        return _INPUT[self.required](
            label=self.label,
            kind=self.kind,
            name=self.name,
            value=self.value,
            autocomplete=self.autocomplete,
        )


def searchForm(to: Href, label: str, fields: Sequence[Field]) -> Markup:
    """A form that chooses what a page shows. It asks, and changes nothing. It is folded unless a field is
    filled in; then it has a link to the whole page.

    @param label: what it chooses.
    """
    isUsed = any(each.isOn or (each.value and each.kind == "text") for each in fields)
    clear = link(to, "Show all") if isUsed else NOTHING
    return _SEARCH[isUsed](to=to, label=label, fields=join(each.html() for each in fields), clear=clear)


def form(to: Href, button: str, fields: Sequence[Field] = ()) -> Markup:
    """A form that posts to an address."""
    isLong = sum(each.kind != "hidden" for each in fields) >= _MANY
    looks = "act fields" if isLong else "act"
    parts = []
    for title, some in groupby(fields, lambda each: each.group):
        content = join(each.html() for each in some)
        parts.append(_FIELDSET(title=title, fields=content) if title else content)
    return _FORM(looks=looks, to=to, fields=join(parts), button=button)


def folded(title: str, content: Markup) -> Markup:
    """Forms behind a heading that opens them."""
    return _FOLDED(title=title, content=content)


def group(forms: Sequence[Markup]) -> Markup:
    """Several forms in one place; an empty text without forms."""
    return _GROUP(content=join(forms)) if forms else NOTHING

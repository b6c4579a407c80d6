# -*- test-case-name: tests.stories.test_webacts -*-
"""Forms: fields with labels, and a button. A form that acts uses POST, and none needs a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from buildbot.web.markup import NOTHING, Href, Markup, Template, join, link

_FORM = Template('<form class="{looks}" method="post" action="{to}">{fields}<button>{button}</button></form>')
#: A form with this many fields or more shows them in columns, each field below its label.
_MANY = 3
_HIDDEN = Template('<input type="hidden" name="{name}" value="{value}">')
_AREA = Template('<label>{label} <textarea name="{name}" rows="3" cols="40">{value}</textarea></label> ')


def _both(text: str, attribute: str) -> dict[bool, Template]:
    """Two templates: without an attribute, and with the attribute in place of "MORE"."""
    return {isOn: Template(text.replace(" MORE", f" {attribute}" if isOn else "")) for isOn in (False, True)}


_INPUT = _both(
    '<label>{label} <input type="{kind}" name="{name}" value="{value}" autocomplete="{autocomplete}" MORE>'
    "</label> ",
    "required",
)
_BOX = _both('<label><input type="checkbox" name="{name}" value="{value}" MORE> {label}</label> ', "checked")
_SELECT = _both('<label>{label} <select name="{name}" MORE>{options}</select></label> ', "multiple")
_OPTION = _both('<option value="{value}" MORE>{value}</option>', "selected")
_SEARCH = _both(
    '<details class="act" MORE><summary>{label}</summary><form class="act fields" method="get" role="search" '
    'action="{to}" aria-label="{label}">{fields}<button>Show</button>{clear}</form></details>',
    "open",
)
_FOLDED = Template('<details class="act"><summary>{title}</summary>{content}</details>')
_GROUP = Template('<div class="acts">{content}</div>')


@dataclass(frozen=True)
class Field:
    """One field of a form.

    @ivar kind: "text", "number", "password", "hidden", "textarea", "checkbox" or "select".
    @ivar isOn: whether a checkbox is checked.
    @ivar choices: the texts of a select.
    @ivar multiple: whether several of them may be chosen.
    @ivar chosen: the texts that are chosen, if there are several; else it is C{value}.
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

    def html(self) -> Markup:
        """My HTML."""
        if self.kind == "hidden":
            return _HIDDEN(name=self.name, value=self.value)
        if self.kind == "textarea":
            return _AREA(label=self.label, name=self.name, value=self.value)
        if self.kind == "checkbox":
            return _BOX[self.isOn](label=self.label, name=self.name, value=self.value)
        if self.kind == "select":
            chosen = self.chosen or (self.value,)
            options = join(_OPTION[each in chosen](value=each) for each in self.choices)
            return _SELECT[self.multiple](label=self.label, name=self.name, options=options)
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
    return _FORM(looks=looks, to=to, fields=join(each.html() for each in fields), button=button)


def folded(title: str, content: Markup) -> Markup:
    """Forms behind a heading that opens them."""
    return _FOLDED(title=title, content=content)


def group(forms: Sequence[Markup]) -> Markup:
    """Several forms in one place; an empty text without forms."""
    return _GROUP(content=join(forms)) if forms else NOTHING

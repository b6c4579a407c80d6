"""Draws the attachment of a slave as an SVG picture, from the table in the code.

Run it after a change of that table: C{python docs/diagrams.py}. A test compares the picture with the code.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from buildbot.slaves.attachment import Attachment, Event, State, advance

PICTURE = Path(__file__).parent / "architecture" / "attachment.svg"
#: The states in which a connection is served. Their common arrows are drawn once, from the frame.
SERVED = (State.ASKING, State.OFFERING, State.READY)
FRAME = "FRAME"
#: The middle of each box.
PLACES = {
    State.ABSENT: (70, 95),
    State.ASKING: (270, 95),
    State.OFFERING: (455, 95),
    State.READY: (640, 95),
    State.CLOSING: (270, 270),
    State.DISPLACING: (560, 270),
}
#: The path of each arrow, and the middle of its label: from, to -> path, x, y.
ARROWS: dict[tuple[str, str], tuple[str, int, int]] = {
    ("ABSENT", "ASKING"): ("M122 85 H217", 160, 77),
    ("ASKING", "OFFERING"): ("M322 95 H402", 362, 87),
    ("OFFERING", "READY"): ("M507 95 H587", 547, 87),
    ("OFFERING", "OFFERING"): ("M435 75 C425 35 485 35 475 77", 455, 37),
    ("READY", "READY"): ("M620 75 C610 35 670 35 660 77", 640, 37),
    (FRAME, "ABSENT"): ("M200 110 H123", 162, 127),
    (FRAME, "CLOSING"): ("M240 150 V247", 192, 203),
    (FRAME, "DISPLACING"): ("M600 150 V247", 640, 203),
    ("CLOSING", "ABSENT"): ("M218 270 H70 V119", 140, 262),
    ("CLOSING", "DISPLACING"): ("M322 262 H507", 415, 254),
    ("DISPLACING", "CLOSING"): ("M508 280 H323", 415, 297),
    ("DISPLACING", "DISPLACING"): ("M612 260 C660 250 660 290 613 280", 692, 274),
    ("DISPLACING", "ASKING"): ("M540 248 C540 190 290 215 285 119", 430, 193),
}


class Arrow(NamedTuple):
    """I am one arrow: from a state, or from the frame around several, to a state, upon some events."""

    source: str
    target: str
    events: tuple[str, ...]


def transitions() -> dict[tuple[State, Event], State]:
    """What the machine does in each state upon each event, where it does anything."""
    found = {}
    for state in State:
        for event in Event:
            now: Attachment[Any] = Attachment(
                state, None if state is State.ABSENT else "a", "b" if state is State.DISPLACING else None
            )
            then, effects = advance(now, event, "c" if event is Event.CONNECTED else now.peer)
            if then != now or effects:
                found[state, event] = then.state
    return found


def arrows() -> Iterator[Arrow]:
    """All of them."""
    rest = transitions()
    events: dict[tuple[str, str], list[str]] = {}
    for (state, event), target in list(rest.items()):
        source = state.name
        if state in SERVED and all(rest.get((each, event)) is target for each in SERVED):
            source = FRAME
        names = events.setdefault((source, target.name), [])
        if event.name not in names:
            names.append(event.name)
    for (source, aim), names in events.items():
        yield Arrow(source, aim, tuple(names))


def picture() -> str:
    """The text of the picture. Raises KeyError if nobody has said where an arrow runs."""
    lines = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 320" width="740" height="320"',
        '     font-family="sans-serif" font-size="12" text-anchor="middle">',
        '<defs><marker id="tip" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">',
        '<path d="M0 0 L9 4 L0 8 z" fill="#333"/></marker></defs>',
        '<rect x="200" y="15" width="510" height="135" rx="12" fill="#f6f6f6" stroke="#999"',
        '      stroke-dasharray="5 4"/>',
    ]
    for state, (x, y) in PLACES.items():
        lines.append(
            f'<rect x="{x - 52}" y="{y - 22}" width="104" height="44" rx="8" fill="#fff" stroke="#333"/>'
        )
        lines.append(f'<text x="{x}" y="{y + 4}" font-weight="bold">{state.name}</text>')
    for source, target, events in arrows():
        path, x, y = ARROWS[source, target]
        lines.append(f'<path d="{path}" fill="none" stroke="#333" marker-end="url(#tip)"/>')
        lines.append(f'<text x="{x}" y="{y}">{", ".join(events)}</text>')
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(picture())

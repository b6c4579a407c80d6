"""The commands that are only for fun, as the bots of 0.7 and 0.8 had them."""

from __future__ import annotations

#: The lines of a dance. They are said one after another, as the pace of the lines allows it.
DANCE = (
    "\\o/  and one",
    "/o\\  and two",
    "\\o_  to the left",
    "_o/  to the right",
    "\\o/  and the build is green!",
)
#: Things that people say, in small letters -> what the bot answers.
SILLY = {
    "thanks": "you are welcome",
    "thank you": "you are welcome",
    "good bot": "I do my best",
    "bad bot": "I only say what the builders say",
}
HELLO = "hello!"
DESTROYED = "looks at its builders, and decides to destroy nothing today"
EXCITED = "Yes! Builds, builds, builds!"


def reactionTo(deed: str, nick: str) -> str | None:
    """What the bot does when somebody kicks, hugs or pats it; None if the deed is another one."""
    words = deed.lower().strip(" .!").split()
    if len(words) < 2 or words[-1] != nick.lower():
        return None
    return {
        "kicks": "rubs the place, and builds on",
        "hugs": "beeps happily",
        "pats": "beeps happily",
    }.get(words[0])

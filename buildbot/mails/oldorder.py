# -*- test-case-name: tests.unit.mails.test_arguments -*-
"""The positional arguments of MailNotifier in the order of 0.8, which differs from that of 0.7.5."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

#: The position of C{buildSetSummary} in 0.8, where 0.7.5 has the subject, and the names from there on. The
#: last one is C{categories} in 0.8, which gives the third one a second name.
PLACE = 6
NAMES = (
    *("buildSetSummary", "subject", "lookup", "extraRecipients", "sendToInterestedUsers", "customMesg"),
    *("messageFormatter", "extraHeaders", "addPatch", "useTls", "smtpUser", "smtpPassword", "smtpPort"),
    *("previousBuildGetter", "tags"),
)


_Init = TypeVar("_Init", bound=Callable[..., None])


def inEitherOrder(init: _Init) -> _Init:
    """Decorate a constructor: take the arguments in the order of 0.8, too.

    The type of the argument at L{PLACE} shows the order: a subject is text, C{buildSetSummary} is a bool.
    """

    @wraps(init)
    def ordered(made: object, *args: Any, **kwargs: Any) -> None:
        later = dict(zip(NAMES, args[PLACE:], strict=False))
        isOf08 = len(args) > PLACE and isinstance(args[PLACE], bool)
        if isOf08 and len(args) <= PLACE + len(NAMES) and later.keys().isdisjoint(kwargs):
            args, kwargs = args[:PLACE], {**later, **kwargs}
        init(made, *args, **kwargs)

    return ordered  # type: ignore[return-value]

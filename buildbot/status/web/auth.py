"""The checks of passwords of 0.7.11 to 0.8, under their names; see L{buildbot.web.accounts.oldauth}."""

from __future__ import annotations

from buildbot.web.accounts.oldauth import (
    AuthBase,
    BasicAuth,
    HTPasswdAprAuth,
    HTPasswdAuth,
    IAuth,
    UsersAuth,
)

__all__ = ["AuthBase", "BasicAuth", "HTPasswdAprAuth", "HTPasswdAuth", "IAuth", "UsersAuth"]

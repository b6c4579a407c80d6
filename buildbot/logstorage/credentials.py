# -*- test-case-name: tests.unit.logstorage.test_credentials -*-
"""Find the keys of a bucket: in a file, or in the environment. Messages never have a part of them."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from buildbot.logstorage.bucket import Server, StorageAway

_CURE = "see docs/howto/object-storage"
_VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@dataclass(frozen=True)
class Keys:
    """The keys of a bucket. C{token}: for keys that end after some time; None for others."""

    access: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def findKeys(setup: Server, environ: Mapping[str, str]) -> Keys | None:
    """The keys of a bucket; None if the machine's own service must be asked. Blocks.

    @raise StorageAway: there are none, or the file with them cannot be used.
    """
    profile = setup.profile or environ.get("AWS_PROFILE") or "default"
    if setup.credentialsFile is not None:
        return _read(setup.credentialsFile, profile)
    access, secret = (environ.get(each) for each in _VARIABLES)
    if access and secret:
        return Keys(access, secret, environ.get("AWS_SESSION_TOKEN"))
    home = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".aws", "credentials")
    path = environ.get("AWS_SHARED_CREDENTIALS_FILE") or home
    if os.path.exists(path):
        return _read(path, profile)
    if setup.instanceProfile:
        return None
    raise StorageAway(
        f"there are no keys: credentialsFile is not given, {_VARIABLES[0]} and {_VARIABLES[1]} are not set,"
        f" and there is no file {path}",
        _CURE,
    )


def _read(path: str, profile: str) -> Keys:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with open(path, encoding="utf-8") as file:
            parser.read_file(file)
    except OSError as why:
        raise StorageAway(f"cannot read the keys in {os.path.abspath(path)}: {why.strerror}", _CURE) from None
    except (configparser.Error, ValueError):  # their words may show a key
        raise _unfit(path, "it has not the form of ~/.aws/credentials") from None
    if not parser.has_section(profile):
        raise _unfit(path, f"it has no part [{profile}]")
    names = [each.lower() for each in _VARIABLES]
    found = [parser.get(profile, name, fallback="") for name in names]
    for name, value in zip(names, found, strict=True):
        if not value:
            raise _unfit(path, f"[{profile}] has no {name}")
    access, secret = found
    return Keys(access, secret, parser.get(profile, "aws_session_token", fallback=None))


def _unfit(path: str, why: str) -> StorageAway:
    return StorageAway(f"cannot use the keys in {os.path.abspath(path)}: {why}", _CURE)

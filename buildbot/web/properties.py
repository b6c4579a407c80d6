# -*- test-case-name: tests.unit.web.test_properties -*-
"""Properties as visitors may see them: without secrets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from buildbot.text.secrets import STRUCK, isSecret, struckOut


def withoutSecrets(properties: Mapping[str, Any], secrets: Collection[str]) -> dict[str, Any]:
    """The properties, with stars for each secret value.

    @param secrets: the passwords that the configuration has read from files and the environment. They are
        struck out of all values. If the name of a property sounds secret, its whole value is struck out.
    """
    return {
        name: STRUCK if isSecret(name) and each not in (None, "") else _struck(each, secrets)
        for name, each in properties.items()
    }


def _struck(value: Any, secrets: Collection[str]) -> Any:
    if not secrets:
        return value
    if isinstance(value, str):
        return struckOut(value, secrets)
    if isinstance(value, Mapping):
        return {key: _struck(each, secrets) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_struck(each, secrets) for each in value]
    return value

"""The documentation and the frozen shapes of the API, compared with the routes and schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial import unittest

from buildbot.web.api.openapi import described
from buildbot.web.api.schemas import SCHEMAS
from buildbot.web.routes import Route
from buildbot.web.table import TABLE
from tests.layers import ROOT

#: The shapes that clients rely on. To add new ones, run this module as a program.
FROZEN = Path(__file__).with_name("api_v1.json")
_OTHERS = ("/api", "/metrics", "/livez", "/healthz", "/readyz", "/xmlrpc")


def isForPrograms(route: Route) -> bool:
    """True for a route of the page about the API."""
    return route.path.startswith(("/api/", "/json")) or route.kind == "feed" or route.path in _OTHERS


def shapes() -> dict[str, Any]:
    """What clients rely on: each operation with its parameters, each key of each schema with its type."""
    description = described(TABLE, ".")
    operations = {
        f"{method} {path}": sorted(each["name"] for each in operation["parameters"])
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }
    keys = {
        f"{name}.{key}": _typeOf(schema)
        for name, each in description["components"]["schemas"].items()
        for key, schema in each.get("properties", {}).items()
    }
    return {"operations": operations, "keys": keys}


def _typeOf(schema: dict[str, Any]) -> Any:
    """The type of a schema, without its words."""
    if isinstance(schema, dict):
        return {
            key: _typeOf(each) for key, each in schema.items() if key in ("type", "items", "anyOf", "$ref")
        }
    return [_typeOf(each) for each in schema] if isinstance(schema, list) else schema


def gone(frozen: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """What clients rely on, and is there no more."""
    for name, parameters in frozen["operations"].items():
        if not set(parameters) <= set(now["operations"].get(name, ())):
            yield f"{name} had the parameters {parameters}"
    for key, type in frozen["keys"].items():
        if now["keys"].get(key) != type:
            yield f"{key} was {type}"


class DescribedTests(unittest.TestCase):
    """The page docs/reference/api.rst, and the promise that shapes stay."""

    def test_documented(self) -> None:
        """The page lists all routes for programs, and no others."""
        page = Path(ROOT, "docs", "reference", "api.rst").read_text(encoding="utf-8")
        said = re.findall(r"^   \* - ``((?:GET|POST) /\S+)``$", page, re.MULTILINE)
        routes = [
            f"{each.method} {re.sub(r':(int|rest)}', '}', each.path)}"
            for each in TABLE
            if isForPrograms(each)
        ]
        self.assertEqual(sorted(said), sorted(routes))

    def test_frozen(self) -> None:
        """No operation, parameter or key of the API has gone, and no key has another type."""
        frozen = json.loads(FROZEN.read_text(encoding="utf-8"))
        self.assertEqual(list(gone(frozen, shapes())), [])

    def test_references(self) -> None:
        """Every schema that another one or a route names is there."""
        text = json.dumps(described(TABLE, "."))
        names = set(re.findall(r"#/components/schemas/(\w+)", text))
        schemas = described(TABLE, ".")["components"]["schemas"]
        self.assertEqual(sorted(names - set(schemas)), [])

    def test_operations(self) -> None:
        """Each operation has its own name."""
        paths = described(TABLE, ".")["paths"].values()
        names = [each["operationId"] for methods in paths for each in methods.values()]
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("Builds", SCHEMAS)


if __name__ == "__main__":
    FROZEN.write_text(json.dumps(shapes(), indent=1, sort_keys=True) + "\n", encoding="utf-8")

# -*- test-case-name: tests.stories.test_webapi -*-
"""The description of C{/api/v1} as OpenAPI 3.1, made of the route table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from buildbot import version
from buildbot.web.api.answers import ROOT
from buildbot.web.api.schemas import BODIES, SCHEMAS
from buildbot.web.call import Answer, Call
from buildbot.web.jsonanswers import asJSON
from buildbot.web.routes import Parameter, Route, Table

_SEGMENT = re.compile(r"\{(\w+)(?::(int|rest))?\}")
_KINDS = {"integer": "integer", "number": "number", "flag": "boolean"}
_ABOUT = """\
The state of a Buildbot master, its events, and actions. Times are seconds since 1970.
A list has the cursor of its next part in "next".
An answer has an ETag: send it as If-None-Match, and the answer is 304 while nothing has changed.
"""


def described(routes: Iterable[Route], url: str) -> dict[str, Any]:
    """The description of the routes of C{/api/v1}.

    @param url: the address of the master, relative to that of the description.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if route.path.startswith(f"{ROOT}/"):
            path = _SEGMENT.sub(r"{\1}", route.path.removeprefix(ROOT))
            paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Buildbot", "version": version, "description": _ABOUT},
        "servers": [{"url": url}],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **BODIES},
            "responses": {
                "Problem": {
                    "description": "The request cannot be answered as asked.",
                    "content": {"application/problem+json": {"schema": _ref("Problem")}},
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "account": {"type": "http", "scheme": "basic"},
            },
        },
        "security": [{}, {"token": []}, {"account": []}],
    }


def _operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {
        "summary": route.about,
        "operationId": _identity(route),
        "parameters": [*_segments(route), *map(_parameter, route.parameters)],
        "responses": {
            "202" if route.method == "POST" else "200": _response(route),
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if route.method == "POST":
        found["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "A text of your own: a second request with it does not act again.",
                "schema": {"type": "string", "maxLength": 200},
            }
        )
        body = f"{_identity(route)}Body"
        if body in BODIES:
            found["requestBody"] = {"content": {"application/json": {"schema": _ref(body)}}}
    else:
        found["responses"]["304"] = {"description": "Nothing has changed."}
    return found


def _response(route: Route) -> dict[str, Any]:
    type = "application/json" if route.schema else "text/event-stream"
    schema = _ref(route.schema) if route.schema else {"type": "string"}
    return {"description": route.about, "content": {type: {"schema": schema}}}


def _identity(route: Route) -> str:
    """A name for the operation, such as C{getBuildersBuilderBuilds}."""
    words = re.findall(r"[A-Za-z]+", _SEGMENT.sub(r"\1", route.path.removeprefix(ROOT)))
    return route.method.lower() + "".join(word[0].upper() + word[1:] for word in words)


def _segments(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": match.group(1),
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if match.group(2) == "int" else "string"},
        }
        for match in _SEGMENT.finditer(route.path)
    ]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _KINDS.get(parameter.kind, "string")}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.least is not None:
        schema["minimum"] = parameter.least
    if parameter.most is not None:
        schema["maximum"] = parameter.most
    if parameter.default not in (None, "", ()):
        schema["default"] = parameter.default
    if parameter.repeated:
        schema = {"type": "array", "items": schema}
    return {"name": parameter.name, "in": "query", "description": parameter.about, "schema": schema}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def openapi(call: Call) -> Answer:
    """The description."""
    return asJSON(described(call.world.part(Table), "."))


def root(call: Call) -> Answer:
    """The version of the API, and the address of its description. Everybody may read this without a login."""
    return asJSON(
        {
            "name": "Buildbot",
            "version": version,
            "api": str(call.to("api", "v1", "")),
            "openapi": str(call.to("api", "v1", "openapi.json")),
            "documentation": "docs/reference/api of the Buildbot manual",
            "events": str(call.to("api", "v1", "events")),
        }
    )


ROUTES = (
    *(
        Route(
            path,
            root,
            "The version of the API, and the address of its description.",
            action="",
            kind="json",
            strict=True,
            schema="Root",
        )
        for path in ("/api", ROOT)
    ),
    Route(
        f"{ROOT}/openapi.json",
        openapi,
        "This description, as OpenAPI 3.1.",
        kind="json",
        strict=True,
        schema="Description",
    ),
)

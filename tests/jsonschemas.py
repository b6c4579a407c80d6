"""A small validator of JSON Schemas, for the parts of the language that the API uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def errors(
    value: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], path: str = "$"
) -> Iterator[str]:
    """What is wrong with a value. Keys that the schema does not name are wrong, too."""
    if "$ref" in schema:
        yield from errors(value, schemas[schema["$ref"].rpartition("/")[2]], schemas, path)
        return
    if "anyOf" in schema:
        if not any(not list(errors(value, each, schemas, path)) for each in schema["anyOf"]):
            yield f"{path}: no choice fits {value!r}"
        return
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(_is(value, each) for each in kinds):
        yield f"{path}: {value!r} is no {' or '.join(kinds)}"
        return
    if isinstance(value, dict) and "properties" in schema:
        yield from (f"{path}: {name} is missing" for name in schema["required"] if name not in value)
        for name, each in value.items():
            if name not in schema["properties"]:
                yield f"{path}: {name} is not in the schema"
            else:
                yield from errors(each, schema["properties"][name], schemas, f"{path}.{name}")
    if isinstance(value, list) and "items" in schema:
        for number, each in enumerate(value):
            yield from errors(each, schema["items"], schemas, f"{path}[{number}]")


def _is(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])
